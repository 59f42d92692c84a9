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
    /// Behind what is written lie zeros and then records of the segment the file was before.
    private let isReused: Bool
    let index: SegmentIndexWriter
    /// What the file system reads before it can change a part of it, in octets.
    private static let pageSizeMax = 4096
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
    convenience init(
        _ disk: any Disk,
        _ options: JournalOptions,
        base: UInt64,
        capacity: Int
    )
        throws(StorageError)
    {
        let file = try disk.create(options.path(SegmentName.segment(base)), size: capacity)
        try self.init(disk, options, base: base, file, capacity: capacity, formerBase: nil)
    }

    /// Makes a segment of a file that was another one before.
    ///
    /// - Parameters:
    ///   - disk: Where.
    ///   - options: Of the journal.
    ///   - base: Log sequence number of the first record.
    ///   - spare: The file, which has no other user.
    ///   - size: What it should have in octets; it stays smaller when there is no room.
    /// - Throws: `.io`.
    convenience init(
        _ disk: any Disk,
        _ options: JournalOptions,
        base: UInt64,
        reusing spare: SpareSegment,
        size: Int
    )
        throws(StorageError)
    {
        let file = try disk.open(spare.path, for: .readingAndWriting)
        var capacity = spare.size
        do throws(StorageError) {
            try file.reserve(size)
            capacity = size
        } catch .diskFull {
            // What it has will do.
        }
        try self.init(disk, options, base: base, file, capacity: capacity, formerBase: spare.base)
        // Under its new name it must never be seen with its old header.
        try file.sync()
        try disk.rename(spare.path, to: options.path(SegmentName.segment(base)))
    }

    /// Begins the segment in its file.
    private init(
        _ disk: any Disk,
        _ options: JournalOptions,
        base: UInt64,
        _ file: any DiskFile,
        capacity: Int,
        formerBase: UInt64?
    )
        throws(StorageError)
    {
        self.base = base
        self.capacity = capacity
        self.file = file
        isReused = formerBase != nil
        let header = SegmentHeader(
            base: base,
            created: options.now(),
            nameHash: options.nameHash ?? 0,
            formerBase: formerBase
        )
        index = SegmentIndexWriter(disk, options, base: base)
        try file.write(header.encoded, at: 0)
        if isReused { try zeroAhead(pieceSize: 0) }
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
            try zeroAhead(pieceSize: end)
        } catch .diskFull {
            // The frames may still find room.
        }
        do throws(StorageError) {
            try unsafe file.write(piece, at: position)
        } catch {
            // The records may come a second time.
            index.giveUp()
            throw error
        }
        position += end
        return end
    }

    /// Writes zeros where the next piece ends, before it is written.
    ///
    /// In a new file, and for small pieces, once for many of them: a sync after a write into
    /// octets that were written before has no allocation to record in the file system's own
    /// journal, which halves its time. Large pieces would pay twice.
    ///
    /// In a reused file to the end of the page: whole pages need not be read before they are
    /// changed, and zeros behind the last frame tell the end from a torn write.
    private func zeroAhead(pieceSize: Int) throws(StorageError) {
        let end = position + pieceSize
        guard writtenEnd < min(capacity, end + JournalFrame.headerSize) else { return }
        let first: Int
        let last: Int
        if isReused {
            // Small files, which only tests have, would be zeros for the most part.
            let pageSize = max(1, min(Self.pageSizeMax, capacity / 16))
            first = max(writtenEnd, end / pageSize * pageSize)
            last = (end + JournalFrame.headerSize + pageSize - 1) / pageSize * pageSize
        } else {
            guard pieceSize <= Self.smallPieceMax else { return }
            first = max(writtenEnd, end)
            last = first + Self.zeroedAhead
        }
        let count = min(capacity, last) - first
        try file.write([UInt8](repeating: 0, count: count), at: first)
        writtenEnd = first + count
    }

    /// Ends the file behind the last frame and makes it durable.
    func cut() throws(StorageError) {
        try file.truncate(to: position)
        try file.sync()
    }
}
