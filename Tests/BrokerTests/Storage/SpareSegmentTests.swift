import TestSupport
import Testing

@testable import Broker

/// A journal whose last segment is written into the file of the first.
private struct ReusedJournal {
    static let segmentSize = 3200
    let fixture = JournalFixture(segmentSize: segmentSize)
    let journal: Journal
    /// What is in the last segment, and must be found.
    private(set) var expected: [ReplayedRecord] = []

    /// - Parameter count: Records in the last segment, each synced on its own.
    /// - Throws: What the disk refuses.
    init(count: Int = 3) throws {
        journal = try fixture.open().journal
        // Bodies larger than the zeros that are kept behind the last record.
        while journal.segments.count < 2 { try journal.append([.message(1, body: 301)]) }
        try journal.sync()
        try journal.remove(segmentsBefore: journal.segments[1].base)
        while journal.segments.count < 2 { try journal.append([.message(2, body: 300)]) }
        try journal.sync()
        try journal.remove(segmentsBefore: journal.segments[1].base)
        expected = try expect(journal.segments[0])
        for number in 1..<count { try add(UInt8(number)) }
    }

    mutating func add(_ number: UInt8) throws {
        expected += try journal.append([.message(number, body: 300)])
        try journal.sync()
    }

    private func expect(_ segment: JournalSegment) throws -> [ReplayedRecord] {
        let size = segment.size - JournalFrame.headerSize
        let kept = Array([UInt8].message(2).prefix(9))
        return [ReplayedRecord(lsn: segment.base, kept: kept, size: size)]
    }

    /// The file of the last segment.
    var path: String { fixture.paths(".journal").last ?? "" }

    /// Where the frames in it end.
    var end: Int { SegmentHeader.size + Int(journal.endLSN - journal.segments[0].base) }
}

@Suite("Segments in files of removed ones")
struct SpareSegmentTests {
    @Test("a removed segment's file becomes the next segment")
    func reuse() throws {
        let reused = try ReusedJournal()
        let file = reused.fixture.disk[reused.path]
        #expect(file.count == ReusedJournal.segmentSize)
        #expect(file[(reused.end + 250)...].contains { $0 != 0 })
    }

    @Test("old records behind the end are neither found nor reported", arguments: [false, true])
    func oldRecords(isKill: Bool) throws {
        for count in 1...9 {
            let reused = try ReusedJournal(count: count)
            if isKill { reused.fixture.disk.kill() } else { reused.fixture.disk.crash() }
            let opened = try reused.fixture.open()
            #expect(opened.records == reused.expected)
            #expect(opened.report.losses.isEmpty, "\(count): \(opened.report)")
        }
    }

    @Test("a torn write over old records is cut off, and only it is set aside")
    func tornWrite() throws {
        let reused = try ReusedJournal()
        for count in [1, 9, 100, 290] {
            let disk = reused.fixture.disk.copy()
            for octet in reused.end..<reused.end + count { disk[reused.path][octet] = 0xEE }
            let opened = try JournalFixture(disk, segmentSize: ReusedJournal.segmentSize).open()
            #expect(opened.records == reused.expected)
            #expect(opened.report.losses.map(\.kind) == [.tornTail])
            let copy = disk.paths.first { $0.contains("/damaged/") } ?? ""
            #expect(disk[copy].starts(with: [UInt8](repeating: 0xEE, count: count)))
            #expect(disk[copy].count < count + 400)
        }
    }

    @Test("a write that was synced and never reached the disk costs its records only")
    func lostWrite() throws {
        var reused = try ReusedJournal()
        let before = reused.fixture.disk[reused.path]
        let lost = reused.end
        try reused.add(7)
        let lostEnd = reused.end
        try reused.add(8)
        try reused.add(9)
        for octet in lost..<lostEnd { reused.fixture.disk[reused.path][octet] = before[octet] }
        let opened = try JournalFixture(
            reused.fixture.disk.copy(),
            segmentSize: ReusedJournal.segmentSize
        ).open()
        #expect(opened.records == reused.expected.filter { $0.lsn != reused.expected[3].lsn })
        #expect(opened.report.losses.map(\.kind) == [.damagedRecords])
    }

    @Test("old records among those of a lost write do not end the search")
    func lostWrites() throws {
        var reused = try ReusedJournal(count: 2)
        let before = reused.fixture.disk[reused.path]
        let lost = reused.end
        for number in 3...6 { try reused.add(UInt8(number)) }
        let lostEnd = reused.end
        try reused.add(9)
        for octet in lost..<lostEnd { reused.fixture.disk[reused.path][octet] = before[octet] }
        let opened = try JournalFixture(
            reused.fixture.disk.copy(),
            segmentSize: ReusedJournal.segmentSize
        ).open()
        #expect(opened.records == reused.expected.prefix(2) + reused.expected.suffix(1))
        #expect(opened.report.losses.map(\.kind) == [.damagedRecords])
    }

    @Test("a check of a journal in use takes old records for no damage")
    func check() throws {
        let reused = try ReusedJournal()
        _ = try StorageRoot(reused.fixture.disk, processID: 1)
        let finding = try JournalCheck(reused.fixture.disk).run()[0]
        #expect(finding.report.losses.isEmpty)
        #expect(finding.report.recordCount == reused.expected.count)
    }

    @Test("what is written while the file is read is no hole")
    func writtenMeanwhile() throws {
        var reused = try ReusedJournal()
        let before = reused.fixture.disk[reused.path]
        try reused.add(7)
        let gapEnd = reused.end
        try reused.add(8)
        let after = reused.fixture.disk[reused.path]
        let file = ChangingFile(Array(before[..<gapEnd] + after[gapEnd...]), then: after)
        let base = reused.journal.segments[0].base
        let window = SegmentWindow(file, base: base, dataSize: after.count - SegmentHeader.size)
        let map = SegmentMap(window, file: file, formerBase: 0)
        #expect(map.runs.map(\.upperBound).last == reused.end - SegmentHeader.size)
        #expect(map.runs.count == 2)
        #expect(map.runs[0].upperBound == map.runs[1].lowerBound)
    }

    @Test("spare files go with an orderly end, and at a start")
    func cleanUp() throws {
        for isClosed in [true, false] {
            let fixture = JournalFixture(segmentSize: ReusedJournal.segmentSize)
            let journal = try fixture.open().journal
            while journal.segments.count < 5 { try journal.append([.message(1, body: 300)]) }
            try journal.sync()
            try journal.remove(segmentsBefore: journal.segments[3].base)
            #expect(fixture.paths(".spare").count == 2)
            #expect(journal.status.size > 3 * ReusedJournal.segmentSize)
            if isClosed {
                try journal.close()
            } else {
                fixture.disk.kill()
                _ = try fixture.open()
            }
            #expect(fixture.paths(".spare").isEmpty)
        }
    }

    @Test("a record larger than a spare file gets a file of its own")
    func largeRecord() throws {
        let reused = try ReusedJournal()
        let journal = reused.journal
        while journal.segments.count < 2 { try journal.append([.message(1, body: 300)]) }
        try journal.sync()
        try journal.remove(segmentsBefore: journal.segments[1].base)
        let large = try journal.append([.message(2, body: 2 * ReusedJournal.segmentSize)])
        try journal.sync()
        reused.fixture.disk.crash()
        #expect(try reused.fixture.open().records.last == large.last)
    }

    @Test("a spare file that cannot grow is used as it is")
    func fullDisk() throws {
        let fixture = JournalFixture(segmentSize: ReusedJournal.segmentSize)
        let journal = try fixture.open().journal
        while journal.segments.count < 2 { try journal.append([.message(1, body: 300)]) }
        try journal.sync()
        try journal.remove(segmentsBefore: journal.segments[1].base)
        let spare = fixture.disk[fixture.paths(".spare")[0]].count
        fixture.disk.capacity = fixture.disk.capacityUsed
        var expected: [ReplayedRecord] = []
        while journal.segments.count < 2 {
            expected += try journal.append([.message(2, body: 300)])
        }
        try journal.sync()
        let base = SegmentName.segment(journal.segments[1].base)
        #expect(fixture.disk["\(JournalFixture.directory)/\(base)"].count == spare)
        fixture.disk.crash()
        #expect(try fixture.open().records.suffix(expected.count) == expected)
    }
}

/// A file that is written while it is read: the first two reads find less than later ones.
private final class ChangingFile: DiskFile {
    private let before: [UInt8]
    private let after: [UInt8]
    private var readCount = 0

    init(_ before: [UInt8], then after: [UInt8]) {
        self.before = before
        self.after = after
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError)
        -> Int
    {
        readCount += 1
        let part = (readCount <= 2 ? before : after)[offset...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }

    func size() throws(StorageError) -> Int { after.count }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {}
    func sync() throws(StorageError) {}
    func truncate(to size: Int) throws(StorageError) {}
    func reserve(_ size: Int) throws(StorageError) {}
}
