import Wire

/// The journal of one virtual host: a stream of records on disk, in segments.
///
/// A record's log sequence number is the position of its frame in the stream, in octets since the
/// journal was made; `JournalFrame` says how a frame lies there. `append` writes, `sync` makes
/// durable, and only then may anybody be told. Used by one thread at a time: it may be handed to
/// the journal thread, but not shared with it.
///
/// Segments never share a record. Before a segment is begun, the one before it is synced, cut to
/// its size and given an index; so a torn write can only be at the end of the last.
final class Journal: @unchecked Sendable {
    let options: JournalOptions
    /// Which segments there are, for readers on other threads.
    let catalog: SegmentCatalog
    /// Octets of the next segment's file, its header included.
    var segmentSize: Int
    private let disk: any Disk
    /// Oldest first, each beginning where the one before ends unless something was lost.
    private(set) var segments: [JournalSegment]
    /// Log sequence number of the next record.
    private(set) var endLSN: UInt64
    /// Everything below is durable.
    private(set) var syncedLSN: UInt64
    /// Why the index of a segment could not be written, the latest; only costs time at a start.
    private(set) var indexFailure: StorageError?
    private var tail: SegmentTail?
    private var readers: [(base: UInt64, file: any DiskFile)] = []
    /// Whether `directory` has changed since it was last made durable.
    private var isDirectoryDirty = false
    private var isUnusable = false
    /// Segments that were lost but for their indexes, oldest first.
    private var orphans: [JournalSegment]
    private var spares: SpareSegments

    /// How much smaller than others a segment is when the disk is nearly full.
    private static let smallestShare = 64
    /// Files kept open for reading.
    private static let readerCountMax = 8

    /// Opens the journal in a directory, which is made if need be, and replays it.
    ///
    /// - Parameters:
    ///   - disk: Holds the parent of the directory.
    ///   - options: Which directory.
    ///   - replay: Gets every record that is left, in order; see `RecoveryContext.Replay`.
    /// - Returns: The journal, all of it durable, and what was found.
    /// - Throws: `.badFormat` when a file is of another version or virtual host; `.io` or
    ///   `.diskFull` when what was found cannot be made durable.
    static func open(
        _ disk: any Disk,
        _ options: JournalOptions,
        replay: @escaping RecoveryContext.Replay
    )
        throws(StorageError) -> (journal: Journal, report: RecoveryReport)
    {
        try disk.makeDirectory(options.directory)
        let context = RecoveryContext(disk: disk, options: options, purpose: .start, replay: replay)
        var recovery = JournalRecovery(context)
        try recovery.run()
        let journal = Journal(disk, options, recovery)
        return (journal, recovery.report)
    }

    private init(
        _ disk: any Disk,
        _ options: JournalOptions,
        _ recovery: JournalRecovery
    ) {
        self.disk = disk
        self.options = options
        segments = recovery.segments
        catalog = SegmentCatalog(recovery.segments)
        segmentSize = options.segmentSize
        orphans = recovery.orphans
        spares = SpareSegments(disk, options)
        endLSN = recovery.end ?? 0
        syncedLSN = endLSN
    }

    /// Writes whole frames behind the last, in order; not durable before `sync`.
    ///
    /// Checksums are filled in here. After `.diskFull` the frames below `endLSN` are written: the
    /// caller may try again with the same buffer, and goes on where it stopped.
    ///
    /// - Parameters:
    ///   - frames: Frames with their size fields set, back to back.
    ///   - firstLSN: Log sequence number of the first frame; `endLSN` unless it is a retry.
    /// - Throws: `.diskFull`, `.io`, `.unusable`.
    func append(
        _ frames: UnsafeMutableRawBufferPointer,
        firstLSN: UInt64
    ) throws(StorageError) {
        precondition(
            firstLSN <= endLSN && endLSN - firstLSN <= UInt64(frames.count),
            "frames are appended without gaps"
        )
        if isUnusable { throw .unusable(path: options.directory) }
        var offset = Int(endLSN - firstLSN)
        while offset < frames.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: frames[offset...])
            let tail = try unsafe tail(withRoomFor: SegmentTail.firstFrameSize(rest))
            let isBarrier = syncedLSN == endLSN
            let written = try unsafe tail.append(rest, isBarrier: isBarrier)
            offset += written
            endLSN += UInt64(written)
            segments[segments.count - 1].end = endLSN
        }
    }

    /// Makes everything appended durable.
    ///
    /// - Throws: `.io` or `.diskFull`, after which the journal must not be used any more and every
    ///   call throws `.unusable`.
    func sync() throws(StorageError) {
        if isUnusable { throw .unusable(path: options.directory) }
        do throws(StorageError) {
            if syncedLSN < endLSN { try tail?.file.sync() }
            try syncDirectory()
        } catch {
            isUnusable = true
            throw error
        }
        syncedLSN = endLSN
    }

    /// A name has come or gone, which is to be durable before anything else is done.
    private func directoryHasChanged() throws(StorageError) {
        isDirectoryDirty = true
        try syncDirectory()
    }

    private func syncDirectory() throws(StorageError) {
        guard isDirectoryDirty else { return }
        try disk.syncDirectory(options.directory)
        isDirectoryDirty = false
    }

    /// Makes everything appended as durable as the sync policy wants before anybody is told.
    ///
    /// - Throws: As `sync`.
    func commit() throws(StorageError) {
        if options.sync == .confirm { try sync() }
    }

    /// Whether something appended must still be synced by and by.
    var owesSync: Bool { options.sync == .interval && syncedLSN < endLSN }

    /// Octets free on the disk.
    func freeSpace() throws(StorageError) -> Int { try disk.freeSpace(options.directory) }

    /// What the journal takes of the disk.
    var status: JournalStatus {
        let sealed = segments.reduce(0) { $0 + ($1.isSealed ? SegmentHeader.size + $1.size : 0) }
        return JournalStatus(
            segmentCount: segments.count,
            size: sealed + (tail?.capacity ?? 0) + spares.size,
            syncedLSN: syncedLSN,
            indexFailure: indexFailure
        )
    }

    /// Seals the last segment, so that the next start need not read it.
    func close() throws(StorageError) {
        try sealTail()
        readers = []
        try spares.drop()
    }

    /// Gives back the room of removed segments that is kept for the next ones.
    ///
    /// - Returns: Whether there was any.
    /// - Throws: `.io`.
    func dropSpares() throws(StorageError) -> Bool { try spares.drop() }

    /// Removes the segments whose records all lie below `lsn`, oldest first; never the last.
    ///
    /// Each removal is made durable before the next, so that a crash cannot leave a gap. What
    /// made the segments dispensable is synced first, whatever the policy.
    ///
    /// - Parameter lsn: No record below it is needed any more.
    /// - Returns: How many were removed.
    /// - Throws: `.io`; what was removed before stays so.
    @discardableResult
    func remove(segmentsBefore lsn: UInt64) throws(StorageError) -> Int {
        var count = 0
        if syncedLSN < endLSN { try sync() }
        while let orphan = orphans.first, orphan.end <= lsn {
            try disk.remove(options.path(SegmentName.index(orphan.base)))
            orphans.removeFirst()
            try directoryHasChanged()
        }
        while segments.count > 1, let first = segments.first, first.isSealed, first.end <= lsn {
            if try hasIndex(first.base) {
                try disk.remove(options.path(SegmentName.index(first.base)))
                isDirectoryDirty = true
            }
            try syncDirectory()
            // Nobody is to look into a file that is about to become another segment.
            catalog.remove(first.base)
            readers.removeAll { $0.base == first.base }
            try spares.keepOrRemove(first, segmentSize: segmentSize)
            segments.removeFirst()
            count += 1
            try directoryHasChanged()
        }
        return count
    }

    /// Takes back the newest records: the journal ends at `lsn`.
    ///
    /// For what a crash left unfinished at the end. It is gone from the disk when this returns, so
    /// that no later start can take a part of it for whole. Newest first, each step durable before
    /// the next: stopped anywhere, the journal only ends a little later.
    ///
    /// - Parameter lsn: Where a record begins; the journal has just been opened.
    /// - Throws: `.io`.
    func cut(to lsn: UInt64) throws(StorageError) {
        precondition(tail == nil && lsn <= endLSN, "only what was found is cut")
        // Also files without a record, which `segments` does not know.
        let names = try disk.list(options.directory)
        for (suffix, bases) in [SegmentName.indexSuffix, SegmentName.segmentSuffix].map({ suffix in
            (suffix, names.compactMap { SegmentName.base(of: $0, suffix: suffix) })
        }) {
            for base in bases.sorted(by: >) where base >= lsn {
                try disk.remove(options.path(SegmentName.name(base, suffix)))
                try disk.syncDirectory(options.directory)
            }
        }
        while let last = segments.last, last.base >= lsn {
            segments.removeLast()
            catalog.remove(last.base)
        }
        if let last = segments.last, last.end > lsn {
            if try hasIndex(last.base) {
                try disk.remove(options.path(SegmentName.index(last.base)))
                try disk.syncDirectory(options.directory)
            }
            let path = options.path(SegmentName.segment(last.base))
            let file = try disk.open(path, for: .readingAndWriting)
            try file.truncate(to: SegmentHeader.size + Int(lsn - last.base))
            try file.sync()
            segments[segments.count - 1].end = lsn
        }
        endLSN = lsn
        syncedLSN = lsn
    }

    /// The index goes first: an index alone means that a segment was lost.
    private func hasIndex(_ base: UInt64) throws(StorageError) -> Bool {
        do throws(StorageError) {
            _ = try disk.open(options.path(SegmentName.index(base)), for: .reading)
            return true
        } catch {
            if case .io(_, _, let number) = error, number == StorageError.noEntry { return false }
            throw error
        }
    }

    // MARK: - Segments

    private func tail(withRoomFor size: Int) throws(StorageError) -> SegmentTail {
        if let tail, tail.room >= size { return tail }
        try sealTail()
        let tail = try makeTail(withRoomFor: size)
        segments.append(JournalSegment(base: endLSN, end: endLSN, isSealed: false))
        catalog.add(endLSN)
        isDirectoryDirty = true
        self.tail = tail
        return tail
    }

    /// Begins a segment; one with little more than the next record when there is no room for more,
    /// so that settlements can be written, which give room back.
    private func makeTail(withRoomFor size: Int) throws(StorageError) -> SegmentTail {
        let needed = SegmentHeader.size + size
        if let spare = spares.take(withRoomFor: needed) {
            // A removal may have failed halfway.
            try syncDirectory()
            return try SegmentTail(disk, options, base: endLSN, reusing: spare, size: segmentSize)
        }
        do throws(StorageError) {
            let capacity = max(segmentSize, needed)
            return try SegmentTail(disk, options, base: endLSN, capacity: capacity)
        } catch .diskFull {
            let capacity = max(segmentSize / Journal.smallestShare, needed)
            return try SegmentTail(disk, options, base: endLSN, capacity: capacity)
        }
    }

    private func sealTail() throws(StorageError) {
        if isUnusable { throw .unusable(path: options.directory) }
        guard let tail else { return }
        do throws(StorageError) {
            try tail.cut()
            try syncDirectory()
        } catch {
            isUnusable = true
            throw error
        }
        syncedLSN = endLSN
        tail.index.finish()
        indexFailure = tail.index.failure ?? indexFailure
        segments[segments.count - 1].isSealed = true
        self.tail = nil
    }

    // MARK: - Reading

    /// Reads a record back.
    ///
    /// - Parameters:
    ///   - lsn: Of a record that was appended.
    ///   - size: Octets of its payload.
    ///   - buffer: At least 8 octets larger than the payload.
    /// - Returns: The payload, in `buffer`.
    /// - Throws: `.damaged` when it does not check out, `.io`.
    func read(
        lsn: UInt64,
        size: Int,
        into buffer: UnsafeMutableRawBufferPointer
    )
        throws(StorageError) -> ByteView
    {
        let count = JournalFrame.headerSize + size
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        let read = try unsafe readFrames(from: lsn, into: part)
        guard let base = UnsafeRawPointer(buffer.baseAddress), read == count,
            let payload = JournalFrame.payload(
                in: unsafe ByteView(base: base, count: count),
                at: 0,
                lsn: lsn
            ), payload.count == size
        else { throw damaged(lsn) }
        return payload
    }

    /// Reads frames back as they are, for reading ahead; `JournalFrame.payload` checks each.
    ///
    /// - Parameters:
    ///   - lsn: Where to begin.
    ///   - buffer: Filled as far as the segment with `lsn` goes.
    /// - Returns: How many octets were read; the last frame may be cut.
    /// - Throws: `.damaged` when no segment has `lsn`, `.io`.
    func readFrames(
        from lsn: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    )
        throws(StorageError) -> Int
    {
        guard let segment = segment(with: lsn) else { throw damaged(lsn) }
        let count = min(buffer.count, Int(segment.end - lsn))
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        let offset = SegmentHeader.size + Int(lsn - segment.base)
        return try unsafe reader(segment.base).read(into: part, at: offset)
    }

    /// The segment with the record at `lsn`.
    func segment(with lsn: UInt64) -> JournalSegment? {
        let index = segments.indices.partitionPoint { segments[$0].end <= lsn }
        guard index < segments.count, segments[index].base <= lsn else { return nil }
        return segments[index]
    }

    private func reader(_ base: UInt64) throws(StorageError) -> any DiskFile {
        if let tail, tail.base == base { return tail.file }
        if let reader = readers.first(where: { $0.base == base }) { return reader.file }
        let path = options.path(SegmentName.segment(base))
        let file = try disk.open(path, for: .reading)
        if readers.count == Self.readerCountMax { readers.removeFirst() }
        readers.append((base, file))
        return file
    }

    private func damaged(_ lsn: UInt64) -> StorageError {
        let base = segment(with: lsn)?.base ?? lsn
        let path = options.path(SegmentName.segment(base))
        return .damaged(path: path, offset: SegmentHeader.size + Int(lsn - base))
    }
}
