import TestSupport
import Testing

@testable import Broker

@Suite("Entries that came back")
struct ReturnedEntriesTests {
    private func entry(_ position: UInt64, isPaged: Bool) -> QueueEntry {
        let place = isPaged ? MessagePlace.journal(position) : resident
        var entry = QueueEntry(
            place: .journal(0),
            position: position,
            bodySize: 0,
            deliveryCount: 0,
            terms: .none
        )
        entry.place = place
        return entry
    }

    /// The address of no message, which is only carried here.
    private var resident: MessagePlace { unsafeBitCast(0x1000, to: MessagePlace.self) }

    private func positions(_ entries: borrowing ReturnedEntries, from start: UInt64 = 0) -> [UInt64]
    {
        var list: [UInt64] = []
        entries.forEach(from: start) { entry in
            list.append(entry.position)
            return true
        }
        return list
    }

    private static let rising = Array(0..<3_000 as Range<UInt64>)
    private static let falling = Array(rising.reversed())
    private static let mixed =
        rising[..<1_000] + Array(rising[2_000...].reversed())
        + Array(rising[1_000..<2_000].reversed())
    private static let fromBothEnds =
        rising.filter { $0 % 2 == 0 } + falling.filter { $0 % 2 == 1 }

    @Test("are found, changed and taken as from a sorted list", arguments: 1...6)
    func againstModel(seed: UInt64) {
        var random = Seed(seed)
        var tested = ReturnedEntries()
        var model: [UInt64: Bool] = [:]
        // Some seeds take little, so that there are many chunks; others nearly everything.
        let takeShare = Int(seed % 3) * 3 + 1
        for step in 0..<6_000 {
            let position = UInt64.random(in: 0..<8_000, using: &random)
            switch Int.random(in: 0..<10 + takeShare, using: &random) {
            case 0..<8:
                guard model[position] == nil else { continue }
                model[position] = random.oneIn(2)
                tested.insert(entry(position, isPaged: model[position] == true))
            case 8:
                let isThere = tested.update(at: position) { $0.place = .journal(1) }
                #expect(isThere == (model[position] != nil))
                if isThere { model[position] = true }
            case 9:
                let found = tested.entry(position)?.position
                #expect(found == model[position].map { _ in position })
                let first = tested.first?.position
                #expect(first == model.keys.min())
            case 10:
                let least = model.keys.min()
                let first = tested.popFirst()?.position
                #expect(first == least)
                if let least { model[least] = nil }
            default:
                let taken = tested.remove(position)?.position
                #expect(taken == model[position].map { _ in position })
                model[position] = nil
            }
            let counts = [tested.count, tested.residentCount]
            #expect(counts == [model.count, model.values.count { !$0 }])
            guard step % 200 == 0 else { continue }
            let all = positions(tested)
            #expect(all == model.keys.sorted())
            let some = positions(tested, from: position)
            #expect(some == all.filter { $0 >= position })
        }
    }

    @Test(
        "stand in order whichever came first",
        arguments: [rising, falling, Array(mixed), fromBothEnds]
    )
    func order(positions: [UInt64]) {
        var tested = ReturnedEntries()
        for position in positions { tested.insert(entry(position, isPaged: false)) }
        let all = self.positions(tested)
        #expect(all == Self.rising)
        for position in all {
            let first = tested.popFirst()?.position
            #expect(first == position)
        }
        let isEmpty = tested.isEmpty
        #expect(isEmpty)
    }

    @Test("leave memory from the last one on, as far as they are let")
    func residents() {
        var tested = ReturnedEntries()
        for position in 0..<2_000 as Range<UInt64> {
            tested.insert(entry(position, isPaged: position % 3 == 0))
        }
        var left: [UInt64] = []
        tested.updateResidents(from: 100) { entry in
            guard left.count < 1_000 else { return false }
            left.append(entry.position)
            entry.place = .journal(entry.position)
            return true
        }
        let all = (100..<2_000 as Range<UInt64>).reversed().filter { $0 % 3 != 0 }
        #expect(left == Array(all.prefix(1_000)))
        let residentCount = tested.residentCount
        #expect(residentCount == 1_333 - 1_000)
        tested.updateResidents(from: 100) { entry in
            entry.place = .journal(entry.position)
            return true
        }
        let countLeft = tested.residentCount
        #expect(countLeft == 66)
    }
}
