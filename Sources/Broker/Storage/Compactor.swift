import Wire

/// Copies live messages out of the oldest segments of a journal, so that those can be deleted.
///
/// Goes over one stretch of the journal at a time, which the core chooses: reads it without the
/// lock, hands the core slices of it to copy from, and waits until the copies are durable. The
/// daemon runs it on a thread of its own (`CompactorThread`); tests call `step` when they like.
final class Compactor {
    /// Octets of records handed to the core at once, unless one record is larger.
    private static let sliceSize = 256 << 10
    /// Octets of copies that may wait for the disk.
    private static let pendingMax = 4 << 20

    private let disk: any Disk
    private let options: JournalOptions
    private let segments: () -> [UInt64]
    private let log: Logger?
    private var pass: Pass?

    /// One stretch, and how far it has been read.
    private struct Pass {
        let stretch: Range<UInt64>
        var next: UInt64
        var segment: OpenSegment?
        /// It holds something live that cannot be read.
        var isStuck = false
    }

    private struct OpenSegment {
        let base: UInt64
        /// Log sequence number behind its last record.
        let end: UInt64
        let window: SegmentWindow
    }

    enum Outcome: Equatable {
        /// The journal is small enough.
        case idle
        /// So many octets were read.
        case worked(Int)
        /// Copies are on their way to the disk.
        case waiting
    }

    /// Runs something on the core; in the daemon, under its lock.
    typealias Enter = ((VirtualHost) -> Void) -> Void

    /// Readies the first step.
    ///
    /// - Parameters:
    ///   - disk: The data directory; not shared with another thread.
    ///   - options: Of the journal.
    ///   - log: Told of what cannot be read.
    ///   - segments: Where the journal's segments begin, oldest first.
    init(
        _ disk: any Disk,
        _ options: JournalOptions,
        log: Logger?,
        segments: @escaping () -> [UInt64]
    ) {
        self.disk = disk
        self.options = options
        self.log = log
        self.segments = segments
    }

    /// Does a little of what there is to do.
    ///
    /// - Parameter enter: The way to the core.
    /// - Returns: Whether there was anything, and how much was read.
    func step(_ enter: Enter) -> Outcome {
        guard var pass = pass.take() else { return begin(enter) }
        var pendingSize = 0
        enter { pendingSize = $0.state.journal.compaction.pendingSize }
        if pass.next >= pass.stretch.upperBound || pass.isStuck {
            if pendingSize == 0 {
                enter { $0.finishCompaction(of: pass.stretch) }
                return .worked(0)
            }
            self.pass = pass
            return .waiting
        }
        var readSize = 0
        if pendingSize < Self.pendingMax { readSize = copySlice(&pass, enter) }
        self.pass = pass
        return pendingSize < Self.pendingMax ? .worked(readSize) : .waiting
    }

    private func begin(_ enter: Enter) -> Outcome {
        let bases = segments()
        var goal: Range<UInt64>?
        enter { goal = $0.compactionGoal(segments: bases) }
        guard let goal, let base = bases.last(where: { $0 <= goal.lowerBound }) else {
            return .idle
        }
        pass = Pass(stretch: goal, next: base)
        return .worked(0)
    }

    /// Reads some records and lets the core copy from them.
    ///
    /// - Returns: Octets read.
    private func copySlice(_ pass: inout Pass, _ enter: Enter) -> Int {
        do throws(StorageError) {
            guard let segment = try segment(&pass) else { return 0 }
            let start = pass.next
            var records: [CompactionRecord] = []
            var end = start
            // One look, so that every payload stays valid until the core has copied.
            if let view = slice(of: segment, from: start) {
                let limit = min(segment.end, pass.stretch.upperBound)
                while end < limit {
                    let offset = Int(end - start)
                    guard let payload = JournalFrame.payload(in: view, at: offset, lsn: end) else {
                        break
                    }
                    if end >= pass.stretch.lowerBound {
                        records.append(CompactionRecord(lsn: end, payload: payload))
                    }
                    end += UInt64(JournalFrame.headerSize + payload.count)
                }
            }
            if end > start {
                enter { $0.copyForward(records) }
            } else {
                end = try skip(start, in: segment, enter)
            }
            pass.next = end
            return Int(end - start)
        } catch {
            if let first = segments().first, pass.next < first {
                // Removed meanwhile, so nothing in it was needed.
                pass.segment = nil
                return 0
            }
            // It stays where it is, and so do all newer segments, until nothing in it is needed.
            pass.isStuck = true
            log?.warning("journal not compacted", ["error": "\(error)"])
            return 0
        }
    }

    /// A slice that begins with a record, which is whole in it.
    private func slice(of segment: OpenSegment, from start: UInt64) -> ByteView? {
        let offset = Int(start - segment.base)
        let left = segment.window.dataSize - offset
        guard let first = segment.window.frame(at: offset) else { return nil }
        let size = max(min(Self.sliceSize, left), first.size.frame)
        return segment.window.view(at: offset, count: size)
    }

    /// The segment with the next record, behind those that are gone meanwhile; `nil` when the
    /// stretch ends before the next one.
    private func segment(_ pass: inout Pass) throws(StorageError) -> OpenSegment? {
        if let segment = pass.segment, pass.next < segment.end { return segment }
        let bases = segments()
        while pass.next < pass.stretch.upperBound {
            let index = bases.lastIndex { $0 <= pass.next }
            let following = bases.first { $0 > pass.next }
            if let index {
                let segment = try open(bases[index], following: following)
                pass.segment = segment
                if pass.next < segment.end { return segment }
            }
            pass.next = following ?? pass.stretch.upperBound
        }
        return nil
    }

    /// Opens a segment to be read to its end, which is where the following one begins; the last
    /// one has more in it than the stretch, whose last record may end behind it.
    private func open(_ base: UInt64, following: UInt64?) throws(StorageError) -> OpenSegment {
        let file = try disk.open(options.path(SegmentName.segment(base)), for: .reading)
        let available = max(0, try file.size() - SegmentHeader.size)
        let size = following.map { min(available, Int($0 - base)) } ?? available
        let window = SegmentWindow(file, base: base, dataSize: size)
        return OpenSegment(base: base, end: base + UInt64(size), window: window)
    }

    /// Gets over octets that do not check out, by what the index says of them.
    ///
    /// - Returns: Where the next record begins.
    /// - Throws: `.damaged` when something there is still needed, or may be.
    private func skip(
        _ lsn: UInt64,
        in segment: OpenSegment,
        _ enter: Enter
    ) throws(StorageError) -> UInt64 {
        let damage = StorageError.damaged(
            path: options.path(SegmentName.segment(segment.base)),
            offset: SegmentHeader.size + Int(lsn - segment.base)
        )
        let file = try disk.open(options.path(SegmentName.index(segment.base)), for: .reading)
        guard case .index(let index) = try SegmentIndex.read(file, base: segment.base) else {
            throw damage
        }
        var end: UInt64?
        index.forEach { entry in
            guard entry.lsn == lsn else { return }
            guard let kept = entry.kept else {
                end = lsn + UInt64(entry.size)
                return
            }
            let size = JournalFrame.headerSize + entry.size
            if doWithout(kept, lsn, size: size, in: segment, enter) { end = lsn + UInt64(size) }
        }
        guard let end else { throw damage }
        return end
    }

    /// Makes a damaged record dispensable: copies its message from memory, or gives it up.
    ///
    /// - Returns: `false` when its octets must stay where they are.
    private func doWithout(
        _ prefix: ByteView,
        _ lsn: UInt64,
        size: Int,
        in segment: OpenSegment,
        _ enter: Enter
    ) -> Bool {
        var isDone = false
        enter { isDone = !$0.isNeeded(prefix, lsn: lsn) || $0.rewrite(prefix, lsn: lsn) }
        guard !isDone else { return true }
        let start = Int(lsn - segment.base)
        let octets = segment.window.setAside(start..<start + size, on: disk, options)
        if case .notSetAside(let error) = octets {
            log?.warning("damaged octets not set aside", ["error": "\(error)"])
            return false
        }
        var queues: [[UInt8]] = []
        enter { queues = $0.lose(prefix, lsn: lsn) }
        for name in queues {
            log?.error(
                "messages cannot be read back",
                [
                    "queue": String(decoding: name, as: UTF8.self), "count": "1",
                    "error": "damaged record \(lsn) of the journal",
                ]
            )
        }
        return true
    }
}
