/// The values of the messages in a queue with x-message-deduplication.
///
/// One that is there keeps others with its value out, until it leaves for good: about 134 octets
/// each.
struct UniqueValues: ~Copyable {
    private struct Value: BitwiseCopyable {
        let digest: ValueDigest
        /// Of the message that has it; of a free one, the next free number.
        var position: UInt64
    }

    private struct Table: ~Copyable {
        var numbers: [ValueDigest: UInt32] = [:]
        /// By number.
        var values = Slab<Value>()
        var firstFree: UInt32 = 0
        /// The number of the value at a position.
        var places = PositionTable()
    }

    /// With room for more values than this the memory goes back when the last one is gone.
    private static let keptCountMax = 64

    /// `nil` before there is a value.
    private var table: Handle<Table>?

    init() {}

    deinit { table?.destroy() }

    var count: Int { table?.state.numbers.count ?? 0 }

    func contains(_ digest: ValueDigest) -> Bool { table?.state.numbers[digest] != nil }

    /// Notes the value of a message, which no other one has.
    ///
    /// But for what a crash brought back: there the newest counts, which mostly leaves last.
    mutating func add(_ digest: ValueDigest, at position: UInt64) {
        let table = self.table ?? Handle(Table())
        self.table = table
        let value = Value(digest: digest, position: position)
        let number: UInt32
        if let known = table.state.numbers[digest] {
            number = known
            table.state.places.remove(table.state.values[number].position)
            table.state.values[number] = value
        } else if table.state.firstFree > 0 {
            number = table.state.firstFree
            table.state.firstFree = UInt32(table.state.values[number].position)
            table.state.values[number] = value
        } else {
            number = table.state.values.append(value)
        }
        table.state.numbers[digest] = number
        table.state.places.set(number, at: position)
    }

    /// A message has left.
    mutating func remove(_ position: UInt64) {
        guard let table else { return }
        let number = table.state.places.remove(position)
        guard number > 0 else { return }
        table.state.numbers[table.state.values[number].digest] = nil
        table.state.values[number].position = UInt64(table.state.firstFree)
        table.state.firstFree = number
        if table.state.numbers.isEmpty, table.state.values.count > Self.keptCountMax {
            table.destroy()
            self.table = nil
        }
    }
}
