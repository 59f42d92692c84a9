import TestSupport
import Testing

@testable import Broker

@Suite("Journal on a nearly full disk")
struct JournalSpaceTests {
    @Test("goes on in small segments while there is no room for a whole one")
    func smallSegments() throws {
        let fixture = JournalFixture(segmentSize: 6400)
        let journal = try fixture.open().journal
        var expected = try journal.append((1...60).map { .message(UInt8($0)) })
        #expect(journal.segments.count == 1)
        fixture.disk.capacity = fixture.disk.capacityUsed + 4000
        for number in 61...116 { expected += try journal.append([.message(UInt8(number))]) }
        try journal.sync()
        #expect(journal.segments.count > 2)
        #expect(journal.status.size <= 6400 + 4000)
        fixture.disk.kill()
        #expect(try fixture.open().records == expected)
    }

    @Test("a retry goes on where the full disk stopped it")
    func retry() throws {
        let fixture = JournalFixture(segmentSize: 6400)
        let journal = try fixture.open().journal
        var expected = try journal.append([.message(1)])
        fixture.disk.capacity = fixture.disk.capacityUsed
        #expect(throws: StorageError.diskFull(path: "vhosts/%2F/00000000000018b7.journal")) {
            while true { expected += try journal.append([.message(2)]) }
        }
        fixture.disk.capacity = .max
        expected += try journal.append([.message(3)])
        try journal.sync()
        fixture.disk.crash()
        #expect(try fixture.open().records == expected)
    }
}
