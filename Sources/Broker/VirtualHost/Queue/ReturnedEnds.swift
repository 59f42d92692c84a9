/// Messages that came back to a queue and have an end, by the time of it.
///
/// They stand in the heap of what came back, which is in order of positions and cannot be searched.
/// So a message that has ended leaves its entry there, and its position here, until the entry comes
/// to the top of that heap.
struct ReturnedEnds: ~Copyable {
    private var waiting: [UInt64: QueueEntry] = [:]
    /// One item for each time a message came back; those that have left since mean nothing.
    private var times = DueHeap()
    private var ended: Set<UInt64> = []

    /// With fewer items in vain the heap of times is not made anew.
    private static let itemCountKept = 1024

    init() {}

    /// Entries that are still in the heap of what came back although their messages are not.
    var endedCount: Int { ended.count }

    /// Whether the message at a position has ended, and its entry is to be passed over.
    func hasEnded(_ position: UInt64) -> Bool { ended.contains(position) }

    /// A message has come back; one without an end is not noted.
    mutating func add(_ entry: QueueEntry) {
        guard let deadline = entry.terms.deadline else { return }
        waiting[entry.position] = entry
        times.insert(Self.item(deadline, entry.position))
        if times.count > 2 * waiting.count + Self.itemCountKept { rewrite() }
    }

    /// The message at a position has left.
    mutating func remove(_ position: UInt64) { waiting[position] = nil }

    /// The entry of a message that has ended is gone, too.
    mutating func forget(_ position: UInt64) { ended.remove(position) }

    /// Takes messages that have ended by now, the one that ended first in front.
    ///
    /// - Parameters:
    ///   - now: The present.
    ///   - countMax: How many at most.
    /// - Returns: Their entries, and when to look again; `nil` when there is nothing to wait for.
    mutating func takeEnded(
        at now: Instant,
        countMax: Int
    ) -> (entries: [QueueEntry], next: Instant?) {
        var entries: [QueueEntry] = []
        while let first = times.first, first.due <= Self.tick(now), entries.count < countMax {
            _ = times.popFirst()
            guard let entry = waiting[first.position], let deadline = entry.terms.deadline,
                deadline <= now
            else { continue }
            waiting[first.position] = nil
            ended.insert(first.position)
            entries.append(entry)
        }
        return (entries, times.first.map { .zero + .milliseconds($0.due) })
    }

    private mutating func rewrite() {
        times.removeAll()
        for (position, entry) in waiting {
            if let deadline = entry.terms.deadline { times.insert(Self.item(deadline, position)) }
        }
    }

    private static func item(_ deadline: Instant, _ position: UInt64) -> DueHeap.Item {
        .init(due: tick(deadline), position: position)
    }

    private static func tick(_ instant: Instant) -> Int64 {
        Int64(instant.nanoseconds / EntryTerms.nanosecondsPerTick)
    }
}
