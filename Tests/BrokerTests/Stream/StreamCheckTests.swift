import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Streams in a data directory, offline")
struct StreamCheckTests {
    /// A disk with a queue and a stream of three messages, in order unless the broker was killed.
    private func disk(_ change: (MemoryDisk) -> Void = { _ in }) throws -> MemoryDisk {
        let disk = MemoryDisk()
        // Locks the directory and marks it as one.
        _ = try StorageRoot(disk, processID: 1)
        let store = try DiskJournal(disk, segmentSize: 1 << 20)
        defer { store.end() }
        let peer = try store.broker.connect()
        peer.askForStream("log")
        peer.send(QueueDeclare(queue: "jobs", durable: true))
        try store.writeAndSync()
        for text in ["one", "two", "three"] {
            var properties = BasicProperties()
            properties.deliveryMode = 2
            peer.send(Script().publish(text, to: "log", properties).bytes)
            store.broker.advance(by: .milliseconds(1))
        }
        peer.send(Script().publish("job", to: "jobs", BasicProperties()).bytes)
        try store.writeAndSync()
        disk.kill()
        change(disk)
        return disk
    }

    private static let path = "streams/%2F/1/" + SegmentName.segment(0)

    private func finding(_ disk: MemoryDisk) throws -> JournalCheck.Finding {
        let findings = try JournalCheck(disk).run()
        #expect(findings.count == 2)
        return try #require(findings.last)
    }

    @Test("are checked after their virtual host's journal")
    func intact() throws {
        let found = try finding(try disk())
        #expect(found.virtualHost == "/")
        #expect(found.directory == "streams/%2F/1")
        #expect(!found.report.hasLostRecords)
        let stream = try #require(found.stream)
        #expect(stream.queue == "log")
        #expect(stream.messageCount == 3)
        #expect(stream.firstOffset == 0)
        #expect(stream.endOffset == 3)
        #expect(stream.promisedOffset == 3)
        #expect(!stream.isCutShort)
    }

    @Test("miss what the journal says they have")
    func missing() throws {
        let found = try finding(
            try disk { disk in
                disk.lose("streams/%2F/1/" + SegmentName.index(0))
                let content = disk[Self.path]
                let end = ByteView.with(content) { $0.nonZeroCount }
                // The last chunk goes, as if it had never been written.
                let start = content[..<end].lastIndex(of: StreamChunk.type) ?? end
                for place in (start - JournalFrame.headerSize)..<end { disk[Self.path][place] = 0 }
            }
        )
        let stream = try #require(found.stream)
        #expect(stream.messageCount == 2)
        #expect(stream.endOffset == 2)
        #expect(stream.isCutShort)
    }

    @Test("are dumped message by message")
    func dump() throws {
        var lines: [JournalDump.Line] = []
        _ = try JournalCheck(try disk()).run(streams: { virtualHost, queue, lsn, payload in
            #expect(virtualHost == "/")
            lines += JournalDump.lines(ofChunk: payload, lsn: lsn, queue: queue)
        })
        #expect(lines.map(\.kind) == ["stream_message", "stream_message", "stream_message"])
        #expect(
            lines.map { $0.content.map { String(decoding: $0.body, as: UTF8.self) } }
                == ["one", "two", "three"]
        )
        #expect(lines.map { $0.facts[0].value } == Array(repeating: .text("log"), count: 3))
        #expect(lines.map { $0.facts[1].value } == [.number(0), .number(1), .number(2)])
        #expect(lines[2].content?.properties.deliveryMode == 2)
    }

    @Test("say which record holds no messages")
    func unreadable() {
        for payload in [
            [0x90, 1, 2],
            StreamChunk(firstOffset: 0, count: 2, time: .init(milliseconds: 0)).prefix,
        ] {
            let lines = ByteView.with(payload) {
                JournalDump.lines(ofChunk: $0, lsn: 7, queue: "log")
            }
            #expect(lines.map(\.kind) == ["unreadable"])
            #expect(lines.map(\.lsn) == [7])
        }
    }
}
