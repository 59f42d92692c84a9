import TestSupport
import Testing

@testable import Broker

@Suite("Sorted list")
struct SortedListTests {
    private struct Element: Positioned, Equatable {
        let position: UInt64
        var value = 0
    }

    private func list(_ positions: some Sequence<UInt64>) -> SortedList<Element> {
        var list = SortedList<Element>()
        for position in positions { list.insert(Element(position: position)) }
        return list
    }

    private func drained(_ list: consuming SortedList<Element>) -> [UInt64] {
        var positions: [UInt64] = []
        while let element = list.popFirst() { positions.append(element.position) }
        return positions
    }

    @Test("gives back in order what came in order, from either end, or in none")
    func orders() {
        let positions = Array(0..<3_000 as Range<UInt64>)
        #expect(drained(list(positions)) == positions)
        #expect(drained(list(positions.reversed())) == positions)
        #expect(drained(list(positions.map { $0 * 1_663 % 3_000 })) == positions)
    }

    @Test(
        "does what an array does, whatever comes and goes",
        arguments: 1...3 as ClosedRange<UInt64>
    )
    func againstModel(seed: UInt64) {
        var random = Seed(seed)
        var tested = SortedList<Element>()
        var model: [UInt64: Int] = [:]
        for step in 0..<20_000 {
            let position = UInt64.random(in: 0..<4_000, using: &random)
            let isGrowing = step / 4_000 % 2 == 0
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<(isGrowing ? 7 : 2):
                guard model[position] == nil else { continue }
                tested.insert(Element(position: position, value: step))
                model[position] = step
            case 7:
                let first = model.keys.min()
                #expect(tested.first?.position == first)
                #expect(tested.popFirst()?.value == first.flatMap { model[$0] })
                if let first { model[first] = nil }
            default:
                #expect(tested.find(position)?.value == model[position])
                #expect(tested.remove(position)?.value == model[position])
                model[position] = nil
            }
            #expect(tested.count == model.count)
        }
        #expect(drained(tested) == model.keys.sorted())
    }

    @Test("is walked from the lowest position on, as far as is wanted")
    func walks() {
        let list = list((0..<1_000 as Range<UInt64>).map { $0 * 7 % 1_000 })
        var walked: [UInt64] = []
        let isWhole = list.forEach { element in
            walked.append(element.position)
            return walked.count < 600
        }
        #expect(!isWhole)
        #expect(walked == Array(0..<600))
        let isWalkedToTheEnd = list.forEach { _ in true }
        #expect(isWalkedToTheEnd)
    }

    @Test("finds nothing where nothing is")
    func absent() {
        var list = SortedList<Element>()
        let isFoundInNone = list.find(1) != nil || list.remove(1) != nil || list.popFirst() != nil
        #expect(!isFoundInNone)
        list.insert(Element(position: 5))
        let isFoundBeside = list.find(4) != nil || list.remove(6) != nil
        #expect(!isFoundBeside)
        #expect(drained(list) == [5])
    }

    @Test("traps when a position is used twice")
    func trapsOnSecondUse() async {
        await #expect(processExitsWith: .failure) {
            var list = SortedList<Element>()
            list.insert(Element(position: 1))
            list.insert(Element(position: 1))
        }
    }
}
