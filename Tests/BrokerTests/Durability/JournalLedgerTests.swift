import Testing

@testable import Broker

@Suite("Live messages by place in the journal")
struct JournalLedgerTests {
    private let stretch: UInt64 = 1 << 20

    @Test("the oldest live message bounds what may go")
    func oldest() {
        var ledger = JournalLedger(stretchShift: 20)
        #expect(ledger.oldestLive == nil)
        ledger.add(10, count: 2)
        ledger.add(5 * stretch + 7, count: 1)
        ledger.add(9 * stretch, count: 1)
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
        ledger.add(10, count: 1)
        ledger.remove(10)
        ledger.add(3 * stretch, count: 1)
        #expect(ledger.oldestLive == 3 * stretch)
        ledger.add(4 * stretch, count: 1)
        ledger.remove(3 * stretch)
        #expect(ledger.oldestLive == 4 * stretch)
    }

    @Test("messages may be counted in any order, as recovery does")
    func anyOrder() {
        var ledger = JournalLedger(stretchShift: 20)
        for place in [7, 3, 5, 1] as [UInt64] { ledger.add(place * stretch, count: 1) }
        #expect(ledger.oldestLive == stretch)
        ledger.remove(stretch)
        #expect(ledger.oldestLive == 3 * stretch)
    }
}
