import Wire

/// Whole chunks of a stream in memory: what was just written, or what was read back.
@safe
final class StreamBlock: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    let capacity: Int
    /// What was asked for, which differs from `firstLSN` when octets in between are lost.
    var requestedLSN: UInt64
    /// The log sequence number of the first chunk.
    var firstLSN: UInt64
    /// Octets of chunks, their frames' heads included.
    var count: Int

    /// Behind the last chunk.
    var endLSN: UInt64 { firstLSN + UInt64(count) }

    /// Takes over the memory of what a stream has collected.
    init(_ batch: JournalBatch) {
        unsafe base = batch.base
        capacity = batch.count
        count = batch.count
        firstLSN = batch.firstLSN
        requestedLSN = batch.firstLSN
    }

    /// An empty block to read into.
    init(capacity: Int) {
        unsafe base = .allocate(byteCount: capacity, alignment: 64)
        self.capacity = capacity
        count = 0
        firstLSN = 0
        requestedLSN = 0
    }

    deinit { unsafe base.deallocate() }

    /// All of its memory, for whoever has it alone.
    var buffer: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: base, count: capacity)
    }

    /// The octets from a log sequence number on, up to the end; valid as long as the block lives.
    @inline(__always)
    func view(from lsn: UInt64) -> ByteView {
        let offset = Int(lsn - firstLSN)
        return unsafe ByteView(base: UnsafeRawPointer(base) + offset, count: count - offset)
    }

    /// Drops what lies before a chunk.
    func moveStart(to offset: Int) {
        unsafe base.copyMemory(from: base + offset, byteCount: count - offset)
        count -= offset
        firstLSN += UInt64(offset)
    }

    /// The payload of the frame at `lsn`, which has been checked before.
    @inline(__always)
    func payload(at lsn: UInt64) -> ByteView {
        let rest = view(from: lsn)
        guard let size = JournalFrame.size(in: rest, at: 0) else {
            preconditionFailure("a block consists of whole frames")
        }
        return rest.slice(from: JournalFrame.headerSize, count: size.payload)
    }

    /// Whether the frame at `lsn` is here.
    func contains(_ lsn: UInt64) -> Bool { lsn >= firstLSN && lsn < endLSN }
}
