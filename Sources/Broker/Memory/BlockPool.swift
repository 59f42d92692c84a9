/// Memory for messages and other short-lived blocks, with free lists in 64-byte size classes.
///
/// Blocks up to `pooledBytesMax` come from the free list of their class when it has one; larger
/// ones always go to the allocator. Each class keeps at most `keptBytesPerClass` bytes of free
/// blocks, so a drained backlog returns its memory. Not synchronised: the pool belongs to one
/// virtual host and is used under its lock.
///
/// A pool that keeps nothing (`keptBytesPerClass: 0`) hands every block to the allocator, which
/// lets AddressSanitizer see each use after free.
@safe
struct BlockPool: ~Copyable {
    /// Width of a size class, in bytes.
    static let classBytes = 64
    /// Largest pooled block, in bytes.
    static let pooledBytesMax = 4096
    private static let classCount = pooledBytesMax / classBytes
    private static let alignment = 16

    /// The free blocks of one class; each holds the address of the next in its first word.
    @unsafe
    private struct FreeList: BitwiseCopyable {
        var first: UnsafeMutableRawPointer?
        var room: Int
    }

    private let freeLists: UnsafeMutablePointer<FreeList>
    /// Bytes in blocks that were allocated and not freed, as their owners asked for them.
    private(set) var liveBytes = 0
    /// Of these, bytes in buffers, which are no messages.
    private(set) var bufferBytes = 0
    /// Bytes of messages.
    @inline(__always)
    var messageBytes: Int { liveBytes &- bufferBytes }
    /// Number of blocks that were allocated and not freed.
    private(set) var liveBlocks = 0

    /// A pool whose classes keep at most `keptBytesPerClass` bytes of free blocks each.
    init(keptBytesPerClass: Int = 256 * 1024) {
        unsafe freeLists = .allocate(capacity: Self.classCount)
        for index in 0..<Self.classCount {
            let room = keptBytesPerClass / ((index + 1) * Self.classBytes)
            unsafe (freeLists + index).initialize(to: unsafe FreeList(first: nil, room: room))
        }
    }

    deinit {
        for index in 0..<Self.classCount {
            while let block = unsafe freeLists[index].first {
                unsafe freeLists[index].first = Self.next(of: block)
                unsafe block.deallocate()
            }
        }
        unsafe freeLists.deallocate()
    }

    /// Bytes in free blocks that wait for reuse.
    var freeBytes: Int {
        var sum = 0
        for index in 0..<Self.classCount {
            var block = unsafe freeLists[index].first
            while let current = unsafe block {
                sum += (index + 1) * Self.classBytes
                unsafe block = Self.next(of: current)
            }
        }
        return sum
    }

    /// A block of at least `byteCount` bytes, uninitialised, aligned to 16 bytes.
    @inline(__always)
    mutating func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount >= 0, "a block has no negative size")
        liveBytes &+= byteCount
        liveBlocks &+= 1
        guard byteCount <= Self.pooledBytesMax else { return unsafe Self.fresh(byteCount) }
        let index = Self.classIndex(byteCount)
        let list = unsafe freeLists + index
        guard let block = unsafe list.pointee.first else {
            return unsafe Self.fresh((index &+ 1) &* Self.classBytes)
        }
        unsafe list.pointee.first = Self.next(of: block)
        unsafe list.pointee.room &+= 1
        return unsafe block
    }

    /// A block for something else than a message, to be given back by `freeBuffer`.
    mutating func allocateBuffer(byteCount: Int) -> UnsafeMutableRawPointer {
        bufferBytes &+= byteCount
        return unsafe allocate(byteCount: byteCount)
    }

    /// Takes back a block that `allocateBuffer` gave.
    mutating func freeBuffer(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        bufferBytes &-= byteCount
        unsafe free(block, byteCount: byteCount)
    }

    /// Takes back a block; `byteCount` must be what it was allocated with.
    @inline(__always)
    mutating func free(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        liveBytes &-= byteCount
        liveBlocks &-= 1
        precondition(liveBytes >= 0 && liveBlocks >= 0, "a block was freed twice")
        guard byteCount <= Self.pooledBytesMax else { return unsafe block.deallocate() }
        let list = unsafe freeLists + Self.classIndex(byteCount)
        guard unsafe list.pointee.room > 0 else { return unsafe block.deallocate() }
        unsafe block.storeBytes(of: list.pointee.first, as: UnsafeMutableRawPointer?.self)
        unsafe list.pointee.first = block
        unsafe list.pointee.room &-= 1
    }

    /// The class of a size: 0 for up to 64 bytes, 63 for up to 4096.
    @inline(__always)
    private static func classIndex(_ byteCount: Int) -> Int {
        max(byteCount &- 1, 0) >> 6
    }

    @inline(__always)
    private static func next(of block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        unsafe block.load(as: UnsafeMutableRawPointer?.self)
    }

    @inline(never)
    private static func fresh(_ byteCount: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: byteCount, alignment: alignment)
    }
}
