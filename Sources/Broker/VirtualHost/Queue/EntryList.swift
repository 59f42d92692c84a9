/// The entries of a queue in their order, however many.
///
/// A short list is one ring. A long one is a ring and blocks of entries behind it, so that it never
/// needs twice its memory to grow, and gives memory back as it drains: the first block becomes the
/// ring when that has become empty, and its entries stay where they are. Entries are numbered from
/// the first one the list ever held; the number of an entry stays while others leave at the front.
@safe
struct EntryList: ~Copyable {
    /// Entries of a block: 32 KiB of them, which stay in the processor's caches while it fills.
    static let blockCount = 1024
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
        if let rest, rest.state.append(entry) { return }
        addBlock()
        let hasRoom = rest?.state.append(entry) ?? false
        precondition(hasRoom, "a new block has room")
    }

    @inline(never)
    private mutating func addBlock() {
        let rest = rest ?? Handle(EntryListRest())
        self.rest = rest
        rest.state.addBlock()
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
        front = rest.state.takeFirst()
        if rest.state.isEmpty {
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
        return unsafe rest.state.address(of: index)
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

/// What is behind the first entries of a long list: blocks, full but for the last one.
private struct EntryListRest: ~Copyable {
    private var blocks = Ring<EntryBlock>()
    /// Entries of the last block.
    private var lastCount = EntryList.blockCount

    init() {}

    deinit {
        for index in 0..<blocks.count { blocks[index].deallocate() }
    }

    var isEmpty: Bool { blocks.isEmpty }

    /// Adds an entry at the end.
    ///
    /// - Returns: `false` when there is no room.
    @inline(__always)
    mutating func append(_ entry: QueueEntry) -> Bool {
        guard lastCount < EntryList.blockCount, let last = blocks.last else { return false }
        last.initialize(lastCount, to: entry)
        lastCount &+= 1
        return true
    }

    mutating func addBlock() {
        blocks.append(EntryBlock())
        lastCount = 0
    }

    /// Takes the first block out, as a ring; there is one.
    mutating func takeFirst() -> Ring<QueueEntry> {
        guard let block = blocks.popFirst() else { preconditionFailure("no block is left") }
        let count = blocks.isEmpty ? lastCount : EntryList.blockCount
        if blocks.isEmpty { lastCount = EntryList.blockCount }
        return block.becomeRing(count)
    }

    /// Where an entry lies, counted from the first one.
    func address(of index: Int) -> UnsafePointer<QueueEntry> {
        unsafe blocks[index / EntryList.blockCount].address(of: index % EntryList.blockCount)
    }
}

/// Memory for entries.
@safe
private struct EntryBlock: BitwiseCopyable {
    private let entries: UnsafeMutablePointer<QueueEntry>

    init() { unsafe entries = .allocate(capacity: EntryList.blockCount) }

    func initialize(_ index: Int, to entry: QueueEntry) {
        unsafe (entries + checked(index)).initialize(to: entry)
    }

    func address(of index: Int) -> UnsafePointer<QueueEntry> {
        unsafe UnsafePointer(entries + checked(index))
    }

    /// Hands its memory with the first `count` entries over to a ring; the block is gone.
    func becomeRing(_ count: Int) -> Ring<QueueEntry> {
        unsafe Ring(adopting: entries, capacity: EntryList.blockCount, count: count)
    }

    func deallocate() { unsafe entries.deallocate() }

    private func checked(_ index: Int) -> Int {
        precondition(index >= 0 && index < EntryList.blockCount, "no such entry in the block")
        return index
    }
}
