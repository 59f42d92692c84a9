import Wire

/// Reads chunks of streams back for consumers that lag behind, many octets at a time.
///
/// Every chunk is checked here, without the lock, so that whoever delivers only copies.
@safe
final class StreamReader {
    /// Octets behind damage that are searched for a chunk at a time.
    private static let searchSize = 8 << 20

    private let disk: any Disk
    private let directory: String
    private var files: [(path: String, file: any DiskFile)] = []
    /// Why something could not be read, the latest.
    private var failure: StorageError?

    /// - Parameters:
    ///   - disk: The data directory, not shared with another thread.
    ///   - directory: Of the virtual host's streams.
    init(_ disk: any Disk, directory: String) {
        self.disk = disk
        self.directory = directory
    }

    /// Reads what a consumer asked for.
    ///
    /// - Returns: Whole chunks that check out. When those asked for do not, or are there no more,
    ///   they begin later; an empty block says that there is nothing before its end.
    func read(_ request: StreamRead) -> StreamBlock {
        let directory = StreamDirectory.path(directory, stream: request.stream)
        let path = "\(directory)/\(SegmentName.segment(request.base))"
        let left = Int(request.end - request.lsn)
        var block = StreamBlock(capacity: 0)
        if let spare = request.spare, spare.capacity <= 2 * request.size { block = spare }
        let file: any DiskFile
        do throws(StorageError) {
            file = try open(path)
        } catch {
            // A file that has gone was too old.
            if !error.isNoEntry { failure = error }
            return skip(to: request.end, of: request, block)
        }
        fill(&block, from: file, request, count: min(left, request.size))
        var whole = StreamReader.wholeSize(of: block)
        if whole == 0, let size = JournalFrame.size(in: block.view(from: request.lsn), at: 0),
            size.frame > block.count, size.frame <= left
        {
            fill(&block, from: file, request, count: size.frame)
            whole = StreamReader.wholeSize(of: block)
        }
        if whole == 0 { whole = search(&block, file, request, count: left) }
        guard whole > 0 else {
            noteDamage(path, request)
            return skip(to: request.lsn + UInt64(max(block.count, 1)), of: request, block)
        }
        if block.firstLSN > request.lsn { noteDamage(path, request) }
        block.count = whole
        return block
    }

    /// Octets of the chunks that a block begins with and that check out.
    private static func wholeSize(of block: StreamBlock) -> Int {
        let view = block.view(from: block.firstLSN)
        var offset = 0
        while let payload = JournalFrame.payload(
            in: view,
            at: offset,
            lsn: block.firstLSN + UInt64(offset)
        ), StreamChunk.forEachEntry(of: payload, { _, _ in }) {
            offset += JournalFrame.headerSize + payload.count
        }
        return offset
    }

    private func fill(
        _ block: inout StreamBlock,
        from file: any DiskFile,
        _ request: StreamRead,
        count: Int
    ) {
        if block.capacity < count { block = StreamBlock(capacity: count) }
        block.requestedLSN = request.lsn
        block.firstLSN = request.lsn
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: block.buffer[..<count])
        let offset = SegmentHeader.size + Int(request.lsn - request.base)
        unsafe file.readWhatCanBeRead(into: part, at: offset)
        block.count = count
    }

    /// Looks for a chunk behind damage.
    ///
    /// - Returns: Octets of the chunks found, which the block begins with then.
    private func search(
        _ block: inout StreamBlock,
        _ file: any DiskFile,
        _ request: StreamRead,
        count: Int
    ) -> Int {
        fill(&block, from: file, request, count: min(count, StreamReader.searchSize))
        let search = FrameSearch(block.view(from: request.lsn), lsn: request.lsn)
        var start = 1
        while let found = search.next(from: start) {
            let lsn = request.lsn + UInt64(found)
            if StreamChunk.forEachEntry(of: block.payload(at: lsn), { _, _ in }) {
                block.moveStart(to: found)
                return StreamReader.wholeSize(of: block)
            }
            start = found + 1
        }
        return 0
    }

    private func skip(to lsn: UInt64, of request: StreamRead, _ block: StreamBlock) -> StreamBlock {
        block.requestedLSN = request.lsn
        block.firstLSN = lsn
        block.count = 0
        return block
    }

    private func noteDamage(_ path: String, _ request: StreamRead) {
        let offset = SegmentHeader.size + Int(request.lsn - request.base)
        if failure == nil { failure = .damaged(path: path, offset: offset) }
    }

    private func open(_ path: String) throws(StorageError) -> any DiskFile {
        if let open = files.first(where: { $0.path == path }) { return open.file }
        let file = try disk.open(path, for: .reading)
        files.append((path, file))
        return file
    }

    /// Lets go of files, which may be deleted meanwhile.
    func closeFiles() { files = [] }

    /// Takes the latest failure, to be told once.
    func takeFailure() -> StorageError? { failure.take() }
}
