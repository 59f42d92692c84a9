/// Where messages go that only memory had, when there are too many: a log for as long as the
/// process lasts.
///
/// Frames as in the journal (`JournalFrame`), each with a message's block as payload; nothing is
/// ever synced, and the next start deletes what is left. A file holds the frames that begin in a
/// stretch of 64 MiB of log sequence numbers, at the same distance from its start, and goes when
/// none of its messages is needed any more.
final class SpillLog {
    private let disk: any Disk
    private let directory: String
    /// The files there are, oldest first.
    private var files: [(segment: UInt64, file: any DiskFile)] = []

    private static let suffix = ".spill"
    static let segmentSize = UInt64(1) << SpillLedger.segmentShift

    /// Readies the directory, which is made if need be and emptied of what a process before left.
    init(_ disk: any Disk, directory: String) throws(StorageError) {
        self.disk = disk
        self.directory = directory
        try disk.makeDirectory(VirtualHostDirectory.spillParent)
        try disk.makeDirectory(directory)
        for name in try disk.list(directory) where name.hasSuffix(Self.suffix) {
            try disk.remove("\(directory)/\(name)")
        }
    }

    /// Writes some frames of a batch; checksums are filled in here.
    ///
    /// - Parameters:
    ///   - batch: Whole frames. They may be written again after a failure.
    ///   - offset: Of the first frame to be written, in octets.
    ///   - limit: Octets at most, unless one frame has more.
    /// - Returns: The offset of the next frame.
    /// - Throws: `.diskFull`, `.io`.
    func write(
        _ batch: JournalBatch,
        from offset: Int,
        atMost limit: Int
    ) throws(StorageError) -> Int {
        let frames = unsafe UnsafeMutableRawBufferPointer(start: batch.base, count: batch.count)
        let segment = Self.segment(of: batch.firstLSN + UInt64(offset))
        var end = offset
        while end < frames.count {
            let lsn = batch.firstLSN + UInt64(end)
            let field = unsafe frames.loadUnaligned(fromByteOffset: end, as: UInt32.self)
            guard let size = JournalFrame.Size(field: UInt32(littleEndian: field)) else {
                preconditionFailure("what is spilled are whole frames")
            }
            let next = end + size.frame
            if end > offset, next - offset > limit || Self.segment(of: lsn) != segment { break }
            let frame = unsafe UnsafeMutableRawBufferPointer(rebasing: frames[end..<next])
            unsafe JournalFrame.seal(frame, lsn: lsn, isBarrier: false)
            end = next
        }
        try unsafe write(frames[offset..<end], from: batch.firstLSN + UInt64(offset))
        return end
    }

    private func write(
        _ piece: Slice<UnsafeMutableRawBufferPointer>,
        from lsn: UInt64
    ) throws(StorageError) {
        let segment = Self.segment(of: lsn)
        let file = if let known = file(segment) { known } else { try make(segment) }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: piece)
        try unsafe file.write(bytes, at: Self.offset(of: lsn))
    }

    private func make(_ segment: UInt64) throws(StorageError) -> any DiskFile {
        let file = try disk.create(path(segment), size: 0)
        files.append((segment, file))
        return file
    }

    private func file(_ segment: UInt64) -> (any DiskFile)? {
        files.last { $0.segment == segment }?.file
    }

    /// Reads octets back.
    ///
    /// - Returns: How many were read; 0 when there is no such file.
    func read(
        from lsn: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(StorageError) -> Int {
        guard let file = file(Self.segment(of: lsn)) else { return 0 }
        return try unsafe file.read(into: buffer, at: Self.offset(of: lsn))
    }

    /// The segments that are no longer written to.
    var sealedSegments: [UInt64] { files.dropLast().map(\.segment) }

    /// Deletes a segment.
    func remove(_ segment: UInt64) throws(StorageError) {
        try disk.remove(path(segment))
        files.removeAll { $0.segment == segment }
    }

    static func segment(of lsn: UInt64) -> UInt64 { lsn / segmentSize }

    private static func offset(of lsn: UInt64) -> Int { Int(lsn % segmentSize) }

    private func path(_ segment: UInt64) -> String {
        "\(directory)/\(segment)\(Self.suffix)"
    }
}
