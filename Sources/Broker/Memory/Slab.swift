/// Elements by number in blocks that never move, so that growing copies nothing.
///
/// Numbers count from 1; which of them are in use is the owner's business. Memory goes back only
/// all at once.
@safe
struct Slab<Element: BitwiseCopyable>: ~Copyable {
    /// Elements in a block.
    private static var blockCount: Int { 1024 }

    private var blocks: UnsafeMutablePointer<UnsafeMutablePointer<Element>>?
    private var blockRoom = 0
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
        if count % Self.blockCount == 0 { addBlock() }
        count += 1
        let number = UInt32(count)
        unsafe slot(number).initialize(to: element)
        return number
    }

    /// Forgets every element and returns the memory.
    mutating func removeAll() {
        freeBlocks()
        unsafe blocks = nil
        blockRoom = 0
        count = 0
    }

    @inline(__always)
    private func slot(_ number: UInt32) -> UnsafeMutablePointer<Element> {
        let index = Int(number) &- 1
        precondition(index >= 0 && index < count, "no such element in the slab")
        guard let blocks = unsafe blocks else { preconditionFailure("elements without blocks") }
        return unsafe blocks[index / Self.blockCount] + index % Self.blockCount
    }

    private mutating func addBlock() {
        let used = count / Self.blockCount
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
        unsafe (blocks + used).initialize(to: .allocate(capacity: Self.blockCount))
    }

    private func freeBlocks() {
        guard let blocks = unsafe blocks else { return }
        var first = 0
        var place = 0
        while first < count {
            unsafe blocks[place].deallocate()
            first += Self.blockCount
            place += 1
        }
        unsafe blocks.deallocate()
    }
}
