/// The messages of a queue that wait for a consumer: highest priority first, then by position.
///
/// Nearly every queue has one level, which costs it nothing. A queue with x-max-priority has one
/// for each priority in use.
struct ReadyMessages: ~Copyable {
    private var lowest = ReadyLevel()
    /// The levels above; `nil` before there is one.
    private var higher: Handle<PriorityLevelsState>?
    /// Messages above the lowest level, and the octets of their bodies.
    private var higherCount = 0
    private var higherBytes = 0

    init() {}

    deinit { higher?.destroy() }

    @inline(__always)
    var count: Int { lowest.count &+ higherCount }
    @inline(__always)
    var isEmpty: Bool { lowest.isEmpty && higherCount == 0 }
    /// Octets of all bodies.
    @inline(__always)
    var bodyBytes: Int { lowest.bodyBytes &+ higherBytes }

    /// Adds a message behind all others of its priority.
    @inline(__always)
    mutating func append(_ entry: QueueEntry) {
        if entry.terms.priority == 0 {
            lowest.append(entry)
        } else {
            level(for: entry).state.append(entry)
        }
    }

    /// Removes and returns the message that is next, wherever it is.
    @inline(__always)
    mutating func popFirst() -> QueueEntry? {
        higherCount > 0 ? popHigher() : lowest.popFirst()
    }

    /// The message `popFirst` would return.
    @inline(__always)
    var first: QueueEntry? { higherCount > 0 ? firstHigher : lowest.first }

    /// Puts a message back to its old place among those of its priority.
    mutating func putBack(_ entry: QueueEntry) {
        if entry.terms.priority == 0 {
            lowest.putBack(entry)
        } else {
            level(for: entry).state.putBack(entry)
        }
    }

    /// The message at a position in a queue with groups, which has one priority.
    func find(_ position: UInt64) -> QueueEntry? { lowest.find(position) }

    /// Takes out the message at a position in a queue with groups; `nil` when there is none.
    mutating func removeAnywhere(_ position: UInt64) -> QueueEntry? {
        lowest.removeAnywhere(position)
    }

    /// Adds a message that is on disk only behind others of its priority that all are.
    mutating func restore(_ entry: QueueEntry) {
        if entry.terms.priority == 0 {
            lowest.restore(entry)
        } else {
            level(for: entry).state.restore(entry)
        }
    }

    /// The level a message is being added to.
    @inline(never)
    private mutating func level(for entry: QueueEntry) -> Handle<ReadyLevel> {
        higherCount += 1
        higherBytes += Int(entry.bodySize)
        return levels.occupied(entry.terms.priority)
    }

    /// The levels above the lowest, from now on.
    private var levels: Handle<PriorityLevelsState> {
        mutating get {
            if let higher { return higher }
            let made = Handle(PriorityLevelsState())
            higher = made
            return made
        }
    }

    @inline(never)
    private mutating func popHigher() -> QueueEntry? {
        guard let level = higher?.top, let entry = level.state.popFirst() else {
            preconditionFailure("levels said to hold messages are empty")
        }
        forget(entry, of: level)
        return entry
    }

    private mutating func forget(_ entry: QueueEntry, of level: Handle<ReadyLevel>) {
        higherCount -= 1
        higherBytes -= Int(entry.bodySize)
        if level.state.isEmpty { higher?.vacate(entry.terms.priority) }
    }

    /// Takes the message with a position out, unless it came back before.
    mutating func remove(_ position: UInt64, priority: UInt8) -> QueueEntry? {
        guard priority > 0 else { return lowest.remove(position) }
        let level = existing(priority)
        guard let entry = level.state.remove(position) else { return nil }
        forget(entry, of: level)
        return entry
    }

    /// Removes and returns the first message of a priority, not regarding what came back.
    mutating func popFirstOfList(_ priority: UInt8) -> QueueEntry? {
        guard priority > 0 else { return lowest.popFirstOfList() }
        let level = existing(priority)
        guard let entry = level.state.popFirstOfList() else { return nil }
        forget(entry, of: level)
        return entry
    }

    /// Takes those of a priority that came back and have ended by now; see `ReadyLevel`.
    mutating func takeReturned(
        _ priority: UInt8,
        endedAt now: Instant,
        atMost countMax: Int
    ) -> (ended: [QueueEntry], next: Instant?) {
        guard priority > 0 else { return lowest.takeReturned(endedAt: now, atMost: countMax) }
        let level = existing(priority)
        let taken = level.state.takeReturned(endedAt: now, atMost: countMax)
        for entry in taken.ended { forget(entry, of: level) }
        return taken
    }

    /// Forgets the timers of all levels.
    ///
    /// - Returns: Those that were set.
    mutating func takeTimers() -> [TimerWheel<TimerEvent>.ID] {
        var timers = lowest.takeTimers()
        higher?.state.table.forEach { timers += $0.state.takeTimers() }
        return timers
    }

    private var firstHigher: QueueEntry? { higher?.state.highest?.state.first }
}

/// Access to entries by position, whatever their priority.
extension ReadyMessages {
    /// Lets `body` change the entry at a position, wherever it stands; its position stays.
    ///
    /// - Returns: Whether there is one.
    mutating func update(at position: UInt64, _ body: (inout QueueEntry) -> Void) -> Bool {
        var priority: UInt8? = highestPriority
        var hint = UInt64.max
        while let level = priority {
            if self[level].update(at: position, hint: &hint, body) { return true }
            priority = self.priority(below: level)
        }
        return false
    }
}

/// Access to the levels one by one, for paging.
extension ReadyMessages {
    /// The messages of one priority, which has had some.
    subscript(priority: UInt8) -> ReadyLevel {
        _read {
            if priority == 0 {
                yield lowest
            } else {
                yield existing(priority).state
            }
        }
        _modify {
            if priority == 0 {
                yield &lowest
            } else {
                yield &existing(priority).state
            }
        }
    }

    /// Makes sure that there is a level for a priority.
    mutating func makeLevel(_ priority: UInt8) {
        if priority > 0 { levels.make(priority) }
    }

    /// Whether a message of this priority has ever waited.
    func hasLevel(_ priority: UInt8) -> Bool {
        priority == 0 || higher?.state.table[UInt16(priority)] != nil
    }

    private func existing(_ priority: UInt8) -> Handle<ReadyLevel> {
        guard let level = higher?.state.table[UInt16(priority)] else {
            preconditionFailure("no message of this priority has ever come")
        }
        return level
    }

    /// The highest priority that has messages; 0 when none has.
    var highestPriority: UInt8 { higher?.state.occupied.highest ?? 0 }

    /// The highest priority below another one that has messages; 0 always counts as such.
    func priority(below priority: UInt8) -> UInt8? {
        priority == 0 ? nil : higher?.state.occupied.highest(below: priority)
    }

    /// Whether some message may be on disk only.
    @inline(__always)
    var hasPaged: Bool { lowest.hasPaged || (higherCount > 0 && isHigherPaged) }

    private var isHigherPaged: Bool {
        guard let occupied = higher?.state.occupied else { return false }
        var priority = occupied.highest
        while priority > 0 {
            if existing(priority).state.hasPaged { return true }
            priority = occupied.highest(below: priority)
        }
        return false
    }
}
