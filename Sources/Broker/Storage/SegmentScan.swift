import Wire

/// Recovers one segment by reading it: replays its frames, reports and sets aside the rest, and
/// writes the index it lacks.
struct SegmentScan {
    private let context: RecoveryContext
    private let file: any DiskFile
    private let base: UInt64
    private let path: String
    /// An index that checks out although the segment does not fit it.
    private let index: SegmentIndex?
    private(set) var losses: [RecoveryReport.Loss] = []
    /// Records replayed.
    private(set) var recordCount = 0
    /// Log sequence number behind the segment.
    private(set) var end: UInt64

    init(
        _ context: RecoveryContext,
        _ file: any DiskFile,
        base: UInt64,
        index: SegmentIndex?
    ) {
        self.context = context
        self.file = file
        self.base = base
        self.index = index
        path = context.options.path(SegmentName.segment(base))
        end = base
    }

    /// Recovers the segment.
    ///
    /// - Parameters:
    ///   - available: Octets the file has behind its header.
    ///   - limit: Octets of frames it should have, `nil` for the last segment if it was not sealed.
    ///   - header: Its header, if it checks out.
    /// - Throws: `.io` or `.diskFull` when what was recovered cannot be made durable.
    mutating func run(
        available: Int,
        limit: Int?,
        _ header: SegmentHeader?
    ) throws(StorageError) {
        let window = SegmentWindow(file, base: base, dataSize: min(available, limit ?? available))
        var map = SegmentMap(window, file: file, formerBase: header?.formerBase)
        if limit == nil { map.cutTornTail() }
        let size = limit ?? map.end
        let writer =
            context.repairs && size > 0
            ? SegmentIndexWriter(context.disk, context.options, base: base) : nil
        var offset = 0
        for run in map.runs {
            lose(offset..<run.lowerBound, in: window, writer)
            replay(run, in: window, writer)
            offset = run.upperBound
        }
        lose(offset..<size, in: window, writer)
        end = base + UInt64(size)
        if header == nil, size > 0 { try repairHeader() }
        if limit == nil { try cut(size..<max(size, map.writtenEnd), of: window) }
        if context.repairs, let limit, available < limit { try fill(to: limit) }
        writer?.finish()
    }

    private mutating func replay(
        _ run: Range<Int>,
        in window: SegmentWindow,
        _ writer: SegmentIndexWriter?
    ) {
        var offset = run.lowerBound
        while offset < run.upperBound, let (frame, payload) = window.frame(at: offset) {
            writer?.add(payload)
            let size = context.purpose == .start ? JournalFrame.keptSize(payload) : payload.count
            let kept = payload.slice(from: 0, count: size)
            context.replay(base + UInt64(offset), kept, payload.count)
            recordCount += 1
            offset += frame.frame
        }
    }

    /// Reports octets that should be frames and are not.
    private mutating func lose(
        _ range: Range<Int>,
        in window: SegmentWindow,
        _ writer: SegmentIndexWriter?
    ) {
        guard !range.isEmpty else { return }
        let present =
            range.lowerBound..<max(range.lowerBound, min(range.upperBound, window.dataSize))
        let lsns = base + UInt64(range.lowerBound)..<base + UInt64(range.upperBound)
        var loss = RecoveryReport.Loss(
            present.isEmpty ? .missing : .damagedRecords,
            file: path,
            offset: SegmentHeader.size + range.lowerBound,
            lsns
        )
        loss.octets = setAside(present, of: window)
        loss.savedRecordCount = replayWhole(lsns, writer)
        recordCount += loss.savedRecordCount
        losses.append(loss)
    }

    /// Replays the records of a range that the old index kept whole, and keeps them in the new one.
    ///
    /// - Returns: Their number.
    private func replayWhole(_ range: Range<UInt64>, _ writer: SegmentIndexWriter?) -> Int {
        var count = 0
        var lsn = range.lowerBound
        index?.forEach { entry in
            guard let kept = entry.kept, kept.count == entry.size else { return }
            let end = entry.lsn + UInt64(JournalFrame.headerSize + entry.size)
            guard entry.lsn >= lsn, end <= range.upperBound else { return }
            writer?.addHole(Int(entry.lsn - lsn))
            writer?.add(kept)
            context.replay(entry.lsn, kept, entry.size)
            count += 1
            lsn = end
        }
        writer?.addHole(Int(range.upperBound - lsn))
        return count
    }

    /// Ends the last segment where `range` begins, keeping a copy of what is in it.
    private mutating func cut(
        _ range: Range<Int>,
        of window: SegmentWindow
    ) throws(StorageError) {
        let offset = range.lowerBound
        let rest = window.withoutZeros(range)
        let octets = setAside(rest, of: window)
        if octets != .none {
            let start = SegmentHeader.size + offset
            var loss = RecoveryReport.Loss(
                .tornTail,
                file: path,
                offset: start,
                end..<end + UInt64(rest.count)
            )
            loss.octets = octets
            losses.append(loss)
        }
        guard context.repairs else { return }
        // What could not be copied stays: the next segment's base says where this one ends.
        if case .notSetAside = octets {
        } else {
            try file.truncate(to: offset == 0 ? 0 : SegmentHeader.size + offset)
        }
        // After a kill the frames may be in the page cache only, and so may the segment's name: an
        // index that outlives it would say that the segment was lost.
        try file.sync()
        try context.disk.syncDirectory(context.options.directory)
    }

    /// Gives a segment that was cut short its size back, so that it fits its new index.
    ///
    /// The index says what is lost. Zeros that were never written take no room.
    private func fill(to size: Int) throws(StorageError) {
        try file.truncate(to: SegmentHeader.size + size)
        try file.sync()
    }

    private func setAside(_ range: Range<Int>, of window: SegmentWindow) -> RecoveryReport.Octets {
        guard context.repairs else {
            return window.withoutZeros(range).isEmpty ? .none : .leftInPlace
        }
        return window.setAside(range, on: context.disk, context.options)
    }

    private mutating func repairHeader() throws(StorageError) {
        losses.append(
            RecoveryReport.Loss(.damagedHeader, file: path, base: base, count: SegmentHeader.size)
        )
        guard context.repairs else { return }
        let options = context.options
        let header = SegmentHeader(
            base: base,
            created: options.now(),
            nameHash: options.nameHash ?? 0
        )
        try file.write(header.encoded, at: 0)
        try file.sync()
    }
}
