import Wire

/// Reads a journal from its files, whatever is in them, and makes them whole again.
///
/// Segments are taken in order. One with an index that checks out is not read; any other is, and
/// frames are looked for behind damage. What cannot be used is reported and set aside. Only the
/// last segment can end in a torn write. After recovery every segment is sealed: appending goes
/// on in a new one.
struct JournalRecovery {
    private let context: RecoveryContext
    private(set) var report = RecoveryReport()
    private(set) var segments: [JournalSegment] = []
    /// Log sequence number behind everything found; `nil` while nothing is.
    private(set) var end: UInt64?
    private var hasChanges = false
    /// Segments of which only the index is left.
    private(set) var orphans: [JournalSegment] = []
    /// Stretches whose loss an earlier start has reported.
    private var known = KnownLosses()

    init(_ context: RecoveryContext) { self.context = context }

    /// Reads everything.
    ///
    /// - Throws: `.badFormat` when a segment was written by another version or for another virtual
    ///   host, `.io` when the directory cannot be listed or what was read not made durable.
    mutating func run() throws(StorageError) {
        let options = context.options
        if context.purpose == .start { known = try KnownLosses(context.disk, options) }
        let names = try context.disk.list(options.directory)
        let bases = Set(
            names.compactMap { SegmentName.base(of: $0, suffix: SegmentName.segmentSuffix) }
        )
        let indexed = Set(
            names.compactMap { SegmentName.base(of: $0, suffix: SegmentName.indexSuffix) }
        )
        if context.repairs { try SpareSegments.removeAll(names, context.disk, options) }
        let all = bases.union(indexed).sorted()
        for (position, base) in all.enumerated() {
            let next = position + 1 < all.count ? all[position + 1] : nil
            let index = indexed.contains(base) ? readIndex(base) : nil
            if bases.contains(base) {
                reportGap(before: base)
                try recover(base, index, next: next)
            } else if let index, index.dataSize > 0 {
                reportGap(before: base)
                reportMissing(index)
            } else if context.repairs {
                // Begun with a segment that did not outlive the crash.
                try context.disk.remove(options.path(SegmentName.index(base)))
            }
        }
        if hasChanges { try context.disk.syncDirectory(options.directory) }
    }

    private mutating func readIndex(_ base: UInt64) -> SegmentIndex? {
        let path = context.options.path(SegmentName.index(base))
        let reading: SegmentIndex.Reading
        do throws(StorageError) {
            let file = try context.disk.open(path, for: .reading)
            reading = try SegmentIndex.read(file, base: base)
        } catch {
            // A broker that runs meanwhile may have removed it.
            if context.purpose == .check, error.isNoEntry { return nil }
            reading = .damaged(size: 0)
        }
        switch reading {
        case .index(let index): return index
        case .unfinished: return nil
        case .damaged(let size):
            report.losses.append(
                RecoveryReport.Loss(.damagedIndex, file: path, base: base, count: size)
            )
            return nil
        }
    }

    /// Reports that segments are missing before the one at `base`.
    private mutating func reportGap(before base: UInt64) {
        guard let end, end < base else { return }
        let file = context.options.path(SegmentName.segment(end))
        reportOnce(RecoveryReport.Loss(.missing, file: file, offset: 0, end..<base))
        self.end = base
    }

    /// Reports that a segment is missing, and replays what its index kept whole.
    private mutating func reportMissing(_ index: SegmentIndex) {
        let range = index.base..<index.base + UInt64(index.dataSize)
        let file = context.options.path(SegmentName.segment(index.base))
        var loss = RecoveryReport.Loss(.missing, file: file, offset: 0, range)
        loss.savedRecordCount = replayWhole(index)
        reportOnce(loss)
        report.recordCount += loss.savedRecordCount
        orphans.append(JournalSegment(base: index.base, end: range.upperBound, isSealed: true))
        end = range.upperBound
    }

    /// Reports a loss of whole files unless an earlier start has, and notes that it was reported.
    private mutating func reportOnce(_ loss: RecoveryReport.Loss) {
        guard !known.contains(loss.range) else { return }
        var loss = loss
        if context.repairs { loss.octets = known.note(loss.range, context.disk, context.options) }
        report.losses.append(loss)
    }

    /// Replays the records that `index` kept whole; gives their number.
    private func replayWhole(_ index: SegmentIndex) -> Int {
        var count = 0
        index.forEach { entry in
            guard let kept = entry.kept, kept.count == entry.size else { return }
            context.replay(entry.lsn, kept, entry.size)
            count += 1
        }
        return count
    }

    private mutating func recover(
        _ base: UInt64,
        _ index: SegmentIndex?,
        next: UInt64?
    )
        throws(StorageError)
    {
        let path = context.options.path(SegmentName.segment(base))
        guard let file = try open(path) else {
            end = nil
            return
        }
        let available = max(0, try file.size() - SegmentHeader.size)
        let header = try readHeader(file, base: base, path: path)
        let room = next.map { Int($0 - base) } ?? Int.max
        if context.purpose == .start, let index, header != nil,
            index.dataSize <= min(available, room)
        {
            replayAll(index)
            report.indexedSegmentCount += 1
            seal(base, end: base + UInt64(index.dataSize))
            return
        }
        report.scannedSegmentCount += 1
        let isSealed = index != nil || next != nil
        let limit = isSealed ? min(index?.dataSize ?? available, room) : nil
        var scan = SegmentScan(context, file, base: base, index: index)
        try scan.run(available: available, limit: limit, header)
        if context.purpose == .check, !scan.losses.isEmpty, try open(path) == nil {
            // A broker that runs meanwhile has removed it, and writes over its records.
            end = nil
            return
        }
        report.losses += scan.losses
        report.recordCount += scan.recordCount
        hasChanges = hasChanges || context.repairs
        seal(base, end: scan.end)
    }

    /// Opens a segment; `nil` when a broker that runs during a check has removed it.
    private func open(_ path: String) throws(StorageError) -> (any DiskFile)? {
        do throws(StorageError) {
            return try context.disk.open(
                path,
                for: context.repairs ? .readingAndWriting : .reading
            )
        } catch {
            if context.purpose == .check, error.isNoEntry { return nil }
            throw error
        }
    }

    private mutating func seal(_ base: UInt64, end: UInt64) {
        self.end = end
        if end > base { segments.append(JournalSegment(base: base, end: end, isSealed: true)) }
    }

    /// The header, if it checks out.
    private func readHeader(
        _ file: any DiskFile,
        base: UInt64,
        path: String
    )
        throws(StorageError) -> SegmentHeader?
    {
        let contents = FileContents(file, offset: 0, count: SegmentHeader.size)
        switch SegmentHeader.read(contents.view.bytes) {
        case .damaged: return nil
        case .otherVersion(let version):
            throw .badFormat(path: path, reason: "it has format version \(version)")
        case .header(let header):
            guard header.nameHash == context.options.nameHash ?? header.nameHash else {
                throw .badFormat(path: path, reason: "it belongs to another virtual host")
            }
            return header.base == base ? header : nil
        }
    }

    private mutating func replayAll(_ index: SegmentIndex) {
        var count = 0
        index.forEach { entry in
            guard let kept = entry.kept else { return }
            context.replay(entry.lsn, kept, entry.size)
            count += 1
        }
        report.recordCount += count
    }
}

/// What every part of a recovery needs.
struct RecoveryContext {
    /// What the journal is read for.
    enum Purpose {
        /// To go on with it: files are made whole, bodies are left out if an index allows.
        case start
        /// To look at it: nothing is changed, everything is read, payloads come whole.
        case check
    }

    /// Gets each record in order: its log sequence number, its payload as far as an index keeps
    /// it (valid during the call; whole in a check), and the size of the whole payload in octets.
    typealias Replay = (_ lsn: UInt64, _ payload: ByteView, _ size: Int) -> Void

    let disk: any Disk
    let options: JournalOptions
    let purpose: Purpose
    let replay: Replay

    /// Whether files may be changed.
    var repairs: Bool { purpose == .start }
}
