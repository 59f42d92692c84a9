import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Octets that change on the disk while the broker runs")
struct DamageTests {
    private static let directory = VirtualHostDirectory.path(Array("/".utf8))

    private func publish(_ text: String, to queue: ShortString, _ peer: ScriptedPeer) {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        peer.send(Script().publish(text, to: queue, properties).bytes)
    }

    /// An old message in "slow", and so many others that went through "fast" that compaction pays.
    private func fill(_ store: CompactingBroker) throws {
        let peer = try store.broker.connect()
        for queue: ShortString in ["slow", "fast"] {
            peer.send(QueueDeclare(queue: queue, durable: true, noWait: true))
        }
        publish("old old old", to: "slow", peer)
        try peer.consume("fast", "f")
        for number in 0..<400 {
            publish("passing \(number) " + String(repeating: ".", count: 200), to: "fast", peer)
            for delivery in try peer.deliveries() { peer.ack(delivery.tag) }
            if number % 8 == 0 { try store.sync() }
        }
        try store.sync()
    }

    private func flip(_ text: String, on disk: MemoryDisk) throws {
        let path = Self.directory + "/" + SegmentName.segment(0)
        let place = try #require(disk[path].firstRange(of: Array(text.utf8))).lowerBound
        disk[path][place] ^= 1
    }

    private func compact(_ store: CompactingBroker) throws {
        try store.compactAll()
        // What the first segment says of the topology has to be said anew.
        for _ in 0..<2 { try store.sync() }
    }

    /// The files with what was damaged.
    private func setAside(on disk: MemoryDisk) throws -> [String] {
        try disk.list(Self.directory).contains("damaged")
            ? try disk.list(Self.directory + "/damaged") : []
    }

    @Test("do not hold compaction up where nothing is live")
    func dead() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk)
        try fill(store)
        try flip("passing 1 ", on: disk)
        try compact(store)
        #expect(store.firstLSN > 0)
        #expect(try setAside(on: disk).isEmpty)
        store.end()
    }

    @Test("do no harm to a message that is in memory: compaction writes it anew")
    func inMemory() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk)
        try fill(store)
        try flip("old old", on: disk)
        try compact(store)
        #expect(store.firstLSN > 0)
        disk.kill()
        store.end()
        let next = try CompactingBroker(disk)
        #expect(next.report.losses.isEmpty)
        let slow = try next.broker.queue("slow")
        #expect(try next.waiting(in: slow).map(\.text) == ["old old old"])
        next.end()
    }

    @Test(
        "cost a message that is on disk only, once: its octets are set aside, and the rest goes on"
    )
    func onDisk() throws {
        let disk = MemoryDisk()
        let before = try CompactingBroker(disk)
        try fill(before)
        disk.kill()
        before.end()
        let store = try CompactingBroker(disk)
        let slow = try store.broker.queue("slow")
        try flip("old old", on: disk)
        try compact(store)
        #expect(store.firstLSN > 0)
        #expect(try setAside(on: disk).count == 1)
        let peer = try store.broker.connect()
        try peer.consume("slow", "s", noAck: true)
        publish("young", to: "slow", peer)
        #expect(try peer.texts() == ["young"])
        #expect(slow.state.counters.lost == 1)
        try store.sync()
        disk.kill()
        store.end()
        let next = try CompactingBroker(disk)
        #expect(next.report.losses.isEmpty)
        #expect(try next.broker.queue("slow").state.ready.count == 0)
        next.end()
    }

    @Test("cost a message that is read back, once, and do not keep its segment")
    func readBack() throws {
        let disk = MemoryDisk()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, budget: 64 << 10)
        let peer = try store.broker.connect()
        peer.send(QueueDeclare(queue: "q", durable: true, noWait: true))
        let texts = (0..<500).map { "<\($0)> " + String(repeating: "x", count: 400) }
        for (number, text) in texts.enumerated() {
            publish(text, to: "q", peer)
            guard number % 20 == 19 else { continue }
            try store.writeAndSync()
            store.pageAll()
        }
        try flip("<250>", on: disk)
        try peer.consume("q", "c", noAck: true)
        store.pageAll()
        #expect(try peer.texts() == texts.filter { !$0.hasPrefix("<250>") })
        #expect(try store.broker.queue("q").state.counters.lost == 1)
        #expect(try setAside(on: disk).count == 1)
        #expect(store.log.lines.count { $0.contains("queue=q") && $0.contains("count=1") } == 1)
        #expect(store.broker.virtualHost.state.journal.ledger.oldestLive == nil)
        store.end()
    }
}
