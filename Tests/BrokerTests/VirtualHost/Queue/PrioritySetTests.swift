import TestSupport
import Testing

@testable import Broker

@Suite("Priority set")
struct PrioritySetTests {
    @Test("knows its highest member, and the next below, like a sorted list")
    func againstModel() {
        var seed = Seed(7)
        var tested = PrioritySet()
        var model: Set<UInt8> = []
        for _ in 0..<4_000 {
            let priority = UInt8.random(in: 1...255, using: &seed)
            if seed.oneIn(2) {
                tested.insert(priority)
                model.insert(priority)
            } else {
                tested.remove(priority)
                model.remove(priority)
            }
            if seed.oneIn(100) {
                for member in model { tested.remove(member) }
                model = []
            }
            let other = UInt8.random(in: 1...255, using: &seed)
            #expect(tested.highest == model.max() ?? 0)
            #expect(tested.highest(below: other) == model.filter { $0 < other }.max() ?? 0)
        }
    }
}
