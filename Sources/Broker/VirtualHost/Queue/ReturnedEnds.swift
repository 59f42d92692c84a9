/// When the messages end that came back to a queue and have an end.
///
/// Such a message may leave before: its item stays here until its time comes, and means nothing
/// then, unless it has come back once more.
struct ReturnedEnds: ~Copyable {
    /// One item for each time a message came back.
    private var times = DueHeap()
    /// Messages with an end that are back now.
    private var count = 0

    /// With fewer items in vain the heap of times is not made anew.
    private static let itemCountKept = 1024

    init() {}

    /// Whether so many items mean nothing that it should be made anew.
    var isWasteful: Bool { times.count > 2 * count + Self.itemCountKept }

    /// A message has come back; one without an end is not noted.
    mutating func add(_ entry: QueueEntry) {
        guard let deadline = entry.terms.deadline else { return }
        count += 1
        times.insert(.init(due: Self.tick(deadline), position: entry.position))
    }

    /// A message that had come back has left.
    mutating func remove(_ entry: QueueEntry) {
        if entry.terms.deadline != nil { count -= 1 }
    }

    /// Takes an item that is due by now; its message may have left.
    ///
    /// - Returns: The position of a message.
    mutating func takeDue(at now: Instant) -> UInt64? {
        guard let first = times.first, first.due <= Self.tick(now) else { return nil }
        return times.popFirst()?.position
    }

    /// When to look again; `nil` when there is nothing to wait for.
    var next: Instant? { times.first.map { .zero + .milliseconds($0.due) } }

    private static func tick(_ instant: Instant) -> Int64 {
        Int64(instant.nanoseconds / EntryTerms.nanosecondsPerTick)
    }
}
