import Testing

@testable import Broker

@Suite("Table of positions")
struct PositionTableTests {
    @Test("keeps numbers by position, close together and far apart, and forgets them")
    func numbers() {
        var table = PositionTable()
        let positions: [UInt64] = [0, 1, 63, 64, 65, 1_000, 1 << 40, .max]
        for (index, position) in positions.enumerated() {
            table.set(UInt32(index + 1), at: position)
        }
        #expect(table.count == positions.count)
        for (index, position) in positions.enumerated() {
            #expect(table[position] == UInt32(index + 1))
        }
        #expect(table[2] == 0)
        #expect(table[999] == 0)
        #expect(table.remove(2) == 0)
        for (index, position) in positions.enumerated() {
            #expect(table.remove(position) == UInt32(index + 1))
            #expect(table[position] == 0)
        }
        #expect(table.count == 0)
    }
}
