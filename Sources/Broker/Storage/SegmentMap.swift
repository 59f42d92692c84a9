import Wire

/// Where the frames of a segment lie, found by checking every one.
///
/// Offsets count from the first frame.
struct SegmentMap: Equatable {
    /// Stretches of frames that follow each other and check out, in order.
    private(set) var runs: [Range<Int>] = []
    /// Behind the last octet that was written as a part of this segment, be it whole or not.
    private(set) var writtenEnd = 0
    /// The run with the last barrier: everything up to there had been synced.
    private var lastBarrierRun: Int?

    /// Maps what `window` shows of a segment.
    ///
    /// - Parameters:
    ///   - window: Over the frames, and what lies behind them.
    ///   - file: The segment's.
    ///   - formerBase: As the header has it.
    init(_ window: SegmentWindow, file: any DiskFile, formerBase: UInt64?) {
        var finder = FrameFinder(window, file: file, formerBase: formerBase)
        var offset = 0
        while true {
            let start = offset
            while let frame = window.frame(at: offset) {
                if frame.size.isBarrier { lastBarrierRun = runs.count }
                offset += frame.size.frame
            }
            if offset > start { runs.append(start..<offset) }
            switch finder.next(behind: offset) {
            case .frame(let found): offset = found
            case .end(let end):
                writtenEnd = end
                return
            }
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
