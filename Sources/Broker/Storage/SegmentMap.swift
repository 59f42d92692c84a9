import Wire

/// Where the frames of a segment lie, found by checking every one.
///
/// Offsets count from the first frame.
struct SegmentMap: Equatable {
    /// Stretches of frames that follow each other and check out, in order.
    private(set) var runs: [Range<Int>] = []
    /// The run with the last barrier: everything up to there had been synced.
    private var lastBarrierRun: Int?

    /// Maps what `window` shows of the segment that begins at `base`.
    init(_ window: SegmentWindow, file: any DiskFile, base: UInt64) {
        var offset = 0
        var start = 0
        var damage: (search: FrameSearch, contents: FileContents, start: Int)?
        while true {
            if let frame = window.frame(at: offset) {
                if frame.size.isBarrier { lastBarrierRun = runs.count }
                offset += frame.size.frame
                continue
            }
            if offset > start { runs.append(start..<offset) }
            if damage == nil {
                let rest = offset..<window.dataSize
                guard !window.withoutZeros(rest).isEmpty else { return }
                let contents = FileContents(
                    file,
                    offset: SegmentHeader.size + offset,
                    count: rest.count
                )
                let search = FrameSearch(contents.view, lsn: base + UInt64(offset))
                damage = (search, contents, offset)
            }
            guard let (search, _, first) = damage,
                let found = search.next(from: offset - first + 1)
            else { return }
            offset = first + found
            start = offset
        }
    }

    /// Drops what may never have been synced: what lies behind the first damage after the last
    /// barrier.
    ///
    /// Behind a torn write there may be others that reached the disk before it; they were not
    /// confirmed, and keeping them without what came before could change what the rest means.
    /// Damage before a barrier is not from a torn write, since the sync had covered it.
    mutating func cutTornTail() {
        let kept: Int
        if let lastBarrierRun {
            kept = lastBarrierRun + 1
        } else {
            kept = runs.first?.lowerBound == 0 ? 1 : 0
        }
        runs.removeSubrange(kept...)
    }

    /// Where the last frame ends.
    var end: Int { runs.last?.upperBound ?? 0 }
}
