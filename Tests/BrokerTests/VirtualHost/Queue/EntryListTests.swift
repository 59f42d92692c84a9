import Testing

@testable import Broker

@Suite("A list of entries")
struct EntryListTests {
    private func entry(_ position: UInt64) -> QueueEntry {
        QueueEntry(
            place: .journal(position + 1),
            position: position,
            bodySize: 0,
            deliveryCount: 0,
            terms: .none
        )
    }

    @Test("is in order and finds every number while it grows over blocks and drains again")
    func growsAndDrains() {
        let total = UInt64(EntryList.blockCount * 3 + 17)
        var list = EntryList()
        for position in 0..<total { list.append(entry(position * 2)) }
        #expect(list.count == Int(total))
        for number in 0..<total where list[number].position != number * 2 {
            Issue.record("entry \(number) is at position \(list[number].position)")
        }
        let boundary = UInt64(EntryList.blockCount)
        #expect(list.lowerBound(of: (boundary - 1) * 2 + 1) == boundary)
        for number in 0..<total {
            #expect(list.firstNumber == number)
            guard list.popFirst()?.position == number * 2 else {
                Issue.record("entry \(number) does not come in its turn")
                return
            }
        }
        #expect(list.popFirst() == nil)
        list.append(entry(7))
        #expect(list.firstNumber == total)
        #expect(list.first?.position == 7)
    }

    @Test("keeps its order when it fills and drains at the same time")
    func steady() {
        var list = EntryList()
        var next: UInt64 = 0
        var expected: UInt64 = 0
        for round in 0..<40 {
            for _ in 0..<(round.isMultiple(of: 2) ? 9000 : 1000) {
                list.append(entry(next))
                next += 1
            }
            for _ in 0..<(round.isMultiple(of: 2) ? 1000 : 8000) {
                guard let first = list.popFirst() else { break }
                guard first.position == expected else {
                    Issue.record("\(first.position) in place of \(expected)")
                    return
                }
                expected += 1
            }
            #expect(list.count == Int(next - expected))
            if list.count > 0 {
                #expect(list[list.endNumber - 1].position == next - 1)
                #expect(list.first?.position == expected)
            }
        }
    }

    @Test("an entry is changed in place, wherever it stands")
    func inPlace() {
        var list = EntryList()
        let total = UInt64(EntryList.blockCount * 2 + 5)
        for position in 0..<total { list.append(entry(position)) }
        let boundary = UInt64(EntryList.blockCount)
        let numbers = [0, boundary - 1, boundary, 2 * boundary - 1, 2 * boundary, total - 1]
        for number in numbers {
            list[number].place = .spill(number)
            #expect(list[number].place == .spill(number))
            #expect(list[number].place.isSpilled)
        }
    }
}
