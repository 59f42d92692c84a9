import Testing
import TestSupport
import Wire

@testable import Broker

@Suite("Journal check")
struct JournalCheckTests {
    private let fixture = JournalFixture()
    private let payloads: [[UInt8]] = (0..<20).map { .message($0) }

    init() throws {
        _ = try StorageRoot(fixture.disk, processID: 1)
        let journal = try fixture.open().journal
        for payload in payloads {
            try journal.append([payload])
            try journal.sync()
        }
    }

    @Test("finds nothing wrong where nothing is, gives whole records, and changes nothing")
    func intact() throws {
        let before = fixture.disk.operationCount
        let visited = Visited()
        let findings = try JournalCheck(fixture.disk).run(visited.visit)
        #expect(findings.map(\.virtualHost) == ["/"])
        #expect(findings[0].directory == "vhosts/%2F")
        #expect(findings[0].report.losses.isEmpty)
        #expect(findings[0].report.recordCount == 20)
        #expect(findings[0].segmentCount == 4)
        #expect(findings[0].size == 20 * 57)
        #expect(visited.payloads == payloads)
        #expect(fixture.disk.operationCount == before)
    }

    @Test("finds a damaged body that a start with an index does not read")
    func damagedBody() throws {
        let path = fixture.paths(".journal")[0]
        fixture.disk[path][64 + 57 + 40] ^= 1
        let before = fixture.disk.operationCount
        let visited = Visited()
        let report = try JournalCheck(fixture.disk).run(visited.visit)[0].report
        #expect(report.losses.map(\.kind) == [.damagedRecords])
        #expect(report.losses[0].offset == 64 + 57)
        #expect(report.losses[0].octets == .leftInPlace)
        #expect(visited.payloads == payloads.filter { $0 != payloads[1] })
        #expect(fixture.disk.operationCount == before)
        #expect(try fixture.open().records.count == 20)
    }

    @Test("says who uses the directory, and takes what a broker is writing for no damage")
    func inUse() throws {
        #expect(try JournalCheck(fixture.disk).user == nil)
        let root = try StorageRoot(fixture.disk, processID: 7)
        #expect(try JournalCheck(fixture.disk).user == DiskLockHolder(processID: 7))
        root.release()
        let path = fixture.paths(".journal").last ?? ""
        let whole = fixture.disk[path]
        let end = whole.lastIndex { $0 != 0 } ?? 0
        for count in [1, 20, 56] {
            var torn = whole
            for offset in (end - count)...end { torn[offset] = 0 }
            fixture.disk[path] = torn
            let finding = try JournalCheck(fixture.disk).run()[0]
            #expect(!finding.report.hasLostRecords)
            #expect(finding.report.recordCount == 19)
        }
    }

    @Test("counts a last record that ends in zeros")
    func zeros() throws {
        let opened = try fixture.open()
        try opened.journal.append([.message(0, body: 100)])
        try opened.journal.sync()
        let finding = try JournalCheck(fixture.disk).run()[0]
        #expect(finding.report.losses.isEmpty)
        #expect(finding.report.recordCount == 21)
    }

    @Test("passes over segments that a broker has removed meanwhile")
    func removed() throws {
        let paths = fixture.paths(".journal")
        let disk = VanishingDisk(fixture.disk, vanished: paths[1])
        let finding = try JournalCheck(disk).run()[0]
        #expect(finding.report.losses.isEmpty)
        #expect(finding.segmentCount == paths.count - 1)
    }

    @Test("takes a segment that a broker writes over meanwhile for removed, not for damaged")
    func writtenOver() throws {
        let paths = fixture.paths(".journal")
        fixture.disk.lose(paths[1].replacing(".journal", with: ".index"))
        for octet in 70..<110 { fixture.disk[paths[1]][octet] ^= 0xFF }
        let damaged = try JournalCheck(fixture.disk).run()[0]
        #expect(damaged.report.losses.map(\.kind) == [.damagedRecords])
        let disk = VanishingDisk(fixture.disk, vanished: paths[1], after: 1)
        let finding = try JournalCheck(disk).run()[0]
        #expect(finding.report.losses.isEmpty)
    }

    @Test("counts the records of a transaction that has no end")
    func openTransaction() throws {
        #expect(try JournalCheck(fixture.disk).run()[0].openTransactionCount == nil)
        let opened = try fixture.open()
        try opened.journal.append([
            JournalRecord.transaction(octets: 1000).payload, .message(1), .message(2),
        ])
        #expect(try JournalCheck(fixture.disk).run()[0].openTransactionCount == 2)
    }

    @Test("refuses what is no data directory, or another version's")
    func foreign() throws {
        #expect(throws: StorageError.self) { try JournalCheck(MemoryDisk()) }
        fixture.disk["format"] = Array("brokerd 9\n".utf8)
        #expect(throws: StorageError.self) { try JournalCheck(fixture.disk) }
    }

    private final class Visited {
        var payloads: [[UInt8]] = []

        func visit(_ virtualHost: String, _ lsn: UInt64, _ payload: ByteView) {
            payloads.append(payload.bytes)
        }
    }
}
