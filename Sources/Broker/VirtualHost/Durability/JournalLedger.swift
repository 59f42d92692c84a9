/// How many live messages each stretch of the journal holds.
///
/// Counts by stretches (1 MiB in a broker): enough to know which segments are dead and how much of
/// the others is, and cheap. A message counts once for each place it has in a queue.
/// Invariant: the first stretch holds a live message, so the list is empty when there is none.
struct JournalLedger: ~Copyable {
    /// What begins in a stretch.
    private struct Stretch: BitwiseCopyable {
        /// Places that still hold their message.
        var liveCount: UInt32 = 0
        /// Places there were.
        var placeCount: UInt32 = 0
        /// Of all the messages, in octets.
        var size: UInt64 = 0

        /// Octets of what is live, as if all messages had the same size.
        var liveSize: UInt64 {
            liveCount == placeCount ? size : size * UInt64(liveCount) / UInt64(placeCount)
        }
    }

    /// Octets of a record besides the body, about.
    private static let overhead = 64
    /// A stretch has 2 to this power octets.
    private let shift: UInt64
    private var stretches = Ring<Stretch>()
    private var firstStretch: UInt64 = 0
    /// The oldest message settled since the journal thread last took a batch.
    private(set) var oldestUntaken = UInt64.max

    init(stretchShift: UInt64) { shift = stretchShift }

    /// Counts a message's places at this LSN.
    ///
    /// - Parameters:
    ///   - lsn: Of its record.
    ///   - count: How many places it has taken, at least one.
    ///   - size: Of its record, in octets.
    @inline(__always)
    mutating func add(_ lsn: UInt64, count: Int, size: Int) {
        let index = reach(lsn >> shift)
        stretches[index].liveCount += UInt32(truncatingIfNeeded: count)
        stretches[index].placeCount += UInt32(truncatingIfNeeded: count)
        stretches[index].size += UInt64(truncatingIfNeeded: size)
    }

    /// Counts one place of a message that was there before a restart.
    ///
    /// Each place of a message comes by itself then, so what they take is counted up to the size
    /// of a stretch only; what a record takes besides the body is estimated.
    mutating func restore(_ lsn: UInt64, bodySize: Int) {
        let size = bodySize + JournalLedger.overhead
        let index = reach(lsn >> shift)
        stretches[index].liveCount += 1
        stretches[index].placeCount += 1
        let sum = min(stretches[index].size + UInt64(size), 1 << shift)
        stretches[index].size = max(stretches[index].size, sum, UInt64(size))
    }

    /// Counts one place less, whose message was settled.
    @inline(__always)
    mutating func settle(_ lsn: UInt64) {
        oldestUntaken = min(oldestUntaken, lsn)
        remove(lsn)
    }

    /// What was settled so far is in a batch now.
    mutating func settlementsAreTaken() { oldestUntaken = UInt64.max }

    /// Counts one place less; nothing that has yet to become durable says so.
    @inline(__always)
    mutating func remove(_ lsn: UInt64) {
        let stretch = lsn >> shift
        precondition(stretch >= firstStretch, "a live message in a forgotten stretch")
        stretches[Int(stretch - firstStretch)].liveCount -= 1
        while let first = stretches.first, first.liveCount == 0 {
            _ = stretches.popFirst()
            firstStretch += 1
        }
    }

    /// An LSN at or below that of the oldest live message; `nil` when there is none.
    var oldestLive: UInt64? { stretches.isEmpty ? nil : firstStretch << shift }

    /// Octets of all live messages, estimated.
    var liveSize: UInt64 {
        var sum: UInt64 = 0
        for index in 0..<stretches.count { sum += stretches[index].liveSize }
        return sum
    }

    /// The first LSN of a stretch at or behind this one.
    func boundary(atOrBehind lsn: UInt64) -> UInt64 {
        ((lsn + (1 << shift) - 1) >> shift) << shift
    }

    /// The place of a stretch in the list, which is made to reach there.
    @inline(__always)
    private mutating func reach(_ stretch: UInt64) -> Int {
        if stretches.isEmpty { firstStretch = stretch }
        guard stretch >= firstStretch else { return reachBack(stretch) }
        while UInt64(stretches.count) <= stretch - firstStretch { stretches.append(Stretch()) }
        return Int(stretch - firstStretch)
    }

    private mutating func reachBack(_ stretch: UInt64) -> Int {
        while firstStretch > stretch {
            stretches.prepend(Stretch())
            firstStretch -= 1
        }
        return 0
    }
}
