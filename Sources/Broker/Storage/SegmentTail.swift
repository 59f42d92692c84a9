import Wire

/// The segment that is appended to.
@safe
final class SegmentTail {
    /// Pieces up to this size are written into zeros that are on disk already.
    private static let smallPieceMax = 32 << 10
    /// How far ahead of small pieces zeros are written, in octets.
    private static let zeroedAhead = 256 << 10

    let file: any DiskFile
    let base: UInt64
    let index: SegmentIndexWriter
    /// Size of the file, its header included.
    let capacity: Int
    /// Where the next frame goes, in octets from the start of the file.
    private var position = SegmentHeader.size
    /// Up to where octets have been written, be they zeros.
    private var writtenEnd = SegmentHeader.size

    /// Makes a segment.
    ///
    /// - Parameters:
    ///   - disk: Where.
    ///   - options: Of the journal.
    ///   - base: Log sequence number of the first record.
    ///   - capacity: Size of the file in octets; the room for it is taken at once.
    /// - Throws: `.diskFull`, `.io`; a file may be left behind, which the next attempt replaces.
    init(
        _ disk: any Disk,
        _ options: JournalOptions,
        base: UInt64,
        capacity: Int
    )
        throws(StorageError)
    {
        self.base = base
        self.capacity = capacity
        file = try disk.create(options.path(SegmentName.segment(base)), size: capacity)
        let header = SegmentHeader(
            base: base,
            created: options.now(),
            nameHash: options.nameHash ?? 0
        )
        try file.write(header.encoded, at: 0)
        index = SegmentIndexWriter(disk, options, base: base)
    }

    /// Octets left for frames.
    var room: Int { capacity - position }

    /// Octets of the frame that `frames` begins with, which the caller guarantees to be whole.
    static func firstFrameSize(_ frames: UnsafeMutableRawBufferPointer) -> Int {
        unsafe frameSize(UnsafeRawBufferPointer(frames), at: 0)
    }

    @inline(__always)
    private static func frameSize(_ frames: UnsafeRawBufferPointer, at offset: Int) -> Int {
        let field = unsafe frames.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        guard let size = JournalFrame.Size(field: UInt32(littleEndian: field)),
            size.frame <= frames.count - offset
        else { preconditionFailure("what is appended are whole frames") }
        return size.frame
    }

    /// Seals the frames that fit, and writes them.
    ///
    /// - Parameters:
    ///   - frames: At least one whole frame that fits, then more whole frames.
    ///   - isBarrier: Whether everything before the first frame is durable.
    /// - Returns: Octets of the frames written.
    /// - Throws: `.diskFull`, `.io`; then none of them counts as written.
    func append(
        _ frames: UnsafeMutableRawBufferPointer,
        isBarrier: Bool
    )
        throws(StorageError) -> Int
    {
        var end = 0
        while end < frames.count {
            let size = unsafe Self.frameSize(UnsafeRawBufferPointer(frames), at: end)
            guard size <= room - end else { break }
            let lsn = base + UInt64(position - SegmentHeader.size + end)
            let frame = unsafe UnsafeMutableRawBufferPointer(rebasing: frames[end..<end + size])
            unsafe JournalFrame.seal(frame, lsn: lsn, isBarrier: isBarrier && end == 0)
            if let start = UnsafeRawPointer(frame.baseAddress) {
                let payloadSize = size - JournalFrame.headerSize
                index.add(
                    unsafe ByteView(base: start + JournalFrame.headerSize, count: payloadSize)
                )
            }
            end += size
        }
        let piece = unsafe UnsafeRawBufferPointer(rebasing: frames[..<end])
        do throws(StorageError) {
            try unsafe file.write(piece, at: position)
        } catch {
            // The records may come a second time.
            index.giveUp()
            throw error
        }
        position += end
        do throws(StorageError) {
            try zeroAhead(pieceSize: end)
        } catch .diskFull {
            // It only saves time, and the frames are written.
        }
        return end
    }

    /// Writes zeros ahead of small pieces, once for many of them.
    ///
    /// A sync after a write into octets that were written before has no allocation to record in
    /// the file system's own journal, which halves its time. Large pieces would pay twice.
    private func zeroAhead(pieceSize: Int) throws(StorageError) {
        guard writtenEnd < position else { return }
        writtenEnd = position
        let end = min(capacity, position + Self.zeroedAhead)
        guard pieceSize <= Self.smallPieceMax, end > position else { return }
        try file.write([UInt8](repeating: 0, count: end - position), at: position)
        writtenEnd = end
    }

    /// Ends the file behind the last frame and makes it durable.
    func cut() throws(StorageError) {
        try file.truncate(to: position)
        try file.sync()
    }
}
