import TestSupport
import Testing

@testable import Broker

@Suite("Messages of a queue while its journal is read")
struct RecoveredEntriesTests {
    private func entry(
        _ position: UInt64,
        lsn: UInt64 = 0,
        count: UInt32 = 0
    )
        -> RecoveredEntries.Entry
    {
        .init(position: position, lsn: lsn, bodySize: 9, deliveryCount: count)
    }

    @Test("take no more than 32 octets each")
    func size() { #expect(MemoryLayout<RecoveredEntries.Entry>.stride <= 32) }

    @Test("keep their terms, settled or not")
    func terms() {
        let terms = MessageRecord.Terms(
            priority: 255,
            end: WallTime(milliseconds: 1_800_000_000_123)
        )
        var entries = RecoveredEntries()
        for position in 0..<3 as Range<UInt64> {
            entries.add(
                .init(
                    position: position,
                    lsn: 1,
                    bodySize: 9,
                    deliveryCount: 0,
                    terms: position == 1 ? .none : terms
                )
            )
        }
        entries.settle(from: 0, through: 0)
        #expect(entries.take().map(\.terms) == [.none, terms])
    }

    @Test("a run of settlements over many chunks leaves what is outside of it")
    func longRun() {
        var entries = RecoveredEntries()
        for position in 0..<20_000 as Range<UInt64> { entries.add(entry(position)) }
        entries.settle(from: 3, through: 19_990)
        #expect(entries.count == 12)
        entries.settle(from: 0, through: 1)
        #expect(entries.take().map(\.position) == [2] + Array(19_991...19_999))
        #expect(entries.count == 0)
    }

    @Test("a queue that empties again and again holds nothing")
    func shortQueue() {
        var entries = RecoveredEntries()
        for position in 0..<50_000 as Range<UInt64> {
            entries.add(entry(position))
            if position > 0 { entries.settle(from: position - 1, through: position - 1) }
        }
        #expect(entries.take().map(\.position) == [49_999])
    }

    @Test("are those of a plain table after any additions, copies, settlements and returns")
    func model() {
        for seed in 1...25 as ClosedRange<UInt64> {
            var random = Seed(seed)
            var entries = RecoveredEntries()
            var model: [UInt64: RecoveredEntries.Entry] = [:]
            var next: UInt64 = 0
            // Some seeds copy hardly ever, others so often that rows are made into one.
            let copies = Int.random(in: 0...4, using: &random)
            for lsn in 1...3000 as ClosedRange<UInt64> {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5:
                    next += UInt64.random(in: 1...3, using: &random)
                    entries.add(entry(next, lsn: lsn))
                    model[next] = entry(next, lsn: lsn)
                case 5..<7:
                    let first = UInt64.random(in: 0...next, using: &random)
                    let last = first + UInt64.random(in: 0...40, using: &random)
                    entries.settle(from: first, through: last)
                    for position in first...last { model[position] = nil }
                case 7:
                    let position = UInt64.random(in: 0...next, using: &random)
                    entries.setDeliveryCount(UInt32(lsn), at: position)
                    model[position]?.deliveryCount = UInt32(lsn)
                default:
                    guard copies > 0, random.oneIn(6 - copies),
                        let position = model.keys.sorted().randomElement(using: &random)
                    else { break }
                    let copy = entry(position, lsn: lsn, count: 7)
                    entries.add(copy)
                    model[position] = copy
                }
            }
            #expect(entries.count == model.count)
            let expected = model.values.sorted { $0.position < $1.position }
            #expect(Array(entries.take()) == expected, "seed \(seed)")
        }
    }
}
