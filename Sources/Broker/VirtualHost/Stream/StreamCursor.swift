import Wire

/// How far one consumer of a stream has come, and the octets it reads from.
///
/// Holds two blocks at most that were read back: the one it delivers from and the one behind it.
final class StreamCursor {
    /// Whose it is; `nil` once that has left, when a read may still be under way.
    var consumer: Consumer?
    /// The chunk of the next message.
    var lsn: UInt64
    /// Where the next message stands in the payload of that chunk; 0 before it is looked at.
    var position = 0
    /// The offset of the next message.
    var offset: UInt64 = 0
    /// Messages before this one are passed over.
    let firstOffset: UInt64
    /// Chunks before this time are passed over.
    let firstTime: WallTime?
    let filter: StreamFilter?

    /// A block is being read.
    var isReading = false
    private(set) var block: StreamBlock?
    private(set) var ahead: StreamBlock?
    private var spare: StreamBlock?

    /// Among those that can be asked to give up their blocks, and its neighbours there.
    var isStalled = false
    var nextStalled: StreamCursor?
    weak var previousStalled: StreamCursor?
    /// Octets of its blocks as they were counted last.
    var countedSize = 0

    init(at lsn: UInt64, firstOffset: UInt64, firstTime: WallTime?, filter: StreamFilter?) {
        self.lsn = lsn
        self.firstOffset = firstOffset
        self.firstTime = firstTime
        self.filter = filter
    }

    /// Goes on with the chunk at `lsn`.
    func move(to lsn: UInt64) {
        self.lsn = lsn
        position = 0
    }

    /// The block with the next chunk, if it has been read.
    func currentBlock() -> StreamBlock? {
        while let block {
            if lsn >= block.requestedLSN, lsn < block.firstLSN { move(to: block.firstLSN) }
            if block.contains(lsn) { return block }
            spare = block
            self.block = ahead.take()
        }
        return nil
    }

    /// Takes a block that was read.
    func take(_ read: StreamBlock) {
        isReading = false
        if block == nil { block = read } else { ahead = read }
    }

    /// Octets of the blocks it holds.
    var blocksSize: Int {
        (block?.capacity ?? 0) + (ahead?.capacity ?? 0) + (spare?.capacity ?? 0)
    }

    /// Lets go of memory: there is nothing to read, or nobody who wants it.
    func releaseBlocks() {
        block = nil
        ahead = nil
        spare = nil
    }

    /// A block that is not needed any more, for the next read.
    func takeSpare() -> StreamBlock? { spare.take() }
}

/// A block of a stream that is to be read for a consumer.
struct StreamRead {
    let cursor: StreamCursor
    /// The number of the stream.
    let stream: UInt32
    /// For the log.
    let queue: [UInt8]
    let lsn: UInt64
    /// The segment of it.
    let base: UInt64
    /// Where what may be read of that segment ends.
    let end: UInt64
    /// Octets to read, unless the first chunk is larger.
    let size: Int
    /// Memory to use again.
    let spare: StreamBlock?
}
