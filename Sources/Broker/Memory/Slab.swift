/// Elements by number in blocks that never move, so that growing copies nothing.
///
/// Numbers count from 1; which of them are in use is the owner's business. Memory goes back from
/// the end, or all at once.
@safe
struct Slab<Element: BitwiseCopyable>: ~Copyable {
    /// Elements in a block.
    private static var blockSize: Int { 1024 }

    private var blocks: UnsafeMutablePointer<UnsafeMutablePointer<Element>>?
    private var blockRoom = 0
    private var blockCount = 0
    /// Elements handed out so far.
    private(set) var count = 0

    init() { unsafe blocks = nil }

    deinit { freeBlocks() }

    /// The element with a number, in place.
    subscript(number: UInt32) -> Element {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(slot(number)) }
        @inline(__always) unsafeMutableAddress { unsafe slot(number) }
    }

    /// Adds an element.
    ///
    /// - Returns: Its number.
    mutating func append(_ element: Element) -> UInt32 {
        if count == blockCount * Self.blockSize { addBlock() }
        count += 1
        let number = UInt32(count)
        unsafe slot(number).initialize(to: element)
        return number
    }

    /// Takes the element with the highest number; `nil` when there is none.
    ///
    /// A block goes back when the one before it is empty, too, so that a count that moves to and
    /// fro at the edge of a block costs nothing.
    mutating func removeLast() -> Element? {
        guard count > 0 else { return nil }
        let element = unsafe slot(UInt32(count)).pointee
        count -= 1
        if count + 2 * Self.blockSize <= blockCount * Self.blockSize, let blocks = unsafe blocks {
            blockCount -= 1
            unsafe blocks[blockCount].deallocate()
        }
        return element
    }

    /// Forgets every element and returns the memory.
    mutating func removeAll() {
        freeBlocks()
        unsafe blocks = nil
        blockRoom = 0
        blockCount = 0
        count = 0
    }

    @inline(__always)
    private func slot(_ number: UInt32) -> UnsafeMutablePointer<Element> {
        let index = Int(number) &- 1
        precondition(index >= 0 && index < count, "no such element in the slab")
        guard let blocks = unsafe blocks else { preconditionFailure("elements without blocks") }
        return unsafe blocks[index / Self.blockSize] + index % Self.blockSize
    }

    private mutating func addBlock() {
        let used = blockCount
        if used == blockRoom {
            let room = max(4, blockRoom * 2)
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(
                capacity: room
            )
            if let old = unsafe blocks {
                unsafe larger.update(from: old, count: used)
                unsafe old.deallocate()
            }
            unsafe blocks = larger
            blockRoom = room
        }
        guard let blocks = unsafe blocks else { preconditionFailure("blocks were just allocated") }
        unsafe (blocks + used).initialize(to: .allocate(capacity: Self.blockSize))
        blockCount += 1
    }

    private func freeBlocks() {
        guard let blocks = unsafe blocks else { return }
        for place in 0..<blockCount { unsafe blocks[place].deallocate() }
        unsafe blocks.deallocate()
    }
}
