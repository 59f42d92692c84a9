/// The entries of a queue in their order, however many.
///
/// A short list is one ring. A long one is two rings with full blocks of entries between them, so
/// that it never needs twice its memory to grow, and gives memory back as it drains. Entries are
/// numbered from the first one the list ever held; the number of an entry stays while others leave
/// at the front.
@safe
struct EntryList: ~Copyable {
    /// Entries of a block: 256 KiB of them.
    static let blockCount = 8192
    /// Messages looked at ahead: two lines of each are about what a processor fetches at once.
    private static let aheadCount = 16

    /// The whole list while it is short, and its beginning later.
    private var front = Ring<QueueEntry>()
    /// What is behind it; `nil` while there is nothing.
    private var rest: Handle<EntryListRest>?
    private(set) var count = 0
    /// The number of the first entry, and of the next one while there is none.
    private(set) var firstNumber: UInt64 = 0

    init() {}

    deinit { rest?.destroy() }

    /// The number the next entry will have.
    @inline(__always)
    var endNumber: UInt64 { firstNumber &+ UInt64(truncatingIfNeeded: count) }

    var first: QueueEntry? {
        @inline(__always) get { front.first }
    }

    @inline(__always)
    mutating func append(_ entry: QueueEntry) {
        count &+= 1
        if rest != nil || front.count == EntryList.blockCount {
            appendBehind(entry)
        } else {
            front.append(entry)
        }
    }

    @inline(never)
    private mutating func appendBehind(_ entry: QueueEntry) {
        let rest = rest ?? Handle(EntryListRest())
        self.rest = rest
        if rest.state.back.count == EntryList.blockCount {
            rest.state.blocks.append(EntryBlock(moving: &rest.state.back))
        }
        rest.state.back.append(entry)
    }

    @inline(__always)
    mutating func popFirst() -> QueueEntry? {
        guard let entry = front.popFirst() else { return nil }
        count &-= 1
        firstNumber &+= 1
        if rest != nil, front.isEmpty { refill() }
        return entry
    }

    /// Looks at the messages of the first entries, those that are in memory.
    ///
    /// - Parameter seen: Takes up what was read, which says nothing.
    /// - Returns: At how many, at least 1.
    func lookAhead(into seen: inout UInt8) -> Int {
        let amount = min(front.count, EntryList.aheadCount)
        for offset in 0..<amount where !front[offset].isPaged {
            seen ^= front[offset].message.glimpse(bodySize: front[offset].bodySize)
        }
        return max(amount, 1)
    }

    /// Invariant: a list that is not empty has its first entry in `front`.
    @inline(never)
    private mutating func refill() {
        guard let rest else { return }
        if let block = rest.state.blocks.popFirst() {
            block.move(to: &front)
        } else {
            swap(&front, &rest.state.back)
            rest.destroy()
            self.rest = nil
        }
    }

    /// The entry of a number, in place; a number that is not in the list traps.
    subscript(number: UInt64) -> QueueEntry {
        unsafeAddress { unsafe address(of: number) }
        unsafeMutableAddress { unsafe UnsafeMutablePointer(mutating: address(of: number)) }
    }

    private func address(of number: UInt64) -> UnsafePointer<QueueEntry> {
        precondition(number >= firstNumber && number < endNumber, "no such entry in the list")
        var index = Int(truncatingIfNeeded: number &- firstNumber)
        if index < front.count { return unsafe front.address(of: index) }
        index &-= front.count
        guard let rest else { preconditionFailure("a list that is longer than it is") }
        let block = index / EntryList.blockCount
        let blockCount = rest.state.blocks.count
        guard block < blockCount else {
            return unsafe rest.state.back.address(of: index &- blockCount &* EntryList.blockCount)
        }
        return unsafe rest.state.blocks[block].address(of: index % EntryList.blockCount)
    }

    /// The number of the first entry at or behind a position, in a list sorted by position.
    func lowerBound(of position: UInt64) -> UInt64 {
        var low = firstNumber
        var high = endNumber
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// What is behind the first entries of a long list.
private struct EntryListRest: ~Copyable {
    /// Full blocks, in order.
    var blocks = Ring<EntryBlock>()
    /// The end of the list.
    var back = Ring<QueueEntry>()

    init() {}

    deinit {
        for index in 0..<blocks.count { blocks[index].deallocate() }
    }
}

/// A full block of entries.
@safe
private struct EntryBlock: BitwiseCopyable {
    private let entries: UnsafeMutablePointer<QueueEntry>

    /// Takes over all entries of a ring that has as many as a block.
    init(moving ring: inout Ring<QueueEntry>) {
        unsafe entries = .allocate(capacity: EntryList.blockCount)
        for index in 0..<EntryList.blockCount {
            unsafe (entries + index).initialize(to: ring[index])
        }
        ring.removeFirst(EntryList.blockCount)
    }

    /// Hands its entries over to an empty ring; the block is gone.
    func move(to ring: inout Ring<QueueEntry>) {
        for index in 0..<EntryList.blockCount { ring.append(unsafe entries[index]) }
        deallocate()
    }

    func address(of index: Int) -> UnsafePointer<QueueEntry> {
        precondition(index >= 0 && index < EntryList.blockCount, "no such entry in the block")
        return unsafe UnsafePointer(entries + index)
    }

    func deallocate() { unsafe entries.deallocate() }
}
