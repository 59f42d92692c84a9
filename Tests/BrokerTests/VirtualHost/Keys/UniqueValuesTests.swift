import TestSupport
import Testing

@testable import Broker

@Suite("Unique values")
struct UniqueValuesTests {
    private func digest(_ number: Int) -> ValueDigest {
        ValueDigest(high: UInt64(number), low: 7)
    }

    @Test("know what is there, whatever comes and goes", arguments: 1...2 as ClosedRange<UInt64>)
    func againstModel(seed: UInt64) {
        var random = Seed(seed)
        var values = UniqueValues()
        var model: [Int: UInt64] = [:]
        for position in 0..<5_000 as Range<UInt64> {
            let number = Int.random(in: 0..<400, using: &random)
            let isFilling = position / 1_000 % 2 == 0
            if isFilling, model[number] == nil {
                values.add(digest(number), at: position)
                model[number] = position
            } else if let place = model[number] {
                values.remove(place)
                model[number] = nil
            }
            let isKnown = values.contains(digest(number))
            #expect(isKnown == (model[number] != nil))
            let count = values.count
            #expect(count == model.count)
        }
        for place in model.values { values.remove(place) }
        let count = values.count
        #expect(count == 0)
    }

    @Test("belong to the newest of two messages that a crash brought back with one")
    func newestCounts() {
        var values = UniqueValues()
        values.add(digest(1), at: 1)
        values.add(digest(1), at: 2)
        values.remove(1)
        let isKept = values.contains(digest(1))
        #expect(isKept)
        values.remove(2)
        let isGone = !values.contains(digest(1))
        #expect(isGone)
    }
}
