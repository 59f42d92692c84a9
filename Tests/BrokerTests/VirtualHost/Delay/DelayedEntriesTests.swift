import TestSupport
import Testing

@testable import Broker

@Suite("Entries that leave in any order")
struct DelayedEntriesTests {
    private func entry(_ position: UInt64) -> QueueEntry {
        QueueEntry(
            place: .journal(position + 7),
            position: position,
            bodySize: UInt32(truncatingIfNeeded: position),
            deliveryCount: 0,
            terms: .none
        )
    }

    @Test("are found by their position as long as they are there", arguments: 1...12)
    func positions(seed: Int) {
        var random = Seed(UInt64(seed))
        var entries = DelayedEntries()
        var there: Set<UInt64> = []
        var next: UInt64 = .random(in: 0...100_000, using: &random)
        for _ in 0..<6_000 {
            // Now and then positions are skipped, as after a restart.
            next += random.oneIn(500) ? .random(in: 1...30_000, using: &random) : 1
            entries.append(entry(next))
            there.insert(next)
            while random.oneIn(2), let left = there.randomElement(using: &random) {
                #expect(entries.remove(left)?.place == .journal(left + 7))
                there.remove(left)
                #expect(entries.remove(left) == nil)
                #expect(entries.entry(left) == nil)
            }
        }
        #expect(entries.count == there.count)
        var found: [UInt64] = []
        while let entry = entries.first(from: (found.last ?? 0) + (found.isEmpty ? 0 : 1)) {
            found.append(entry.position)
        }
        #expect(found == there.sorted())
        for position in there {
            #expect(entries.update(at: position) { $0.deliveryCount = 3 })
            #expect(entries.entry(position)?.deliveryCount == 3)
            #expect(entries.remove(position)?.position == position)
        }
        #expect(entries.count == 0 && entries.first(from: 0) == nil)
        #expect(!entries.update(at: next) { _ in })
        entries.append(entry(5))
        #expect(entries.entry(5)?.bodySize == 5, "an empty list begins anywhere")
    }
}
