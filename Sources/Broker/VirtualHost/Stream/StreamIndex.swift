/// Where the messages of a stream stand in its log: its segments, and a chunk here and there.
///
/// About 24 octets for each MiB of the stream; from there one reads on.
struct StreamIndex {
    /// A file of the log.
    struct Segment: Equatable {
        /// The log sequence number of its first octet behind the header.
        let base: UInt64
        /// The offset of its first message.
        let firstOffset: UInt64
        /// When its last message came.
        var lastTime: WallTime
    }

    /// A chunk.
    private struct Point {
        let lsn: UInt64
        let offset: UInt64
        let time: WallTime
    }

    /// Octets of the log between two chunks that are remembered.
    private static let stride: UInt64 = 1 << 20

    /// Oldest first.
    private(set) var segments: [Segment] = []
    private var points: [Point] = []

    /// Where the oldest message stands; `nil` without any.
    var firstLSN: UInt64? { segments.first?.base }

    /// Takes in the next chunk.
    ///
    /// - Parameters:
    ///   - chunk: Behind all others.
    ///   - lsn: Of its frame.
    ///   - base: Where its file begins.
    mutating func add(_ chunk: StreamChunk, at lsn: UInt64, segment base: UInt64) {
        if segments.last?.base != base {
            segments.append(
                Segment(base: base, firstOffset: chunk.firstOffset, lastTime: chunk.time)
            )
        } else {
            segments[segments.count - 1].lastTime = chunk.time
            if let last = points.last, lsn - last.lsn < StreamIndex.stride { return }
        }
        points.append(Point(lsn: lsn, offset: chunk.firstOffset, time: chunk.time))
    }

    /// Forgets the oldest segment.
    mutating func removeFirst() {
        segments.removeFirst()
        let lsn = firstLSN ?? UInt64.max
        points.removeFirst(partition { $0.lsn < lsn })
    }

    /// A chunk at or before the one with a message.
    func lsn(of offset: UInt64) -> UInt64? { lsn { $0.offset <= offset } }

    /// A chunk at or before the first with a message of that time or later.
    func lsn(of time: WallTime) -> UInt64? { lsn { $0.time < time } }

    /// The last chunk that is before, or the first there is.
    private func lsn(_ isBefore: (Point) -> Bool) -> UInt64? {
        let count = partition(isBefore)
        return count == 0 ? points.first?.lsn : points[count - 1].lsn
    }

    /// How many points at the beginning are before, where all that are come first.
    private func partition(_ isBefore: (Point) -> Bool) -> Int {
        (0..<points.count).partitionPoint { isBefore(points[$0]) }
    }

    /// The segment with `lsn`, or the first behind it.
    ///
    /// - Returns: Where it begins, and the next one if there is one; `nil` behind the last segment.
    func segment(with lsn: UInt64) -> (base: UInt64, next: UInt64?)? {
        let index = max(0, segments.indices.partitionPoint { segments[$0].base <= lsn } - 1)
        guard index < segments.count else { return nil }
        return (segments[index].base, index + 1 < segments.count ? segments[index + 1].base : nil)
    }
}
