import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Streams on disk")
struct StreamDurabilityTests {
    /// Arguments of a stream that soon removes old files.
    private static let short: FieldTable = [
        "x-stream-max-segment-size-bytes": .int32(2_048), "x-max-length-bytes": .int32(6_000),
    ]
    private static let directory = "streams/%2F/1"

    private func play(
        _ disk: MemoryDisk = MemoryDisk(),
        _ scene: (DialogueBroker, DiskJournal) throws -> Void
    ) throws {
        let store = try DiskJournal(disk, segmentSize: 1 << 20)
        defer { store.end() }
        try store.writeAndSync()
        try scene(store.broker, store)
    }

    /// A publisher in confirm mode, of a stream of small files.
    private func makeStream(
        _ store: DiskJournal,
        _ arguments: FieldTable = ["x-stream-max-segment-size-bytes": .int32(2_048)]
    ) throws -> ScriptedPeer {
        let peer = try store.broker.connect()
        peer.askForStream("s", arguments)
        try store.writeAndSync()
        try peer.expect(QueueDeclareOk.self)
        try peer.selectConfirms()
        return peer
    }

    private func text(_ number: Int) -> String {
        "\(number) " + String(repeating: "x", count: 100)
    }

    /// Publishes numbers, some in each batch, and takes the confirms.
    private func publish(
        _ numbers: Range<Int>,
        _ peer: ScriptedPeer,
        _ store: DiskJournal,
        inBatchesOf count: Int = 5
    ) throws {
        for number in numbers {
            peer.publish(text(number), to: "s")
            if (number + 1) % count == 0 { try store.writeAndSync() }
        }
        try store.writeAndSync()
        while try peer.has(on: 1) { try peer.expect(BasicAck.self) }
    }

    private func numbers(_ store: DiskJournal, from offset: FieldValue = "first") throws -> [Int?] {
        let peer = try store.broker.connect()
        try peer.read("s", from: offset)
        defer { peer.hangUp() }
        return try peer.entries().map(\.number)
    }

    @Test("confirm and hand out a message when it is durable, not before")
    func durability() throws {
        try play { broker, store in
            let publisher = try makeStream(store)
            let reader = try broker.connect()
            try reader.read("s")
            publisher.publish(text(0), to: "s")
            try publisher.expectSilence()
            try reader.expectSilence()
            try store.writeAndSync()
            #expect(try publisher.expect(BasicAck.self).deliveryTag == 1)
            #expect(try reader.entries().map(\.number) == [0])
        }
    }

    @Test("are synced by and by even if the journal has been meanwhile")
    func interval() throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20, sync: .interval)
        defer { store.end() }
        let publisher = try makeStream(store)
        try store.sync()
        #expect(!store.owesSync)
        try publish(0..<1, publisher, store)
        // As before old segments go.
        try store.journal.sync()
        #expect(store.owesSync)
        try store.sync()
        #expect(!store.owesSync)
    }

    @Test("do not go before it is durable that they may", arguments: SyncPolicy.allCases)
    func deletion(policy: SyncPolicy) throws {
        let disk = MemoryDisk()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, sync: policy)
        let publisher = try makeStream(store)
        try publish(0..<3, publisher, store)
        try store.sync()
        publisher.send(QueueDelete(queue: "s"))
        try store.writeAndSync()
        store.end()
        let after = try DiskJournal(disk.durableCopy(), sync: policy)
        defer { after.end() }
        #expect(after.losses.isEmpty)
        #expect(disk.paths.allSatisfy { !$0.hasPrefix("streams") })
    }

    @Test("confirm a message to a stream and a queue when both are durable")
    func fanOut() throws {
        try play { broker, store in
            let publisher = try makeStream(store)
            publisher.send(QueueDeclare(queue: "q", durable: true))
            publisher.send(QueueBind(queue: "q", exchange: "amq.fanout"))
            publisher.send(QueueBind(queue: "s", exchange: "amq.fanout"))
            try store.writeAndSync()
            try publisher.expect(QueueDeclareOk.self)
            try publisher.expect(QueueBindOk.self)
            try publisher.expect(QueueBindOk.self)
            publisher.publish(text(0), to: "", exchange: "amq.fanout")
            try publisher.expectSilence()
            try store.writeAndSync()
            try publisher.expect(BasicAck.self)
            #expect(try numbers(store) == [0])
            #expect(try broker.queue("q").state.ready.count == 1)
        }
    }

    @Test("come back after a restart, with their offsets", arguments: [false, true])
    func restart(isKill: Bool) throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<200, publisher, store)
        }
        if isKill { disk.kill() } else { disk.crash() }
        try play(disk) { _, store in
            #expect(store.report.losses.isEmpty)
            #expect(try numbers(store) == Array(0..<200))
            #expect(try numbers(store, from: .int32(123)) == Array(123..<200))
            let publisher = try store.broker.connect()
            try publisher.selectConfirms()
            try publish(200..<250, publisher, store)
            #expect(try numbers(store) == Array(0..<250))
        }
    }

    @Test("keep the limits of a policy after a restart")
    func policy() throws {
        let disk = MemoryDisk()
        try play(disk) { broker, store in
            let publisher = try makeStream(store)
            let limits: FieldTable = [
                "max-length-bytes": .int64(6_000), "max-age": .string("1h"),
            ]
            try broker.set(PolicyRecord("p", "^s$", limits))
            try publish(0..<100, publisher, store)
        }
        disk.crash()
        try play(disk) { broker, store in
            let stream = try #require(try broker.queue("s").state.stream)
            #expect(stream.state.ageMax == .seconds(3_600))
            let before = stream.firstOffset
            #expect(before > 0 && stream.size < 10_000)
            let publisher = try broker.connect()
            try publisher.selectConfirms()
            try publish(100..<200, publisher, store)
            #expect(stream.firstOffset > before && stream.size < 10_000)
            broker.clearPolicy("p")
            try publish(200..<300, publisher, store)
            #expect(stream.size > 10_000)
        }
    }

    @Test("read back what is not in memory any more, block by block")
    func readingBack() throws {
        try play { broker, store in
            let publisher = try makeStream(
                store,
                ["x-stream-max-segment-size-bytes": .int32(700_000)]
            )
            let filling = String(repeating: "y", count: 9_000)
            for number in 0..<400 {
                publisher.publish("\(number) \(filling)", to: "s")
                if number % 10 == 9 { try store.writeAndSync() }
            }
            // Without consumers nothing stays in memory.
            #expect(try broker.queue("s").state.stream?.state.resident.count == 0)
            #expect(try numbers(store) == Array(0..<400))
            #expect(try numbers(store, from: .int32(333)) == Array(333..<400))
            #expect(try numbers(store, from: "last") == [399])
        }
    }

    @Test("are read past octets that do not check out, and the log says so")
    func damage() throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<60, publisher, store)
        }
        disk.crash()
        // A record in the middle of a file whose index is fine, so that no start looks at it.
        let path = Self.directory + "/" + SegmentName.segment(0)
        try play(disk) { _, store in
            disk[path][SegmentHeader.size + 700] ^= 1
            let found = try numbers(store)
            #expect(found.count < 60 && found.count >= 55)
            #expect(found.last == 59)
            #expect(found.compactMap { $0 } == found.compactMap { $0 }.sorted())
            #expect(store.log.lines.contains { $0.contains("queue=s") })
        }
    }

    @Test("that are damaged while the broker is down lose that, say so, and go on")
    func damagedFile() throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<60, publisher, store)
        }
        disk.crash()
        let path = Self.directory + "/" + SegmentName.segment(0)
        disk[path][SegmentHeader.size + 700] ^= 1
        disk.lose(Self.directory + "/" + SegmentName.index(0))
        try play(disk) { _, store in
            #expect(store.report.losses.map(\.file) == [path])
            #expect(store.report.losses.first?.kind == .damagedRecords)
            let found = try numbers(store)
            #expect(found.count < 60 && found.count >= 55)
            let publisher = try store.broker.connect()
            try publisher.selectConfirms()
            try publish(60..<61, publisher, store)
            #expect(try numbers(store).last == 60)
        }
    }

    @Test("never give an offset twice though all of their files are gone")
    func lostFiles() throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<60, publisher, store)
        }
        disk.crash()
        for path in disk.paths where path.hasPrefix(Self.directory) { disk.lose(path) }
        try play(disk) { _, store in
            #expect(store.losses == [.stream("s", offsets: 0..<60)])
            let publisher = try store.broker.connect()
            try publisher.selectConfirms()
            try publish(60..<62, publisher, store)
            #expect(try numbers(store) == [60, 61])
        }
    }

    @Test("stay where they are when the journal has lost their queue, and nobody else gets them")
    func withoutJournal() throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<5, publisher, store)
        }
        disk.crash()
        for path in disk.paths where path.hasPrefix("vhosts/") { disk.lose(path) }
        try play(disk) { _, store in
            #expect(store.losses.count == 1)
            _ = try makeStream(store)
            #expect(try numbers(store).isEmpty)
            #expect(disk.paths.contains { $0.hasPrefix(Self.directory + "/") })
        }
    }

    @Test("remove the files of what they forget, and all of them with their queue")
    func removal() throws {
        try play { broker, store in
            let publisher = try makeStream(store, Self.short)
            try publish(0..<200, publisher, store)
            let files = store.disk.paths.filter { $0.hasPrefix(Self.directory) }
            #expect(files.count < 12)
            let first = try #require(try broker.queue("s").state.stream).firstOffset
            #expect(try numbers(store) == Array(Int(first)..<200))
            publisher.send(QueueDelete(queue: "s"))
            try store.writeAndSync()
            try publisher.expect(QueueDeleteOk.self)
            #expect(!store.disk.paths.contains { $0.hasPrefix(Self.directory) })
        }
    }

    @Test("whose deletion was cut short leave nothing behind the next start")
    func orphans() throws {
        let disk = MemoryDisk()
        try play(disk) { _, store in
            let publisher = try makeStream(store)
            try publish(0..<60, publisher, store)
            publisher.send(QueueDelete(queue: "s"))
            store.broker.batch {}
            // The journal has it, the files are still there.
            disk.stopsAt = disk.operationCount + 4
            #expect(throws: StorageError.self) { try store.writeAndSync() }
        }
        disk.kill()
        #expect(disk.paths.contains { $0.hasPrefix(Self.directory) })
        try play(disk) { broker, _ in
            #expect(broker.virtualHost.queue(named: "s") == nil)
            #expect(!disk.paths.contains { $0.hasPrefix(Self.directory) })
        }
    }

    @Test("are removed with the old files of a consumer, which goes on with what is there")
    func removedBeneath() throws {
        try play { broker, store in
            let publisher = try makeStream(store, Self.short)
            try publish(0..<10, publisher, store)
            let reader = try broker.connect()
            try reader.read("s", prefetch: 2)
            #expect(try reader.entries().map(\.number) == [0, 1])
            try publish(10..<300, publisher, store)
            try reader.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            let first = try #require(try broker.queue("s").state.stream).firstOffset
            try reader.read("s", "d", from: .int32(2))
            #expect(try reader.entries().map(\.number) == Array(Int(first)..<300))
        }
    }
}
