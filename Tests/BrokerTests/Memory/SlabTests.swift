import Testing

@testable import Broker

@Suite("Slab")
struct SlabTests {
    @Test("elements keep their number and their place while it grows")
    func growth() {
        var slab = Slab<Int>()
        for number in 1...10_000 { #expect(slab.append(number * 3) == UInt32(number)) }
        slab[5_000] = 7
        for number in 1...10_000 as ClosedRange<UInt32> {
            #expect(slab[number] == (number == 5_000 ? 7 : Int(number) * 3))
        }
        slab.removeAll()
        #expect(slab.count == 0)
        #expect(slab.append(1) == 1)
    }

    @Test("elements leave from the end, and others keep their number and place")
    func removal() {
        var slab = Slab<Int>()
        for turn in [10_000, 1, 5_000, 0, 3] {
            while slab.count < 10_000 { _ = slab.append(slab.count) }
            while slab.count > turn { #expect(slab.removeLast() == slab.count) }
            for number in 0..<turn { #expect(slab[UInt32(number + 1)] == number) }
        }
        while slab.removeLast() != nil {}
        #expect(slab.count == 0)
        #expect(slab.append(9) == 1 && slab[1] == 9)
    }

    @Test("a number that was never handed out traps", arguments: [0, 2, 5_000] as [UInt32])
    func bounds(number: UInt32) async {
        await #expect(processExitsWith: .failure) { [number] in
            var slab = Slab<Int>()
            _ = slab.append(1)
            #expect(slab[number] == 1)
        }
    }
}
