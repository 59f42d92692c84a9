import Testing

@testable import Broker

@Suite("Live messages by place in the journal")
struct JournalLedgerTests {
    private let stretch: UInt64 = 1 << 20

    @Test("the oldest live message bounds what may go")
    func oldest() {
        var ledger = JournalLedger(stretchShift: 20)
        #expect(ledger.oldestLive == nil)
        ledger.add(10, count: 2, size: 100)
        ledger.add(5 * stretch + 7, count: 1, size: 100)
        ledger.add(9 * stretch, count: 1, size: 100)
        #expect(ledger.oldestLive == 0)
        ledger.remove(10)
        #expect(ledger.oldestLive == 0)
        ledger.remove(10)
        #expect(ledger.oldestLive == 5 * stretch)
        ledger.remove(9 * stretch)
        #expect(ledger.oldestLive == 5 * stretch)
        ledger.remove(5 * stretch + 7)
        #expect(ledger.oldestLive == nil)
    }

    @Test("a message behind an emptied stretch is not forgotten")
    func afterEmpty() {
        var ledger = JournalLedger(stretchShift: 20)
        ledger.add(10, count: 1, size: 100)
        ledger.remove(10)
        ledger.add(3 * stretch, count: 1, size: 100)
        #expect(ledger.oldestLive == 3 * stretch)
        ledger.add(4 * stretch, count: 1, size: 100)
        ledger.remove(3 * stretch)
        #expect(ledger.oldestLive == 4 * stretch)
    }

    @Test("messages may be counted in any order, as recovery does")
    func anyOrder() {
        var ledger = JournalLedger(stretchShift: 20)
        for place in [7, 3, 5, 1] as [UInt64] { ledger.add(place * stretch, count: 1, size: 100) }
        #expect(ledger.oldestLive == stretch)
        ledger.remove(stretch)
        #expect(ledger.oldestLive == 3 * stretch)
    }

    @Test("what is live is estimated by how much of each stretch is")
    func liveSize() {
        var ledger = JournalLedger(stretchShift: 20)
        #expect(ledger.liveSize == 0)
        ledger.add(10, count: 4, size: 1000)
        ledger.add(3 * stretch, count: 1, size: 50 << 20)
        #expect(ledger.liveSize == 1000 + UInt64(50 << 20))
        for _ in 0..<3 { ledger.remove(10) }
        #expect(ledger.liveSize == 250 + UInt64(50 << 20))
        ledger.remove(10)
        #expect(ledger.liveSize == 50 << 20)
    }

    @Test("a message in many queues is not counted many times after a restart")
    func restoredSize() {
        var ledger = JournalLedger(stretchShift: 20)
        for _ in 0..<40 { ledger.restore(5, bodySize: 600_000) }
        #expect(ledger.liveSize == stretch)
        ledger.restore(9 * stretch, bodySize: 7 << 20 - 64)
        ledger.restore(9 * stretch, bodySize: 7 << 20 - 64)
        #expect(ledger.liveSize == stretch + UInt64(7 << 20))
        for _ in 0..<40 { ledger.remove(5) }
        #expect(ledger.oldestLive == 9 * stretch)
    }

    @Test("boundaries are those of stretches")
    func boundaries() {
        let ledger = JournalLedger(stretchShift: 4)
        #expect([0, 1, 16, 17].map { ledger.boundary(atOrBehind: $0) } == [0, 16, 16, 32])
    }
}
