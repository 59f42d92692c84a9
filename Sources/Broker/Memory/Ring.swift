/// A double-ended queue in one block of raw memory whose capacity is a power of two.
///
/// Empty rings own no memory. A full ring doubles. A ring of more than `keptBytesMax` bytes
/// that is less than an eighth full moves into a quarter of its room at once, so that the memory
/// of a drained backlog goes back; smaller ones keep theirs until `compact()`, because a ring
/// that fills and drains with every batch should not allocate with every batch.
///
/// Positions count from the front: 0 is the first element. All operations are O(1), amortised
/// where they grow or shrink, and a position out of bounds traps.
@safe
struct Ring<Element: BitwiseCopyable>: ~Copyable {
    /// Rings up to this many bytes are not shrunk by removals.
    static var keptBytesMax: Int { 256 * 1024 }
    static var capacityMin: Int { 4 }

    private var storage: UnsafeMutablePointer<Element>?
    private var head = 0
    /// Slots in `storage`: 0 or a power of two.
    private(set) var capacity = 0
    /// Number of elements.
    private(set) var count = 0

    /// A ring that holds nothing and owns no memory.
    init() { unsafe storage = nil }

    /// A ring that takes memory over, which `allocate(capacity:)` gave.
    ///
    /// - Parameters:
    ///   - memory: It begins with the elements.
    ///   - capacity: Elements it has room for, a power of two.
    ///   - count: Elements there are.
    init(adopting memory: UnsafeMutablePointer<Element>, capacity: Int, count: Int) {
        precondition(
            capacity.nonzeroBitCount == 1 && count >= 0 && count <= capacity,
            "memory no ring can use"
        )
        unsafe storage = memory
        self.capacity = capacity
        self.count = count
    }

    deinit { unsafe storage?.deallocate() }

    var isEmpty: Bool { @inline(__always) get { count == 0 } }

    /// The element at the front, or nil when there is none.
    var first: Element? {
        @inline(__always) get { count == 0 ? nil : unsafe slot(0).pointee }
    }

    /// The element at the back, or nil when there is none.
    var last: Element? {
        @inline(__always) get { count == 0 ? nil : unsafe slot(count &- 1).pointee }
    }

    /// The element `offset` places behind the first, in place.
    subscript(offset: Int) -> Element {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(checked(offset)) }
        @inline(__always) unsafeMutableAddress { unsafe checked(offset) }
    }

    /// Where the element `offset` places behind the first lies, until the ring changes.
    @inline(__always)
    func address(of offset: Int) -> UnsafePointer<Element> {
        unsafe UnsafePointer(checked(offset))
    }

    /// Adds `element` at the back.
    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { grow() }
        unsafe slot(count).initialize(to: element)
        count &+= 1
    }

    /// Adds `element` at the front: what was at offset 0 is at offset 1 from now on.
    @inline(__always)
    mutating func prepend(_ element: Element) {
        if count == capacity { grow() }
        head = (head &- 1) & (capacity &- 1)
        count &+= 1
        unsafe slot(0).initialize(to: element)
    }

    /// Takes the element at the front, or nil when there is none.
    @inline(__always)
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = unsafe slot(0).pointee
        dropFront(1)
        return element
    }

    /// Takes the element at the back, or nil when there is none.
    mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        let element = unsafe slot(count &- 1).pointee
        count &-= 1
        shrinkIfVast()
        return element
    }

    /// Drops the first `amount` elements; more than there are traps.
    @inline(__always)
    mutating func removeFirst(_ amount: Int) {
        precondition(amount >= 0 && amount <= count, "removing more than the ring holds")
        dropFront(amount)
    }

    /// Puts `element` at `offset`, moving whichever side is shorter by one place.
    ///
    /// - Complexity: O(min(offset, count - offset)).
    mutating func insert(_ element: Element, at offset: Int) {
        precondition(offset >= 0 && offset <= count, "inserting beyond the ring's end")
        if offset < count / 2 {
            prepend(element)
            for place in 0..<offset { self[place] = self[place + 1] }
        } else {
            append(element)
            for place in stride(from: count - 1, to: offset, by: -1) {
                self[place] = self[place - 1]
            }
        }
        self[offset] = element
    }

    /// Takes out the element at `offset`, moving whichever side is shorter by one place.
    ///
    /// - Complexity: O(min(offset, count - offset)).
    @discardableResult
    mutating func remove(at offset: Int) -> Element {
        let element = self[offset]
        if offset < count / 2 {
            for place in stride(from: offset, to: 0, by: -1) { self[place] = self[place - 1] }
            dropFront(1)
        } else {
            for place in offset..<(count - 1) { self[place] = self[place + 1] }
            count &-= 1
            shrinkIfVast()
        }
        return element
    }

    /// Drops everything and returns the memory.
    mutating func removeAll() {
        count = 0
        resize(to: 0)
    }

    /// Returns the memory that the present elements do not need.
    mutating func compact() {
        var needed = count == 0 ? 0 : Self.capacityMin
        while needed < count { needed <<= 1 }
        if needed < capacity { resize(to: needed) }
    }

    /// The slot of a position that is known to be inside the capacity.
    @inline(__always)
    private func slot(_ offset: Int) -> UnsafeMutablePointer<Element> {
        unsafe storage.unsafelyUnwrapped + ((head &+ offset) & (capacity &- 1))
    }

    @inline(__always)
    private func checked(_ offset: Int) -> UnsafeMutablePointer<Element> {
        precondition(
            UInt(bitPattern: offset) < UInt(bitPattern: count),
            "no such position in the ring"
        )
        return unsafe slot(offset)
    }

    @inline(__always)
    private mutating func dropFront(_ amount: Int) {
        count &-= amount
        head = count == 0 ? 0 : (head &+ amount) & (capacity &- 1)
        shrinkIfVast()
    }

    @inline(__always)
    private mutating func shrinkIfVast() {
        if capacity &* MemoryLayout<Element>.stride > Self.keptBytesMax, count < capacity >> 3 {
            resize(to: capacity >> 2)
        }
    }

    @inline(never)
    private mutating func grow() {
        resize(to: max(Self.capacityMin, capacity * 2))
    }

    /// Moves the elements, in order, to the start of a block of `newCapacity` slots.
    @inline(never)
    private mutating func resize(to newCapacity: Int) {
        let old = unsafe storage
        if newCapacity == 0 {
            unsafe storage = nil
        } else {
            let block = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
            if let old = unsafe old {
                let untilWrap = min(count, capacity - head)
                unsafe block.initialize(from: old + head, count: untilWrap)
                unsafe (block + untilWrap).initialize(from: old, count: count - untilWrap)
            }
            unsafe storage = block
        }
        unsafe old?.deallocate()
        head = 0
        capacity = newCapacity
    }
}
