/// 64 KiB of memory that is cut into blocks of one size.
///
/// A run lies at a multiple of its size, so a block's address leads to its run. Its head takes the
/// place of one block near its beginning, another one from run to run: heads that all lay at
/// multiples of 64 KiB would push each other out of the processor's caches. Blocks are cut off
/// one by one as they are needed, so memory that was never needed is never touched.
@safe
struct BlockRun: BitwiseCopyable, Equatable {
    /// What a run takes, in bytes.
    static let byteCount = 1 << 16
    private static let addressMask = UInt(byteCount - 1)
    /// Places for a head: so many lines of 64 bytes.
    private static let headPlaceMask: UInt = 63 << 6

    @safe
    private struct Head: BitwiseCopyable {
        /// Of the free blocks; each holds the address of the next in its first word.
        var firstFree: UnsafeMutableRawPointer?
        var next: BlockRun?
        var previous: BlockRun?
        let area: BlockArea
        /// Blocks that are out, and one more in the first run of a list.
        ///
        /// 1 in a run that has left its list because all blocks are out. So 0 always says that
        /// the run has to be looked after.
        var holdCount: Int32
        /// Blocks that were cut off so far, the place of the head among them.
        var cutCount: Int32
        var blockSize: Int32
        /// Blocks that were out when it left its list; 0 in a list.
        var fullCount: Int32
    }

    /// Where its head is.
    private let place: UnsafeMutableRawPointer

    /// The run at an address that is a multiple of its size.
    @inline(__always)
    init(base: UnsafeMutableRawPointer) {
        unsafe place = base + Int(UInt(bitPattern: base) >> 10 & Self.headPlaceMask)
    }

    @inline(__always)
    static func == (left: Self, right: Self) -> Bool { unsafe left.place == right.place }

    /// The run a block is part of.
    @inline(__always)
    init(of block: UnsafeMutableRawPointer) {
        let offset = Int(UInt(bitPattern: block) & Self.addressMask)
        unsafe self.init(base: block - offset)
    }

    /// The area it is part of.
    var area: BlockArea { head.area }

    /// Makes all of it memory for blocks of `size` bytes, from 64 to 4096.
    func begin(blockSize size: Int, area: BlockArea) {
        head = unsafe Head(
            firstFree: nil,
            next: nil,
            previous: nil,
            area: area,
            holdCount: 0,
            cutCount: 0,
            blockSize: Int32(size),
            fullCount: 0
        )
    }

    private var headOffset: Int { Int(unsafe UInt(bitPattern: place) & Self.addressMask) }

    private var head: Head {
        @inline(__always) unsafeAddress {
            unsafe UnsafePointer(place.assumingMemoryBound(to: Head.self))
        }
        @inline(__always) nonmutating unsafeMutableAddress {
            unsafe place.assumingMemoryBound(to: Head.self)
        }
    }

    /// Takes a block that was freed; `nil` when none was.
    @inline(__always)
    func takeFreed() -> UnsafeMutableRawPointer? {
        guard let block = unsafe head.firstFree else { return nil }
        unsafe head.firstFree = block.load(as: UnsafeMutableRawPointer?.self)
        head.holdCount &+= 1
        return unsafe block
    }

    /// Cuts a new block off; `nil` when there is no room for another one.
    func cut() -> UnsafeMutableRawPointer? {
        let size = Int(head.blockSize)
        if Int(head.cutCount) == headOffset / size { head.cutCount += 1 }
        let offset = Int(head.cutCount) * size
        guard offset + size <= Self.byteCount else { return nil }
        head.cutCount += 1
        head.holdCount += 1
        return unsafe place + (offset - headOffset)
    }

    /// Takes a block of this run back.
    ///
    /// - Returns: Whether the run has to be looked after: it was full, or nothing is out any more.
    @inline(__always)
    func put(_ block: UnsafeMutableRawPointer) -> Bool {
        unsafe block.storeBytes(of: head.firstFree, as: UnsafeMutableRawPointer?.self)
        unsafe head.firstFree = block
        head.holdCount &-= 1
        return head.holdCount == 0
    }
}

/// Runs in a list: those of a size that may have a block to give.
extension BlockRun {
    /// The one behind it.
    var next: BlockRun? { head.next }

    /// Whether it has left its list because all blocks were out.
    var wasFull: Bool { head.fullCount > 0 }

    /// Puts it into a list, behind the first.
    func add(to first: inout BlockRun?) {
        if wasFull { head.holdCount = head.fullCount - 1 }
        head.fullCount = 0
        let after = first?.head.next
        head.previous = first
        head.next = after
        if let after { after.head.previous = self }
        if let first {
            first.head.next = self
        } else {
            head.holdCount += 1
            first = self
        }
    }

    /// Takes it out of its list.
    func remove(from first: inout BlockRun?) {
        let (before, after) = (head.previous, head.next)
        if let after { after.head.previous = before }
        if let before {
            before.head.next = after
        } else {
            first = after
            after?.head.holdCount += 1
            head.holdCount -= 1
        }
    }

    /// Takes a run out of its list whose blocks are all out.
    func removeFull(from first: inout BlockRun?) {
        remove(from: &first)
        head.fullCount = head.holdCount
        head.holdCount = 1
    }
}
