/// Which segments a journal has, for those who read it on another thread than the one that writes.
final class SegmentCatalog: @unchecked Sendable {
    private let lock = Lock()
    /// Bases, lowest first.
    private var bases: [UInt64]

    init(_ segments: [JournalSegment]) { bases = segments.map(\.base) }

    /// Where the segments begin, oldest first.
    var all: [UInt64] { lock.withLock { bases } }

    func add(_ base: UInt64) { lock.withLock { bases.append(base) } }

    func remove(_ base: UInt64) { lock.withLock { bases.removeAll { $0 == base } } }

    /// The base of the segment a record stands in; `nil` when it is older than all of them.
    func base(of lsn: UInt64) -> UInt64? {
        lock.withLock {
            let count = bases.indices.partitionPoint { bases[$0] <= lsn }
            return count == 0 ? nil : bases[count - 1]
        }
    }
}
