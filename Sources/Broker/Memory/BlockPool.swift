/// Memory for messages and other short-lived blocks, in 64-byte size classes.
///
/// Blocks up to `pooledBytesMax` are cut from runs of 64 KiB (`BlockRun`), larger ones always go
/// to the allocator. A run of which every block is free can serve any class, and an area
/// (`BlockArea`) of which every run is free goes back but for one, so a drained backlog returns
/// its memory, in whatever order it drains. Not synchronised: the pool belongs to one virtual host
/// and is used under its lock.
///
/// A pool without runs hands every block to the allocator, which lets AddressSanitizer see each
/// use after free.
@safe
struct BlockPool: ~Copyable {
    /// Width of a size class, in bytes.
    static let classBytes = 64
    /// Largest block that is cut from a run, in bytes.
    static let pooledBytesMax = 4096
    private static let classCount = pooledBytesMax / classBytes
    private static let alignment = 16

    /// The largest block of this pool that is cut from a run, in bytes; -1 in a pool without.
    private let pooledMax: Int
    /// Of each class, the runs that may have blocks to give, the one in use in front.
    private let runs: UnsafeMutablePointer<BlockRun?>
    /// Areas that have runs to give.
    private var areas: BlockArea?
    /// Of these, whether one is all free.
    private var hasSpareArea = false
    private var areaCount = 0
    /// Bytes in blocks that were allocated and not freed, as their owners asked for them.
    private(set) var liveBytes = 0
    /// Of these, bytes in buffers, which are no messages.
    private(set) var bufferBytes = 0
    /// Bytes of messages.
    @inline(__always)
    var messageBytes: Int { liveBytes &- bufferBytes }
    /// Number of blocks that were allocated and not freed.
    private(set) var liveBlocks = 0

    /// An empty pool.
    ///
    /// - Parameter hasRuns: `false` makes every block one of the allocator's.
    init(hasRuns: Bool = true) {
        pooledMax = hasRuns ? Self.pooledBytesMax : -1
        unsafe runs = .allocate(capacity: Self.classCount)
        unsafe runs.initialize(repeating: nil, count: Self.classCount)
    }

    deinit {
        var known: Set<BlockArea> = []
        for index in 0..<Self.classCount {
            var following = unsafe runs[index]
            while let run = following {
                known.insert(run.area)
                following = run.next
            }
        }
        var following = areas
        while let area = following {
            known.insert(area)
            following = area.next
        }
        for area in known { area.destroy() }
        unsafe runs.deallocate()
    }

    /// Bytes in runs, whether their blocks are out or not.
    var heldBytes: Int { areaCount * BlockAreaState.runCount * BlockRun.byteCount }

    /// A block of at least `byteCount` bytes, uninitialised, aligned to 16 bytes.
    @inline(__always)
    mutating func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount >= 0, "a block has no negative size")
        liveBytes &+= byteCount
        liveBlocks &+= 1
        guard byteCount <= pooledMax else { return unsafe Self.fresh(byteCount) }
        let index = Self.classIndex(byteCount)
        guard let run = unsafe runs[index], let block = unsafe run.takeFreed() else {
            return unsafe cut(index)
        }
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
        guard byteCount <= pooledMax else { return unsafe block.deallocate() }
        let run = unsafe BlockRun(of: block)
        if unsafe run.put(block) { noteFreed(run, byteCount) }
    }

    /// A block that was never given back, of the class's first run that has one.
    @inline(never)
    private mutating func cut(_ index: Int) -> UnsafeMutableRawPointer {
        while let run = unsafe runs[index] {
            if let block = unsafe run.takeFreed() ?? run.cut() { return unsafe block }
            unsafe run.removeFull(from: &runs[index])
        }
        let run = takeRun(blockSize: (index + 1) * Self.classBytes)
        unsafe run.add(to: &runs[index])
        guard let block = unsafe run.cut() else {
            preconditionFailure("a run has room for a block")
        }
        return unsafe block
    }

    private mutating func takeRun(blockSize: Int) -> BlockRun {
        let area: BlockArea
        if let first = areas {
            area = first
            if area.isUnused { hasSpareArea = false }
        } else {
            area = BlockArea(BlockAreaState())
            areaCount += 1
            area.prepend(to: &areas)
        }
        let run = area.take()
        if area.isFull { area.remove(from: &areas) }
        run.begin(blockSize: blockSize, area: area)
        return run
    }

    private mutating func giveBack(_ run: BlockRun) {
        let area = run.area
        if area.isFull { area.prepend(to: &areas) }
        area.put(run)
        guard area.isUnused else { return }
        if hasSpareArea {
            area.remove(from: &areas)
            area.destroy()
            areaCount -= 1
        }
        hasSpareArea = true
    }

    /// A run has a block to give again, or nothing of it is out.
    ///
    /// The first of its class stays there, so that one block that comes and goes costs nothing.
    @inline(never)
    private mutating func noteFreed(_ run: BlockRun, _ byteCount: Int) {
        let index = Self.classIndex(byteCount)
        guard !run.wasFull else { return unsafe run.add(to: &runs[index]) }
        unsafe run.remove(from: &runs[index])
        giveBack(run)
    }

    /// The class of a size: 0 for up to 64 bytes, 63 for up to 4096.
    @inline(__always)
    private static func classIndex(_ byteCount: Int) -> Int {
        max(byteCount &- 1, 0) >> 6
    }

    @inline(never)
    private static func fresh(_ byteCount: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: byteCount, alignment: alignment)
    }
}
