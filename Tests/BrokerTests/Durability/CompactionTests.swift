import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Compaction of the journal")
struct CompactionTests {
    private static var persistent: BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        return properties
    }

    private func declare(
        _ queue: ShortString,
        _ peer: ScriptedPeer,
        _ store: CompactingBroker
    ) throws {
        peer.send(QueueDeclare(queue: queue, durable: true))
        try store.sync()
        try peer.expect(QueueDeclareOk.self)
    }

    private func publish(_ text: String, to queue: ShortString, _ peer: ScriptedPeer) {
        peer.send(Script().publish(text, to: queue, Self.persistent).bytes)
    }

    /// A broker with a message that nobody takes from "slow", and the queue "fast".
    private func begin(on disk: MemoryDisk) throws -> (CompactingBroker, ScriptedPeer) {
        let store = try CompactingBroker(disk)
        let peer = try store.broker.connect()
        try declare("slow", peer, store)
        try declare("fast", peer, store)
        publish("old", to: "slow", peer)
        return (store, peer)
    }

    /// Messages go through a queue and are acknowledged, the journal being compacted or not.
    private func passTraffic(
        _ count: Int,
        _ peer: ScriptedPeer,
        _ store: CompactingBroker,
        isCompacted: Bool = true
    ) throws -> Int {
        var largest = 0
        for number in 0..<count {
            publish("passing \(number) " + String(repeating: ".", count: 200), to: "fast", peer)
            for delivery in try peer.deliveries() { peer.ack(delivery.tag) }
            if number % 8 == 0 { try store.sync() }
            if isCompacted, number % 40 == 0 { try store.compactAll() }
            largest = max(largest, store.size)
        }
        try store.sync()
        return largest
    }

    @Test("a segment that is removed while it is copied from is passed over, silently")
    func removedMeanwhile() throws {
        let disk = MemoryDisk()
        let (store, peer) = try begin(on: disk)
        try peer.consume("fast", "f")
        _ = try passTraffic(120, peer, store, isCompacted: false)
        let bases = store.segmentBases
        var calls = 0
        let lines = LineCollector()
        let first = "vhosts/%2F/" + SegmentName.segment(bases[0])
        let compactor = Compactor(
            VanishingDisk(disk, vanished: first),
            store.journalOptions,
            log: lines.logger(level: .debug)
        ) {
            calls += 1
            return calls < 3 ? bases : Array(bases.dropFirst())
        }
        for _ in 0..<4 {
            _ = compactor.step { body in store.broker.batch { body(store.virtualHost) } }
        }
        #expect(calls > 3)
        #expect(lines.lines.isEmpty)
        store.end()
    }

    @Test("a record across the end of a stretch is copied whole", arguments: [0, 3, 7])
    func acrossTheEnd(padding: Int) throws {
        let store = try CompactingBroker(MemoryDisk())
        let peer = try store.broker.connect()
        try declare("many", peer, store)
        try declare("kept", peer, store)
        for _ in 0..<100 { publish(String(repeating: ".", count: 400), to: "many", peer) }
        try store.sync()
        publish(String(repeating: ".", count: 16 * padding), to: "many", peer)
        for _ in 0..<30 {
            publish(String(repeating: ".", count: 90), to: "kept", peer)
            try store.sync()
        }
        peer.send(QueuePurge(queue: "many", noWait: true))
        try store.sync()
        try store.sync(beforeRemoval: { #expect(store.compact() == .worked(0)) })
        try store.compactAll()
        #expect(store.virtualHost.state.journal.compaction.stuckAt == nil)
        #expect(try store.waiting(in: try store.broker.queue("kept")).count == 30)
        store.end()
    }

    @Test("one old message does not keep what came after it", arguments: [true, false])
    func oldMessage(isCompacted: Bool) throws {
        let disk = MemoryDisk()
        let (store, peer) = try begin(on: disk)
        try store.sync()
        let slow = try store.broker.connect()
        try slow.consume("slow", "s")
        #expect(try slow.texts() == ["old"])
        try peer.consume("fast", "f")
        let largest = try passTraffic(1500, peer, store, isCompacted: isCompacted)
        if isCompacted {
            #expect(largest < 10 * CompactingBroker.segmentSize)
        } else {
            #expect(largest > 80 * CompactingBroker.segmentSize)
        }
        disk.kill()
        store.end()
        let next = try CompactingBroker(disk)
        #expect(next.report.losses.isEmpty)
        let left = try next.waiting(in: try next.broker.queue("slow"))
        #expect(left == [.init(position: 0, deliveryCount: 1, text: "old")])
        #expect(try next.broker.queue("fast").state.ready.isEmpty)
        next.end()
    }

    @Test("a copy has the places that are left, and how often the message came back to each")
    func places() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk)
        let peer = try store.broker.connect()
        for name in ["a", "b", "c", "d", "fast"] as [ShortString] {
            try declare(name, peer, store)
            if name != "fast" {
                peer.send(QueueBind(queue: name, exchange: "amq.fanout", noWait: true))
            }
        }
        let script = Script().publish("both", to: "", exchange: "amq.fanout", Self.persistent)
        peer.send(script.bytes)
        publish("second", to: "a", peer)
        let other = try store.broker.connect()
        for _ in 0..<3 { other.nack(try other.get("a").method.deliveryTag) }
        other.ack(try other.get("b").method.deliveryTag)
        let out = try other.get("c").method.deliveryTag
        _ = try other.get("d")
        peer.send(QueueDelete(queue: "d", noWait: true))
        try store.sync()
        try peer.consume("fast", "f")
        _ = try passTraffic(800, peer, store)
        #expect(store.copiedSize > 0)
        #expect(store.firstLSN > 100_000)
        // The copies are what their entries point to.
        #expect(try store.live(in: try store.broker.queue("c")).map(\.text) == ["both"])
        let expected: [(name: ShortString, waiting: [CompactingBroker.Waiting])] = [
            (
                "a",
                [
                    .init(position: 0, deliveryCount: 3, text: "both"),
                    .init(position: 1, deliveryCount: 0, text: "second"),
                ]
            ),
            ("b", []), ("c", [.init(position: 0, deliveryCount: 1, text: "both")]),
        ]
        disk.kill()
        let next = try CompactingBroker(disk.copy())
        for (name, waiting) in expected {
            #expect(try next.waiting(in: try next.broker.queue(name)) == waiting)
        }
        #expect(next.virtualHost.queue(named: "d") == nil)
        next.end()
        other.ack(out)
        store.end()
    }

    @Test("an entry follows its copy when that is durable, not before")
    func durableFirst() throws {
        let store = try CompactingBroker(MemoryDisk())
        let peer = try store.broker.connect()
        try declare("slow", peer, store)
        try declare("fast", peer, store)
        publish("old", to: "slow", peer)
        try peer.consume("fast", "f")
        _ = try passTraffic(400, peer, store, isCompacted: false)
        let slow = try store.broker.queue("slow")
        let lsn = try #require(slow.state.ready.first?.journalLSN)
        publish("passing", to: "fast", peer)
        try store.sync {
            while store.copiedSize == 0, store.compact() != .idle {}
        }
        #expect(store.copiedSize > 0)
        #expect(slow.state.ready.first?.journalLSN == lsn)
        #expect(store.firstLSN == 0)
        try store.sync()
        #expect(try #require(slow.state.ready.first?.journalLSN) > lsn)
        // What the first segment says of the topology has to be said anew.
        try store.sync()
        #expect(store.firstLSN > lsn)
        store.end()
    }

    @Test("brings back what is live, in its place, with its count, whatever goes on meanwhile")
    func exact() throws {
        var copiedSize: UInt64 = 0
        for seed in 1...12 as ClosedRange<UInt64> {
            let disk = MemoryDisk(seed: seed)
            var random = Seed(seed)
            for life in 0..<3 {
                // In some seeds most messages are on disk only.
                let store = try CompactingBroker(disk, budget: seed % 3 == 0 ? 8 << 10 : Int.max)
                var scene = try CompactionScene(store, seed: seed * 10 + UInt64(life))
                for _ in 0..<1200 {
                    try scene.turn()
                    if random.oneIn(9) { try store.sync { _ = store.compact() } }
                    if random.oneIn(3) { _ = store.compact() }
                    if random.oneIn(3) { store.page() }
                }
                store.page()
                try store.sync()
                var expected: [ShortString: [CompactingBroker.Waiting]] = [:]
                for name in CompactionScene.queues {
                    let live = try store.live(in: try store.broker.queue(name))
                    // What was out counts again after a start, and the oldest are too much.
                    let limit = CompactionScene.lengthMax[name] ?? Int.max
                    expected[name] = Array(live.suffix(limit))
                }
                copiedSize += store.copiedSize
                disk.kill()
                store.end()
                let next = try CompactingBroker(disk)
                for name in CompactionScene.queues {
                    let found = try next.waiting(in: try next.broker.queue(name))
                    #expect(found == expected[name], "seed \(seed), life \(life), \(name)")
                }
                #expect(next.report.losses.isEmpty)
                next.end()
            }
        }
        #expect(copiedSize > 100_000)
    }

    @Test("loses nothing confirmed, whatever operation of the disk is the last", arguments: 1...3)
    func crashes(seed: UInt64) throws {
        var stop = 1
        var hasFinished = false
        while !hasFinished {
            let disk = MemoryDisk(seed: seed)
            var model = CompactionModel()
            for life in 0..<3 {
                if life < 2 { disk.stopsAt = disk.operationCount + stop }
                let isWhole = try live(on: disk, seed: seed + UInt64(life), &model)
                if life == 0 { hasFinished = isWhole }
                if life == 1, seed.isMultiple(of: 2) { disk.kill() } else { disk.crash() }
                disk.stopsAt = nil
            }
            if !model.failures.isEmpty {
                Issue.record("seed \(seed), stop \(stop): \(model.failures)")
                break
            }
            stop += stop < 40 ? 1 : 7
        }
        #expect(stop > 100)
    }

    /// One process, from its start until the disk stops or the script is at its end.
    ///
    /// - Returns: Whether it came to the end.
    private func live(
        on disk: MemoryDisk,
        seed: UInt64,
        _ model: inout CompactionModel
    ) throws -> Bool {
        let store: CompactingBroker
        do throws(StorageError) {
            store = try CompactingBroker(disk)
        } catch {
            return false
        }
        defer { store.end() }
        if let queue = store.virtualHost.queue(named: "q") {
            model.check(try store.waiting(in: queue).map(\.text), store.report)
        }
        do {
            try model.work(on: store, seed: seed)
            return true
        } catch is StorageError {
            return false
        }
    }
}
