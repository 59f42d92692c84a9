import TestSupport
import Testing

@testable import Broker

@Suite("Ring")
struct RingTests {
    private static func contents(_ ring: borrowing Ring<Int>) -> [Int] {
        var values: [Int] = []
        for offset in 0..<ring.count { values.append(ring[offset]) }
        return values
    }

    /// A ring of capacity 8 whose front lies at slot `head` and that holds 0, 1, 2...
    private static func ring(head: Int, count: Int) -> Ring<Int> {
        var ring = Ring<Int>()
        for value in 0..<8 { ring.append(value) }
        for _ in 0..<head {
            _ = ring.popFirst()
            ring.append(-1)
        }
        while ring.count > 1 { _ = ring.popLast() }
        // One element is left, at slot `head`, so that the front stays there.
        ring[0] = 0
        for value in 1..<max(count, 1) { ring.append(value) }
        return ring
    }

    @Test("owns no memory before the first element")
    func startsWithoutMemory() {
        let ring = Ring<Int>()
        #expect(ring.capacity == 0)
        #expect(ring.first == nil)
        #expect(ring.last == nil)
    }

    @Test("begins with the elements of memory it takes over, and grows from there")
    func takesMemoryOver() {
        let memory = UnsafeMutablePointer<Int>.allocate(capacity: 4)
        for index in 0..<3 { (memory + index).initialize(to: index) }
        var ring = Ring(adopting: memory, capacity: 4, count: 3)
        #expect(ring.capacity == 4)
        for value in 3..<6 { ring.append(value) }
        #expect(Self.contents(ring) == [0, 1, 2, 3, 4, 5])
    }

    @Test("grows in order from every position of its front", arguments: 0..<8)
    func growsFromEveryHead(head: Int) {
        var ring = Self.ring(head: head, count: 8)
        #expect(ring.capacity == 8)
        ring.append(8)
        #expect(ring.capacity == 16)
        #expect(Self.contents(ring) == Array(0...8))
        var other = Self.ring(head: head, count: 8)
        other.prepend(-1)
        #expect(other.capacity == 16)
        #expect(Self.contents(other) == Array(-1...7))
    }

    @Test("compacts in order from every position of its front", arguments: 0..<8, 1...4)
    func compactsFromEveryHead(head: Int, count: Int) {
        var ring = Self.ring(head: head, count: count)
        ring.compact()
        #expect(ring.capacity == 4)
        #expect(Self.contents(ring) == Array(0..<count))
        ring.removeFirst(count)
        ring.compact()
        #expect(ring.capacity == 0)
    }

    @Test("inserts and removes at every offset of every layout", arguments: 0..<8, 1...8)
    func insertsAndRemovesAnywhere(head: Int, count: Int) {
        for offset in 0...count {
            var ring = Self.ring(head: head, count: count)
            var model = Array(0..<count)
            ring.insert(99, at: offset)
            model.insert(99, at: offset)
            #expect(Self.contents(ring) == model)
        }
        for offset in 0..<count {
            var ring = Self.ring(head: head, count: count)
            var model = Array(0..<count)
            #expect(ring.remove(at: offset) == model.remove(at: offset))
            #expect(Self.contents(ring) == model)
        }
    }

    @Test(
        "does what an array does, whatever the order of operations",
        arguments: 1...20 as ClosedRange<UInt64>
    )
    func agreesWithAnArray(seed: UInt64) {
        var seed = Seed(seed)
        var ring = Ring<Int>()
        var model: [Int] = []
        for step in 0..<2_000 {
            switch Int.random(in: 0..<9, using: &seed) {
            case 0, 1, 2:
                ring.append(step)
                model.append(step)
            case 3:
                ring.prepend(step)
                model.insert(step, at: 0)
            case 4:
                #expect(ring.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            case 5:
                #expect(ring.popLast() == model.popLast())
            case 6 where !model.isEmpty:
                let offset = Int.random(in: 0..<model.count, using: &seed)
                ring[offset] = -step
                model[offset] = -step
            case 7 where seed.oneIn(8):
                let amount = Int.random(in: 0...model.count, using: &seed)
                ring.removeFirst(amount)
                model.removeFirst(amount)
            case 8 where seed.oneIn(8):
                ring.compact()
            default: break
            }
            #expect(ring.first == model.first)
            #expect(ring.last == model.last)
            #expect(ring.count == model.count)
        }
        #expect(Self.contents(ring) == model)
    }

    @Test("returns the memory of a drained backlog")
    func shrinks() {
        var ring = Ring<Int>()
        for value in 0..<1_000_000 { ring.append(value) }
        #expect(ring.capacity == 1 << 20)
        ring.removeFirst(500_000)
        #expect(ring.capacity == 1 << 20)
        for value in 500_000..<999_990 { #expect(ring.popFirst() == value) }
        #expect(ring.capacity * MemoryLayout<Int>.stride <= Ring<Int>.keptBytesMax)
        #expect(Self.contents(ring) == Array(999_990..<1_000_000))
        ring.removeAll()
        #expect(ring.capacity == 0)
    }

    @Test("keeps the memory of a batch that comes and goes")
    func keepsBatchMemory() {
        var ring = Ring<Int>()
        for value in 0..<4_096 { ring.append(value) }
        ring.removeFirst(4_096)
        #expect(ring.first == nil)
        #expect(ring.capacity == 4_096)
    }

    @Test("traps on a position outside")
    func trapsOutside() async {
        await #expect(processExitsWith: .failure) {
            var ring = Ring<Int>()
            ring.append(1)
            _ = ring.popFirst()
            ring[0] = 2
        }
        await #expect(processExitsWith: .failure) {
            var ring = Ring<Int>()
            ring.append(1)
            _ = ring[-1]
        }
        await #expect(processExitsWith: .failure) {
            var ring = Ring<Int>()
            ring.append(1)
            ring.removeFirst(2)
        }
    }
}
