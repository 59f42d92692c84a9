import TestSupport
import Testing
import Wire

@testable import Broker

/// A publisher of a stream and a queue, alone and in transactions, on a disk that stops anywhere.
private struct StreamRun {
    let disk: MemoryDisk
    /// Messages of the stream that were confirmed or committed, by number.
    private(set) var kept: Set<String> = []
    private var sent: Set<String> = []
    /// What consumers have seen at each offset.
    private var seen: [Int64: String] = [:]
    private var next = 0
    /// The numbers of the first messages of transactions.
    private var transactions: [Int] = []
    private(set) var failures: [String] = []

    init(seed: UInt64) throws {
        disk = MemoryDisk(seed: seed)
        let life = try DiskJournal(disk, segmentSize: 4_096)
        defer { life.end() }
        let peer = try life.broker.connect()
        peer.askForStream("s", ["x-stream-max-segment-size-bytes": .int32(1_024)])
        peer.send(QueueDeclare(queue: "q", durable: true))
        try life.writeAndSync()
    }

    private mutating func publish(
        _ peer: ScriptedPeer,
        to queue: ShortString,
        on channel: UInt16
    ) -> String {
        let text = "\(next) " + String(repeating: "x", count: 60)
        next += 1
        sent.insert(text)
        var properties = BasicProperties()
        properties.deliveryMode = 2
        peer.send(Script().publish(text, to: queue, properties, on: channel).bytes)
        return text
    }

    /// One life of the broker: publishes until the disk stops.
    mutating func live() throws {
        let life = try DiskJournal(disk, segmentSize: 4_096)
        defer { life.end() }
        let peer = try life.broker.connect()
        try peer.openChannel(2)
        try peer.openChannel(3)
        try peer.selectConfirms()
        try peer.call(TxSelect(), TxSelectOk.self, on: 2)
        try peer.setPrefetch(1000, on: 3)
        try peer.call(
            BasicConsume(queue: "s", consumerTag: "c", arguments: ["x-stream-offset": "first"]),
            BasicConsumeOk.self,
            on: 3
        )
        for _ in 0..<3 {
            let alone = (0..<3).map { _ in publish(peer, to: "s", on: 1) }
            try life.writeAndSync()
            while try peer.has(on: 1) { try peer.expect(BasicAck.self) }
            kept.formUnion(alone)
            transactions.append(next)
            let together = [publish(peer, to: "s", on: 2), publish(peer, to: "s", on: 2)]
            _ = publish(peer, to: "q", on: 2)
            peer.send(TxCommit(), on: 2)
            try life.writeAndSync()
            try peer.expect(TxCommitOk.self, on: 2)
            kept.formUnion(together)
            try look(peer)
        }
    }

    private mutating func look(_ peer: ScriptedPeer) throws {
        for delivery in try peer.deliveries(on: 3) {
            let header = delivery.content.properties.headers?["x-stream-offset"]
            let offset = try #require(header?.integer)
            if let before = seen[offset], before != delivery.text {
                failures.append("offset \(offset) was \(before), is \(delivery.text)")
            }
            seen[offset] = delivery.text
        }
    }

    /// What was confirmed is there once, in order; nothing else but what was sent.
    mutating func check() throws {
        let life = try DiskJournal(disk, segmentSize: 4_096)
        defer { life.end() }
        if life.broker.virtualHost.queue(named: "s") == nil {
            failures.append("the stream is gone")
            return
        }
        let peer = try life.broker.connect()
        try peer.openChannel(3)
        try peer.setPrefetch(1000, on: 3)
        try peer.call(
            BasicConsume(queue: "s", consumerTag: "c", arguments: ["x-stream-offset": "first"]),
            BasicConsumeOk.self,
            on: 3
        )
        let found = try peer.deliveries(on: 3)
        let texts = found.map(\.text)
        let numbers = texts.compactMap { Int($0.split(separator: " ")[0]) }
        if numbers != numbers.sorted() { failures.append("out of order: \(numbers)") }
        if Set(texts).count != texts.count { failures.append("twice: \(numbers)") }
        if !kept.isSubset(of: texts) { failures.append("lost: \(kept.subtracting(texts))") }
        if !sent.isSuperset(of: texts) { failures.append("invented") }
        let offsets = found.compactMap {
            $0.content.properties.headers?["x-stream-offset"]?.integer
        }
        if offsets != Array(0..<Int64(offsets.count)) { failures.append("offsets: \(offsets)") }
        for (offset, text) in zip(offsets, texts) where seen[offset] ?? text != text {
            failures.append("offset \(offset) was seen as \(seen[offset] ?? ""), is \(text)")
        }
        try checkTransactions(texts, life)
        if !life.losses.isEmpty { failures.append("\(life.losses)") }
        if life.report.hasLostRecords { failures.append("\(life.report.losses)") }
    }

    /// Each transaction is two messages here and one there, or nothing: they follow each other.
    private mutating func checkTransactions(_ texts: [String], _ life: DiskJournal) throws {
        let queue = try life.broker.queue("q")
        var count = 0
        for first in transactions {
            let parts = [first, first + 1].map { number in
                texts.contains { $0.hasPrefix("\(number) ") }
            }
            if parts[0] != parts[1] { failures.append("half of transaction \(first)") }
            if parts[0] { count += 1 }
        }
        if count != queue.state.ready.count {
            failures.append(
                "\(count) transactions in the stream, \(queue.state.ready.count) beside"
            )
        }
    }
}

@Suite("Streams across crashes")
struct StreamCrashTests {
    @Test(
        "keep what was confirmed, in order, with its offset, whatever operation it stops at",
        arguments: [false, true]
    )
    func everyOperation(isKill: Bool) throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            var stop = 1
            while true {
                var run = try StreamRun(seed: seed)
                run.disk.stopsAt = run.disk.operationCount + stop
                let isWhole = try live(&run, isKill: isKill)
                try run.check()
                _ = try live(&run, isKill: isKill)
                try run.check()
                for failure in run.failures.prefix(3) {
                    Issue.record("seed \(seed), stop \(stop): \(failure)")
                }
                if isWhole { break }
                stop += 1
            }
            #expect(stop > 60)
        }
    }

    @Test("one whose deletion a crash takes back has all that the journal says it has")
    func deletionTakenBack() throws {
        var comebacks = 0
        for seed in 0..<600 as Range<UInt64> {
            let disk = MemoryDisk(seed: seed)
            try publishAndDelete(on: disk, stop: 1 + Int(seed) % 20)
            disk.crash()
            let life = try DiskJournal(disk, segmentSize: 100_000)
            defer { life.end() }
            #expect(life.losses.isEmpty, "seed \(seed)")
            #expect(!life.report.hasLostRecords, "seed \(seed)")
            let stream = life.broker.virtualHost.queue(named: "s")?.state.stream
            comebacks += (stream?.state.nextOffset ?? 0) > 0 ? 1 : 0
        }
        #expect(comebacks > 0)
    }

    /// One batch, larger than what a disk writes in one piece, in which the disk stops: a
    /// transaction for the stream, other messages, and the stream's deletion.
    private func publishAndDelete(on disk: MemoryDisk, stop: Int) throws {
        let life = try DiskJournal(disk, segmentSize: 100_000)
        defer { life.end() }
        let peer = try life.broker.connect()
        peer.askForStream("s")
        peer.send(QueueDeclare(queue: "q", durable: true))
        try life.writeAndSync()
        try peer.openChannel(2)
        try peer.call(TxSelect(), TxSelectOk.self, on: 2)
        var properties = BasicProperties()
        properties.deliveryMode = 2
        peer.send(Script().publish("to the stream", to: "s", properties, on: 2).bytes)
        peer.send(TxCommit(), on: 2)
        let text = String(repeating: "x", count: 300)
        for _ in 0..<6 { peer.send(Script().publish(text, to: "q", properties).bytes) }
        peer.send(QueueDelete(queue: "s"))
        disk.stopsAt = disk.operationCount + stop
        do throws(StorageError) {
            try life.writeAndSync()
        } catch {
            // The disk has stopped.
        }
    }

    /// One life; whether the disk let it finish.
    private func live(_ run: inout StreamRun, isKill: Bool) throws -> Bool {
        defer { if isKill { run.disk.kill() } else { run.disk.crash() } }
        do {
            try run.live()
            return true
        } catch is StorageError {
            return false
        }
    }
}
