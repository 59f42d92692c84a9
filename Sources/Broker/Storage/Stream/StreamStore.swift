import Wire

/// The files of a virtual host's streams, for the thread that writes the journal.
///
/// Each stream has a log of its own (`Journal`, with chunks for records). What a batch of the
/// journal needs of them is written and made durable before that batch, so the journal never
/// tells of what is not there.
final class StreamStore: @unchecked Sendable {
    private let disk: any Disk
    private let virtualHost: [UInt8]
    private let directory: String
    private let options: JournalOptions
    private var logs: [UInt32: Journal] = [:]
    /// Streams of which something was written that no confirm waited for to be synced.
    private var dirty: Set<UInt32> = []
    /// Streams that are appended to, each with open files, least recently used first.
    private var written: [UInt32] = []
    private var isDirectoryMade = false

    /// Streams with open files at most; others are sealed until something comes.
    static let writtenCountMax = 48
    /// Octets of a stream's first file; each next one is twice as large, up to its segment size.
    private static let firstSegmentSize = 1 << 20

    /// Readies the store; nothing is read or written yet.
    ///
    /// - Parameters:
    ///   - disk: The data directory, not shared with another thread.
    ///   - virtualHost: Its name.
    ///   - options: Of its journal, whose sync policy holds here as well.
    init(_ disk: any Disk, virtualHost: [UInt8], options: JournalOptions) {
        self.disk = disk
        self.virtualHost = virtualHost
        directory = StreamDirectory.path(virtualHost)
        self.options = options
    }

    // MARK: - Writing

    /// Writes chunks, and makes them as durable as the sync policy says.
    ///
    /// - Parameter batches: One for each stream. It may be called again after `.diskFull`, and
    ///   goes on where it stopped.
    /// - Returns: For each of them, where in it files begin.
    /// - Throws: `.diskFull`; or what ends the use of the stream's files, and so of the journal.
    func write(_ batches: [StreamBatch]) throws(StorageError) -> [[UInt64]] {
        for batch in batches {
            let journal = try log(for: batch)
            try unsafe journal.append(
                UnsafeMutableRawBufferPointer(
                    rebasing: batch.block.buffer[..<batch.block.count]
                ),
                firstLSN: batch.block.firstLSN
            )
            if options.sync != .confirm { dirty.insert(batch.stream) }
        }
        var bases: [[UInt64]] = []
        for batch in batches {
            guard let journal = logs[batch.stream] else { continue }
            try journal.commit()
            bases.append(
                journal.segments.reversed().prefix { $0.base >= batch.block.firstLSN }.map(\.base)
            )
        }
        try closeSome()
        return bases
    }

    /// Whether something written must still be synced by and by.
    var owesSync: Bool { options.sync == .interval && !dirty.isEmpty }

    /// Makes everything written durable, whatever the policy.
    func sync() throws(StorageError) {
        for stream in dirty.sorted() { try logs[stream]?.sync() }
        dirty = []
    }

    /// Seals every file, so that the next start need not read it.
    func close() throws(StorageError) {
        for stream in written { try logs[stream]?.close() }
        written = []
        dirty = []
    }

    /// Removes files that nothing needs any more.
    ///
    /// - Throws: `.io`; what was not removed is found at the next start.
    func remove(_ removals: [StreamRemoval]) throws(StorageError) {
        for removal in removals {
            switch removal {
            case .segments(let stream, let lsn):
                try logs[stream]?.remove(segmentsBefore: lsn)
            case .stream(let stream):
                guard logs.removeValue(forKey: stream) != nil else { continue }
                written.removeAll { $0 == stream }
                dirty.remove(stream)
                try removeFiles(of: stream)
            }
        }
    }

    /// Removes a stream's directory; what recovery has set aside in it stays.
    private func removeFiles(of stream: UInt32) throws(StorageError) {
        let path = StreamDirectory.path(directory, stream: stream)
        var isEmpty = true
        for name in try disk.list(path) {
            let isFile =
                SegmentName.base(of: name, suffix: SegmentName.segmentSuffix) != nil
                || SegmentName.base(of: name, suffix: SegmentName.indexSuffix) != nil
            if isFile { try disk.remove("\(path)/\(name)") } else { isEmpty = false }
        }
        guard isEmpty else { return try disk.syncDirectory(path) }
        try disk.removeDirectory(path)
        try disk.syncDirectory(directory)
    }

    private func log(for batch: StreamBatch) throws(StorageError) -> Journal {
        if written.last != batch.stream {
            written.removeAll { $0 == batch.stream }
            written.append(batch.stream)
        }
        if let journal = logs[batch.stream] {
            journal.segmentSize = segmentSize(of: batch, journal)
            return journal
        }
        try makeDirectory()
        let (journal, _) = try Journal.open(
            disk,
            options(of: batch.stream, queue: batch.queue)
        ) { _, _, _ in }
        try disk.syncDirectory(directory)
        journal.segmentSize = segmentSize(of: batch, journal)
        logs[batch.stream] = journal
        return journal
    }

    /// Octets of the next file: a stream with little in it takes little room.
    private func segmentSize(of batch: StreamBatch, _ journal: Journal) -> Int {
        let last = journal.segments.last?.size ?? 0
        return min(batch.segmentSize, max(2 * last, StreamStore.firstSegmentSize))
    }

    private func makeDirectory() throws(StorageError) {
        guard !isDirectoryMade else { return }
        try disk.makeDirectory(StreamDirectory.parent)
        try disk.syncDirectory("")
        try disk.makeDirectory(directory)
        try disk.syncDirectory(StreamDirectory.parent)
        isDirectoryMade = true
    }

    private func closeSome() throws(StorageError) {
        while written.count > StreamStore.writtenCountMax {
            try logs[written.removeFirst()]?.close()
        }
    }

    private func options(of stream: UInt32, queue: [UInt8]) -> JournalOptions {
        var options = options
        options.directory = StreamDirectory.path(directory, stream: stream)
        options.nameHash = StreamDirectory.nameHash(virtualHost: virtualHost, queue: queue)
        // Readers hold on to the files of a stream after what is in them has gone.
        options.spareCountMax = 0
        return options
    }

    // MARK: - Starting

    /// Opens the files of a queue's stream.
    ///
    /// - Parameters:
    ///   - queue: Of type stream, declared again.
    ///   - endOffset: What the journal says it goes to; `nil` if the journal itself has lost
    ///     records. What stands behind belongs to nothing that was confirmed, and is cut off.
    /// - Returns: What is in them, and what was found.
    /// - Throws: `.badFormat`, `.io`, `.diskFull`.
    func open(
        _ queue: Queue,
        endOffset: UInt64?
    ) throws(StorageError) -> (stream: RecoveredStream, report: RecoveryReport) {
        let id = queue.state.journalID
        let path = StreamDirectory.path(directory, stream: id)
        let names = try disk.list(path)
        let bases = names.compactMap { name in
            SegmentName.base(of: name, suffix: SegmentName.segmentSuffix)
        }
        let scan = StreamScan(bases, endOffset: endOffset)
        guard !names.isEmpty else { return (scan.stream, RecoveryReport()) }
        let (journal, report) = try Journal.open(
            disk,
            options(of: id, queue: queue.state.name),
            replay: scan.take
        )
        if let lsn = scan.cutLSN { try journal.cut(to: lsn) }
        logs[id] = journal
        var stream = scan.stream
        stream.endLSN = journal.endLSN
        return (stream, report)
    }

    /// The streams there are files of, by number.
    func list() throws(StorageError) -> [UInt32] {
        try disk.list(directory).compactMap(StreamDirectory.stream(named:))
    }

    /// Removes the files of a stream whose queue is gone.
    func removeOrphan(_ stream: UInt32) throws(StorageError) { try removeFiles(of: stream) }
}

/// Reads the chunks of a stream at the start.
private final class StreamScan {
    private(set) var stream = RecoveredStream()
    /// Where what does not count begins.
    private(set) var cutLSN: UInt64?
    private let endOffset: UInt64?
    /// Where files begin that no chunk was found in yet.
    private var bases: ArraySlice<UInt64>
    private var base: UInt64 = 0

    init(_ bases: [UInt64], endOffset: UInt64?) {
        self.bases = bases[...]
        self.endOffset = endOffset
    }

    func take(_ lsn: UInt64, _ payload: ByteView, _ size: Int) {
        guard cutLSN == nil, let chunk = StreamChunk(payload) else { return }
        if let endOffset, chunk.firstOffset >= endOffset {
            cutLSN = lsn
            return
        }
        while let next = bases.first, next <= lsn {
            base = next
            bases.removeFirst()
        }
        stream.index.add(chunk, at: lsn, segment: base)
        stream.endOffset = chunk.endOffset
    }
}

extension Handle where State == VirtualHostState {
    /// Makes every stream what its files say, and removes the files of streams that are gone.
    ///
    /// - Parameters:
    ///   - store: The files.
    ///   - isJournalWhole: Whether the journal is there and has lost nothing: then what it does
    ///     not know of counts no more.
    /// - Returns: What was damaged in files, and which messages are lost.
    /// - Throws: When the disk cannot be used.
    func restoreStreams(
        from store: StreamStore,
        isJournalWhole: Bool
    ) throws(StorageError) -> (damage: [RecoveryReport.Loss], losses: [RestoreLoss]) {
        var orphans = Set(try store.list())
        state.journal.nextQueueID = max(state.journal.nextQueueID, (orphans.max() ?? 0) + 1)
        var damage: [RecoveryReport.Loss] = []
        var losses: [RestoreLoss] = []
        for queue in queueList().sorted(by: { $0.state.journalID < $1.state.journalID })
        where queue.state.stream != nil {
            orphans.remove(queue.state.journalID)
            let end = isJournalWhole ? queue.state.nextPosition : nil
            let (stream, report) = try store.open(queue, endOffset: end)
            damage += report.losses
            if let loss = restoreStream(queue, stream) { losses.append(loss) }
        }
        for orphan in orphans.sorted() {
            if isJournalWhole {
                try store.removeOrphan(orphan)
            } else {
                let reason = "its declaration is lost, the files of its stream stay"
                losses.append(.queue(ShortString("#\(orphan)") ?? "", reason: reason))
            }
        }
        return (damage, losses)
    }
}
