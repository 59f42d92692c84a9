import TestSupport
import Testing
import Wire

@testable import Broker

/// A stream with limits, publishers and consumers of it, on a disk that stops, fills up and starts
/// again: what happens comes from a seed.
private final class StreamHistory {
    let disk: MemoryDisk
    private var random: Seed
    private(set) var failures: [String] = []
    private(set) var deliveryCount = 0
    private(set) var forgottenCount = 0
    /// Numbers of messages in the order they were published; those that were confirmed.
    private var nextNumber = 0
    private var confirmed: Set<Int> = []
    /// The number of the message seen at each offset, in whatever life.
    private var seen: [Int64: Int] = [:]
    private var isDeclared = false

    /// Numbers that wait for their confirm, by delivery tag; of one life.
    private var waiting: [UInt64: Int] = [:]
    private var lastTag: UInt64 = 0
    /// What each consumer has got last; of one life.
    private var readers: [UInt16: Reader] = [:]

    private struct Reader {
        let tag: ShortString
        var lastOffset: Int64?
    }

    private static let sizeMax = 30_000

    init(seed: UInt64) {
        disk = MemoryDisk(seed: seed)
        random = Seed(seed)
    }

    private func fail(_ what: String) { failures.append(what) }

    // MARK: A life

    /// Lives until the disk stops, or for some actions; then the machine or the process goes.
    func live() throws {
        if random.oneIn(2) {
            disk.stopsAt = disk.operationCount + Int.random(in: 1...150, using: &random)
        }
        waiting = [:]
        lastTag = 0
        readers = [:]
        defer {
            disk.capacity = .max
            if random.oneIn(2) { disk.kill() } else { disk.crash() }
        }
        do {
            let store = try DiskJournal(disk, segmentSize: 8_192)
            defer { store.end() }
            try act(store)
        } catch is StorageError {
            return
        }
    }

    private func act(_ store: DiskJournal) throws {
        let peer = try store.broker.connect()
        for channel in 2...5 as ClosedRange<UInt16> { try peer.openChannel(channel) }
        peer.askForStream(
            "s",
            [
                "x-max-length-bytes": .int32(Int32(Self.sizeMax)),
                "x-stream-max-segment-size-bytes": .int32(4_096),
            ]
        )
        try sync(store)
        try peer.expect(QueueDeclareOk.self)
        isDeclared = true
        try peer.selectConfirms()
        for _ in 0..<Int.random(in: 5...40, using: &random) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3: publish(peer)
            case 4, 5: try sync(store)
            case 6: try read(peer, on: UInt16.random(in: 2...5, using: &random))
            case 7:
                disk.capacity =
                    disk.capacity < .max
                    ? .max : disk.usedSize + Int.random(in: 0...4_000, using: &random)
            default: try cancel(peer)
            }
            try hear(peer, store)
        }
        disk.capacity = .max
        // What a full disk has held up comes first.
        for _ in 0..<2 { try sync(store) }
        try hear(peer, store)
        if !waiting.isEmpty { fail("\(waiting.count) confirms did not come") }
    }

    /// The journal's steps; a full disk leaves them undone.
    private func sync(_ store: DiskJournal) throws {
        do throws(StorageError) {
            try store.writeAndSync()
        } catch .diskFull {
            guard !isDeclared else { return }
            disk.capacity = .max
            try store.writeAndSync()
        }
    }

    private func publish(_ peer: ScriptedPeer) {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let size = Int.random(in: 0...(random.oneIn(10) ? 9_000 : 600), using: &random)
            peer.publish("\(nextNumber) " + String(repeating: "x", count: size), to: "s")
            lastTag += 1
            waiting[lastTag] = nextNumber
            nextNumber += 1
        }
    }

    private func read(_ peer: ScriptedPeer, on channel: UInt16) throws {
        guard readers[channel] == nil else { return }
        let offsets: [FieldValue] = [
            "first", "last", "next", .int64(Int64.random(in: 0...100, using: &random)), "1h",
        ]
        let offset = offsets[Int.random(in: 0..<offsets.count, using: &random)]
        let tag = ShortString("c\(channel)") ?? ""
        try peer.setPrefetch(UInt16.random(in: 1...20, using: &random), on: channel)
        try peer.call(
            BasicConsume(queue: "s", consumerTag: tag, arguments: ["x-stream-offset": offset]),
            BasicConsumeOk.self,
            on: channel
        )
        readers[channel] = Reader(tag: tag)
    }

    private func cancel(_ peer: ScriptedPeer) throws {
        guard random.oneIn(3), let channel = readers.keys.sorted().first else { return }
        try hearDeliveries(peer, on: channel, first: nil)
        peer.send(BasicCancel(consumerTag: readers[channel]?.tag ?? ""), on: channel)
        try peer.expect(BasicCancelOk.self, on: channel)
        readers[channel] = nil
    }

    // MARK: What is heard

    private func hear(_ peer: ScriptedPeer, _ store: DiskJournal) throws {
        while try peer.has(on: 1) {
            let ack = try peer.expect(BasicAck.self)
            for (tag, number) in waiting where tag <= ack.deliveryTag {
                confirmed.insert(number)
                waiting[tag] = nil
            }
        }
        let first = try store.broker.queue("s").state.stream?.firstOffset
        for channel in readers.keys.sorted() {
            try hearDeliveries(peer, on: channel, first: first.map { Int64($0) })
        }
    }

    /// A consumer gets one message after the other, but for what the stream has forgotten.
    private func hearDeliveries(_ peer: ScriptedPeer, on channel: UInt16, first: Int64?) throws {
        while try peer.has(on: channel) {
            let delivery = try peer.expectDelivery(on: channel)
            let header = delivery.content.properties.headers?["x-stream-offset"]
            let offset = try #require(header?.integer)
            note(offset, delivery.text)
            if let last = readers[channel]?.lastOffset, offset != last + 1 {
                let isForgotten = offset > last && (first ?? offset) >= offset
                if !isForgotten { fail("offset \(offset) after \(last)") }
            }
            readers[channel]?.lastOffset = offset
            deliveryCount += 1
            if random.oneIn(4) {
                peer.ack(delivery.method.deliveryTag, multiple: true, on: channel)
            }
        }
    }

    /// An offset is that of one message for ever.
    private func note(_ offset: Int64, _ text: String) {
        guard let number = text.split(separator: " ").first.flatMap({ Int($0) }) else {
            return fail("a message nobody sent: \(text.prefix(20))")
        }
        if number >= nextNumber { fail("message \(number) was not sent") }
        if let before = seen[offset], before != number {
            fail("offset \(offset) was message \(before), is \(number)")
        }
        seen[offset] = number
    }

    // MARK: What is left

    /// After a start: everything confirmed that has not been forgotten, in order.
    func check() throws {
        let store = try DiskJournal(disk, segmentSize: 8_192)
        defer { store.end() }
        if !store.losses.isEmpty { fail("\(store.losses)") }
        if store.report.hasLostRecords { fail("\(store.report.losses)") }
        guard store.broker.virtualHost.queue(named: "s") != nil else {
            if !confirmed.isEmpty { fail("the stream is gone") }
            return
        }
        let peer = try store.broker.connect()
        try peer.read("s", prefetch: 60_000)
        let found = try peer.entries()
        for entry in found { note(entry.offset, entry.text) }
        let offsets = found.map(\.offset)
        let first = offsets.first ?? 0
        if offsets != Array(first..<first + Int64(offsets.count)) { fail("offsets \(offsets)") }
        let numbers = offsets.compactMap { seen[$0] }
        if numbers != numbers.sorted() || Set(numbers).count != numbers.count {
            fail("out of order: \(numbers)")
        }
        let lost = confirmed.subtracting(numbers).filter { $0 > numbers.first ?? -1 }
        if !lost.isEmpty { fail("lost: \(lost.sorted())") }
        forgottenCount = Int(first)
        if first == 0, numbers.first ?? 0 > 0, confirmed.contains(0) { fail("the first is gone") }
    }
}

@Suite("Histories of streams")
struct StreamHistoryTests {
    @Test("keep their promises whatever happens, and in whatever order")
    func histories() throws {
        var deliveryCount = 0
        var forgottenCount = 0
        for seed in 1...80 as ClosedRange<UInt64> {
            let history = StreamHistory(seed: seed)
            for life in 1...6 where history.failures.isEmpty {
                try history.live()
                try history.check()
                for failure in history.failures.prefix(3) {
                    Issue.record("seed \(seed), life \(life): \(failure)")
                }
            }
            deliveryCount += history.deliveryCount
            forgottenCount += history.forgottenCount
        }
        // A history in which nothing happens holds, too.
        #expect(deliveryCount > 1_000)
        #expect(forgottenCount > 100)
    }
}
