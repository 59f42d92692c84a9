import Testing
import TestSupport

@testable import Broker

@Suite("Journal")
struct JournalTests {
    private let fixture = JournalFixture()

    @Test("an empty journal begins at 0 and has no segments")
    func empty() throws {
        let opened = try fixture.open()
        #expect(opened.journal.endLSN == 0)
        #expect(opened.journal.segments.isEmpty)
        #expect(opened.records.isEmpty)
        #expect(opened.report == RecoveryReport())
    }

    @Test("a log sequence number is a position in the stream, across segments")
    func positions() throws {
        let journal = try fixture.open().journal
        var expected: [UInt64] = []
        for number in 0..<30 {
            expected.append(UInt64(number) * 28)
            let records = try journal.append([.topology(UInt8(number))])
            #expect(records.map(\.lsn) == [UInt64(number) * 28])
        }
        try journal.sync()
        #expect(journal.endLSN == 30 * 28)
        #expect(journal.segments.map(\.base) == [0, 336, 672])
        #expect(journal.segments.map(\.end) == [336, 672, 840])
        #expect(try fixture.open().records.map(\.lsn) == expected)
    }

    @Test("a batch is split where segments end, and records never are")
    func split() throws {
        let journal = try fixture.open().journal
        let expected = try journal.append((0..<50).map { .topology($0) })
        try journal.sync()
        #expect(journal.segments.count == 5)
        #expect(try fixture.open().records == expected)
    }

    @Test("a record larger than a segment gets one of its own size")
    func large() throws {
        let journal = try fixture.open().journal
        let expected = try journal.append([.topology(1), .topology(2, size: 5000), .topology(3)])
        try journal.sync()
        #expect(journal.segments.map(\.size) == [28, 5008, 28])
        let opened = try fixture.open()
        #expect(opened.records == expected)
        #expect(try opened.journal.payload(of: expected[1]) == .topology(2, size: 5000))
    }

    @Test("an index keeps bodies from being read at the start")
    func indexed() throws {
        var fixture = fixture
        fixture.options.segmentSize = 1 << 20
        let journal = try fixture.open().journal
        let expected = try journal.append((0..<9).map { .message($0, body: 10_000) })
        try journal.close()
        let before = fixture.disk.readCount
        let opened = try fixture.open()
        #expect(opened.records == expected)
        #expect(opened.records.allSatisfy { $0.kept.count == 9 })
        #expect(opened.report.indexedSegmentCount == 1)
        #expect(opened.report.scannedSegmentCount == 0)
        #expect(fixture.disk.readCount - before < 1000)
    }

    @Test("appending goes on behind what was replayed")
    func reopened() throws {
        var expected: [ReplayedRecord] = []
        for round in 0..<5 {
            let opened = try fixture.open()
            #expect(opened.records == expected)
            #expect(opened.report.losses.isEmpty)
            expected += try opened.journal.append([.message(UInt8(round)), .topology(9)])
            if round.isMultiple(of: 2) {
                try opened.journal.close()
            } else {
                try opened.journal.sync()
            }
        }
        #expect(try fixture.open().records == expected)
    }

    @Test("every record is read back, from sealed segments and from the last")
    func read() throws {
        let journal = try fixture.open().journal
        let expected = try journal.append((0..<40).map { .message($0) })
        for (number, record) in expected.enumerated() {
            #expect(try journal.payload(of: record) == .message(UInt8(number)))
        }
    }

    @Test("a record that has changed on disk is not read back")
    func readDamaged() throws {
        let journal = try fixture.open().journal
        let expected = try journal.append([.message(1), .message(2)])
        try journal.close()
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 8 + 20] ^= 1
        let reopened = try fixture.open().journal
        #expect(throws: StorageError.damaged(path: path, offset: 64)) {
            try reopened.payload(of: expected[0])
        }
        #expect(try reopened.payload(of: expected[1]) == .message(2))
        #expect(throws: StorageError.self) {
            try reopened.payload(of: ReplayedRecord(lsn: 1000, kept: [], size: 20))
        }
    }

    @Test("frames are read ahead as they are, up to the end of their segment")
    func readAhead() throws {
        let journal = try fixture.open().journal
        try journal.append((0..<20).map { .topology($0) })
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10_000, alignment: 8)
        defer { buffer.deallocate() }
        #expect(try journal.readFrames(from: 28, into: buffer) == 336 - 28)
        #expect(buffer[8..<28].elementsEqual([UInt8].topology(1)))
        #expect(try journal.readFrames(from: 336, into: buffer) == 20 * 28 - 336)
    }

    @Test("segments below a number are deleted whole, never the last")
    func remove() throws {
        let journal = try fixture.open().journal
        let expected = try journal.append((0..<50).map { .topology($0) })
        try journal.sync()
        #expect(try journal.remove(segmentsBefore: 335) == 0)
        #expect(try journal.remove(segmentsBefore: 700) == 2)
        #expect(fixture.paths(".journal").count == 3)
        #expect(fixture.paths(".index").count == 3)
        let reopened = try fixture.open()
        #expect(reopened.report.losses.isEmpty)
        #expect(reopened.records == expected.filter { $0.lsn >= 672 })
        #expect(try reopened.journal.remove(segmentsBefore: .max) == 2)
        #expect(try fixture.open().journal.endLSN == 1400)
    }

    @Test("segments whose removal could not be made durable go with the next", arguments: 1...4)
    func failedRemoval(failure: Int) throws {
        let journal = try fixture.open().journal
        try journal.append((0..<50).map { .topology($0) })
        try journal.sync()
        fixture.disk.failingSync = fixture.disk.syncCount + failure
        #expect(throws: StorageError.self) { try journal.remove(segmentsBefore: 700) }
        fixture.disk.failingSync = nil
        try journal.remove(segmentsBefore: 700)
        #expect(journal.segments.first?.base == 672)
        #expect(fixture.paths(".index").count == 3)
        // In files of those that were removed.
        let expected = try journal.append((0..<50).map { .topology($0) })
        try journal.sync()
        fixture.disk.crash()
        let reopened = try fixture.open()
        #expect(reopened.report.losses.isEmpty)
        #expect(reopened.records.suffix(50) == expected)
    }

    @Test("a full disk stops an append, which goes on where it stopped once there is room")
    func diskFull() throws {
        let journal = try fixture.open().journal
        fixture.disk.capacity = 1000
        let payloads = (0..<50).map { [UInt8].topology($0) }
        var frames: [UInt8] = []
        for payload in payloads {
            frames.append(littleEndian: UInt32(payload.count))
            frames.append(littleEndian: UInt32(0))
            frames += payload
        }
        try frames.withUnsafeMutableBytes { buffer in
            #expect(throws: StorageError.self) { try journal.append(buffer, firstLSN: 0) }
            let written = journal.endLSN
            #expect(written > 0 && written < 1400)
            try journal.sync()
            #expect(journal.syncedLSN == written)
            #expect(throws: StorageError.self) { try journal.append(buffer, firstLSN: 0) }
            #expect(journal.endLSN == written)
            fixture.disk.capacity = 10_000
            try journal.append(buffer, firstLSN: 0)
        }
        try journal.sync()
        let opened = try fixture.open()
        #expect(opened.records.map(\.kept) == payloads)
        #expect(opened.report.losses.isEmpty)
    }

    @Test("a disk without room for indexes costs a scan, nothing else")
    func noIndex() throws {
        var fixture = fixture
        fixture.options.segmentSize = 900
        let journal = try fixture.open().journal
        let expected = try journal.append((0..<10).map { .topology($0) })
        fixture.disk.capacity = 350
        try journal.close()
        let failure = try #require(journal.indexFailure)
        #expect(failure == .diskFull(path: "vhosts/%2F/0000000000000000.index"))
        #expect(fixture.paths(".index").isEmpty)
        #expect(try fixture.open().records == expected)
    }

    @Test("after a failed sync nothing is done any more")
    func failedSync() throws {
        let journal = try fixture.open().journal
        try journal.append([.topology(1)])
        fixture.disk.failingSync = fixture.disk.syncCount + 1
        #expect(throws: StorageError.self) { try journal.sync() }
        #expect(journal.syncedLSN == 0)
        let unusable = StorageError.unusable(path: JournalFixture.directory)
        #expect(throws: unusable) { try journal.sync() }
        #expect(throws: unusable) { try journal.append([.topology(2)]) }
        #expect(throws: unusable) { try journal.close() }
    }

    @Test("a journal of another virtual host or version is refused")
    func foreign() throws {
        let journal = try fixture.open().journal
        try journal.append([.topology(1)])
        try journal.close()
        var other = fixture
        other.options.nameHash = 1
        #expect(throws: StorageError.self) { try other.open() }
        let path = fixture.paths(".journal")[0]
        var header = Array(fixture.disk[path].prefix(60))
        header[8] = 2
        header.append(littleEndian: header.withUnsafeBytes { CRC32C.checksum($0) })
        fixture.disk[path].replaceSubrange(0..<64, with: header)
        let expected = StorageError.badFormat(path: path, reason: "it has format version 2")
        #expect(throws: expected) { try fixture.open() }
    }
}
