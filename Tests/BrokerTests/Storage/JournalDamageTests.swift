import Testing
import TestSupport

@testable import Broker

/// Three sealed segments and a last one, each record synced on its own.
private struct SmallJournal {
    var fixture = JournalFixture(segmentSize: 200)
    let expected: [ReplayedRecord]

    init(indexes: Bool) throws {
        let journal = try fixture.open().journal
        var expected: [ReplayedRecord] = []
        for number in 0..<14 {
            let isMessage = number.isMultiple(of: 2)
            let record: [UInt8] = isMessage ? .message(UInt8(number), body: 12) : .topology(7)
            expected += try journal.append([record])
            try journal.sync()
        }
        self.expected = expected
        if !indexes { for path in fixture.paths(".index") { fixture.disk.lose(path) } }
    }

    /// A journal like this one on a disk of its own.
    func copy() -> JournalFixture { JournalFixture(fixture.disk.copy(), segmentSize: 200) }

    /// The records whose frames do not touch `octet` of the segment at `path`.
    func records(without octet: Int, of path: String) -> [ReplayedRecord] {
        guard path.hasSuffix(".journal"), octet >= SegmentHeader.size,
            let name = path.split(separator: "/").last,
            let base = SegmentName.base(of: String(name), suffix: ".journal")
        else { return expected }
        let lsn = base + UInt64(octet - SegmentHeader.size)
        return expected.filter { !($0.lsn..<$0.lsn + UInt64($0.size + 8)).contains(lsn) }
    }
}

@Suite("Journal with damage")
struct JournalDamageTests {
    @Test("a flipped octet costs at most the record it is in", arguments: [true, false])
    func flips(indexes: Bool) throws {
        let small = try SmallJournal(indexes: indexes)
        for path in small.fixture.disk.paths {
            for octet in small.fixture.disk[path].indices {
                let damaged = small.copy()
                damaged.disk[path][octet] ^= UInt8(1) << UInt8(octet % 8)
                let opened = try damaged.open()
                let others = small.records(without: octet, of: path)
                if opened.records != others, opened.records != small.expected {
                    Issue.record("\(path) at \(octet): \(opened.records)")
                }
                if opened.records != small.expected, opened.report.losses.count != 1 {
                    Issue.record("\(path) at \(octet): \(opened.report)")
                }
                let again = try damaged.open()
                if again.records != opened.records || again.report.hasLostRecords {
                    Issue.record("\(path) at \(octet), again: \(again.report)")
                }
            }
        }
    }

    @Test("a file cut anywhere costs what was behind the cut", arguments: [true, false])
    func cuts(indexes: Bool) throws {
        let small = try SmallJournal(indexes: indexes)
        for path in small.fixture.disk.paths {
            for size in small.fixture.disk[path].indices {
                let damaged = small.copy()
                damaged.disk[path].removeSubrange(size...)
                let opened = try damaged.open()
                let lost = small.expected.filter { !opened.records.contains($0) }
                let isInOrder = opened.records == small.expected.filter { !lost.contains($0) }
                let isRight = lost.allSatisfy { record in
                    path.hasSuffix(".journal")
                        && opened.report.losses.contains { $0.range.contains(record.lsn) }
                        || path == small.fixture.paths(".journal").last
                }
                if !isInOrder || !isRight {
                    Issue.record("\(path) cut to \(size): \(opened.report)")
                }
                let again = try damaged.open()
                if again.records != opened.records || !again.report.losses.isEmpty {
                    Issue.record("\(path) cut to \(size), again: \(again.report)")
                }
            }
        }
    }

    @Test("damage is reported with file, offset, size and what it was, and set aside")
    func report() throws {
        let small = try SmallJournal(indexes: false)
        let path = small.fixture.paths(".journal")[1]
        let record = try #require(small.expected.first { $0.lsn == 143 })
        let frame = Array(small.fixture.disk[path][64 + 29..<64 + 29 + 28])
        #expect(path == "vhosts/%2F/0000000000000072.journal")
        small.fixture.disk[path][64 + 29 + 12] ^= 0x40
        let opened = try small.fixture.open()
        #expect(opened.records == small.expected.filter { $0 != record })
        var loss = RecoveryReport.Loss(.damagedRecords, file: path, offset: 93, 143..<171)
        loss.octets = .setAside("vhosts/%2F/damaged/0000000000000072.journal.93")
        #expect(opened.report.losses == [loss])
        #expect(opened.report.hasLostRecords)
        var kept = small.fixture.disk["vhosts/%2F/damaged/0000000000000072.journal.93"]
        kept[12] ^= 0x40
        #expect(kept == frame)
    }

    @Test("a missing segment is reported by its numbers; its topology survives in the index")
    func missing() throws {
        for hasIndex in [true, false] {
            let small = try SmallJournal(indexes: true)
            let path = small.fixture.paths(".journal")[1]
            small.fixture.disk.lose(path)
            if !hasIndex { small.fixture.disk.lose(small.fixture.paths(".index")[1]) }
            let opened = try small.fixture.open()
            let segment = UInt64(114)..<UInt64(228)
            let expected = small.expected.filter {
                !segment.contains($0.lsn) || (hasIndex && $0.kept.count == $0.size)
            }
            #expect(opened.records == expected)
            let loss = try #require(opened.report.losses.first)
            #expect(loss.kind == .missing)
            #expect(loss.file == path)
            #expect(loss.range == segment)
            #expect(loss.savedRecordCount == (hasIndex ? 2 : 0))
            #expect(opened.report.losses.count == 1)
            let again = try small.fixture.open()
            #expect(again.records == expected)
            #expect(again.report.losses.isEmpty, "reported once")
            #expect(try check(small.fixture).losses.count == 1, "the offline check always says it")
        }
    }

    private func check(_ fixture: JournalFixture) throws -> RecoveryReport {
        let context = RecoveryContext(
            disk: fixture.disk,
            options: fixture.options,
            purpose: .check
        ) { _, _, _ in }
        var recovery = JournalRecovery(context)
        try recovery.run()
        return recovery.report
    }

    @Test("a missing segment that could not be noted is reported again")
    func missingWithoutNote() throws {
        let small = try SmallJournal(indexes: false)
        small.fixture.disk.lose(small.fixture.paths(".journal")[1])
        #expect(try small.fixture.open().report.hasLostRecords)
        for path in small.fixture.paths(".missing") { small.fixture.disk.lose(path) }
        #expect(try small.fixture.open().report.hasLostRecords)
        #expect(try !small.fixture.open().report.hasLostRecords)
    }

    @Test("the index of a lost segment goes when nothing needs it any more")
    func orphanedIndex() throws {
        let small = try SmallJournal(indexes: true)
        small.fixture.disk.lose(small.fixture.paths(".journal")[1])
        let orphan = small.fixture.paths(".index")[1]
        let journal = try small.fixture.open().journal
        try journal.remove(segmentsBefore: 114)
        #expect(small.fixture.paths(".index").contains(orphan))
        try journal.remove(segmentsBefore: 228)
        #expect(!small.fixture.paths(".index").contains(orphan))
        #expect(try small.fixture.open().records.first?.lsn == 228)
    }

    @Test("a lost last segment does not let its numbers be used again")
    func missingLast() throws {
        let fixture = JournalFixture()
        let journal = try fixture.open().journal
        try journal.append((0..<20).map { .topology($0) })
        try journal.close()
        fixture.disk.lose(fixture.paths(".journal")[1])
        let opened = try fixture.open()
        #expect(opened.journal.endLSN == 560)
        #expect(opened.records.count == 20)
        try opened.journal.append([.topology(21)])
        try opened.journal.close()
        #expect(try fixture.open().records.count == 21)
    }

    @Test("a segment of zeros costs its own records, and none its index has whole")
    func zeros() throws {
        for hasIndex in [true, false] {
            let small = try SmallJournal(indexes: hasIndex)
            let path = small.fixture.paths(".journal")[1]
            let size = small.fixture.disk[path].count
            small.fixture.disk[path] = [UInt8](repeating: 0, count: size)
            let opened = try small.fixture.open()
            let segment = UInt64(114)..<UInt64(228)
            let expected = small.expected.filter {
                !segment.contains($0.lsn) || (hasIndex && $0.kept.count == $0.size)
            }
            #expect(opened.records == expected)
            #expect(opened.report.losses.map(\.kind) == [.damagedRecords, .damagedHeader])
            #expect(opened.report.losses.first?.octets == RecoveryReport.Octets.none)
        }
    }

    @Test("sectors that cannot be read cost the records in them")
    func unreadable() throws {
        let fixture = JournalFixture(segmentSize: 100_000)
        let journal = try fixture.open().journal
        var expected: [ReplayedRecord] = []
        for number in 0..<100 {
            expected += try journal.append([.topology(UInt8(number), size: 200)])
            try journal.sync()
        }
        let path = fixture.paths(".journal")[0]
        let bad = 4096..<8192
        fixture.disk.unreadable[path] = bad
        let opened = try fixture.open()
        let readable = expected.filter { record in
            let start = SegmentHeader.size + Int(record.lsn)
            return !bad.overlaps(start..<start + record.size + 8)
        }
        #expect(opened.records == readable)
        #expect(opened.report.hasLostRecords)
    }

    @Test("what follows the last sync is cut at the first damage, kept aside and reported")
    func tornTail() throws {
        let fixture = JournalFixture(segmentSize: 1000)
        let journal = try fixture.open().journal
        let expected = try journal.append([.topology(1), .topology(2)])
        try journal.sync()
        try journal.append([.topology(3), .topology(4), .topology(5)])
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 3 * 28 + 12] ^= 1
        let opened = try fixture.open()
        #expect(opened.records.prefix(2) == expected[...])
        #expect(opened.records.map(\.lsn) == [0, 28, 56])
        let loss = try #require(opened.report.losses.first)
        #expect(loss.kind == .tornTail)
        #expect(loss.offset == 64 + 3 * 28)
        #expect(!opened.report.hasLostRecords)
        #expect(opened.journal.endLSN == 84)
        #expect(fixture.disk[path].count == 64 + 84)
        #expect(fixture.paths("damaged/0000000000000000.journal.148").count == 1)
        #expect(try fixture.open().report.losses.isEmpty)
    }

    @Test("of a torn tail only what was written is kept, not the room behind it")
    func tornTailBeforeZeros() throws {
        let fixture = JournalFixture(segmentSize: 100_000)
        let journal = try fixture.open().journal
        try journal.append([.topology(1), [1, 9, 0, 0]])
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 20] ^= 1
        let opened = try fixture.open()
        #expect(opened.records.isEmpty)
        #expect(opened.report.losses.map(\.count) == [28 + 10])
        #expect(fixture.disk["vhosts/%2F/damaged/0000000000000000.journal.64"].count == 38)
        #expect(opened.journal.endLSN == 0)
    }

    @Test("damage before a later sync is skipped even in the last segment")
    func damageBeforeBarrier() throws {
        let fixture = JournalFixture(segmentSize: 1000)
        let journal = try fixture.open().journal
        var expected = try journal.append([.topology(1), .topology(2), .topology(3)])
        try journal.sync()
        expected += try journal.append([.topology(4)])
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 28] ^= 1
        expected.remove(at: 1)
        let opened = try fixture.open()
        #expect(opened.records == expected)
        #expect(opened.report.losses.map(\.kind) == [.damagedRecords])
    }

    @Test("a torn tail that cannot be copied stays where it is, and the journal goes on")
    func tornTailOnFullDisk() throws {
        let fixture = JournalFixture(segmentSize: 1000)
        let journal = try fixture.open().journal
        var expected = try journal.append([.topology(1)])
        try journal.sync()
        try journal.append([.topology(2)])
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 28 + 12] ^= 1
        fixture.disk.capacity = 0
        let opened = try fixture.open()
        #expect(opened.records == expected)
        let copy = "vhosts/%2F/damaged/0000000000000000.journal.92"
        #expect(opened.report.losses.first?.octets == .notSetAside(.diskFull(path: copy)))
        fixture.disk.capacity = 100_000
        expected += try opened.journal.append([.topology(3)])
        try opened.journal.sync()
        let again = try fixture.open()
        #expect(again.records == expected)
        #expect(again.report.losses.isEmpty)
    }

    @Test("files of any content are survived", arguments: 0..<200 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = Seed(seed)
        let small = try SmallJournal(indexes: true)
        for _ in 0..<3 {
            let path = try #require(small.fixture.disk.paths.randomElement(using: &random))
            var content = small.fixture.disk[path]
            let octets = random.octets(upTo: 200)
            let start = Int.random(in: 0...content.count, using: &random)
            content.replaceSubrange(start..<min(content.count, start + octets.count), with: octets)
            small.fixture.disk[path] = content
        }
        let opened = try small.fixture.open()
        #expect(opened.records.allSatisfy(small.expected.contains))
        let again = try small.fixture.open()
        #expect(again.records == opened.records)
    }

    @Test("files that are not the journal's are left alone")
    func strangers() throws {
        let fixture = JournalFixture()
        let journal = try fixture.open().journal
        let expected = try journal.append([.topology(1)])
        try journal.close()
        let names = [
            "x", "1.journal", "000000000000001G.journal", "ffffffffffffffff.journal",
            "00000000000000AA.journal", ".journal", "0000000000000000.journal.old",
        ]
        for name in names { fixture.disk["vhosts/%2F/" + name] = [1, 2, 3] }
        let opened = try fixture.open()
        #expect(opened.records == expected)
        #expect(opened.report.losses.isEmpty)
        #expect(names.allSatisfy { fixture.disk["vhosts/%2F/" + $0] == [1, 2, 3] })
    }
}
