import TestSupport
import Testing

@testable import Broker

@Suite("Heap of times")
struct DueHeapTests {
    @Test("gives the earliest first, and of the same time the lowest position", arguments: 1...20)
    func order(seed: Int) {
        var random = Seed(UInt64(seed))
        var heap = DueHeap()
        var model: [DueHeap.Item] = []
        for position in 0..<UInt64.random(in: 1...6_000, using: &random) {
            let item = DueHeap.Item(due: .random(in: -9...300, using: &random), position: position)
            heap.insert(item)
            model.append(item)
            if random.oneIn(3) {
                let least = model.min { $0 < $1 }
                #expect(heap.first == least)
                #expect(heap.popFirst() == least)
                model.removeAll { $0 == least }
            }
        }
        for item in model.sorted(by: { $0 < $1 }) { #expect(heap.popFirst() == item) }
        #expect(heap.isEmpty && heap.first == nil && heap.popFirst() == nil)
    }
}
