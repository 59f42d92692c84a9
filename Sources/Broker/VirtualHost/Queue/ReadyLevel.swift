/// The messages of one priority that wait for a consumer, in order of their positions.
///
/// New messages have the highest position and go to the end of a list. Messages that come back
/// (nack, reject, a consumer that went away) belong before others: they wait elsewhere, and the
/// next message is the lower of the first ones of both. So a requeue costs O(log n) of what came
/// back, and nothing for anybody else.
///
/// A message that leaves from the middle of the list (it has expired) leaves its entry behind, as
/// one that is nowhere; the first entry is never such a one.
///
/// A stretch in the middle of the list may be paged: its messages are on disk only, or on their
/// way there. What stands before it is in memory, or being read; what stands behind it came later
/// and is in memory. Of those that came back any may be paged.
struct ReadyLevel: ~Copyable {
    private var list = EntryList()
    private var returned = ReturnedEntries()
    /// Octets of all bodies.
    private(set) var bodyBytes = 0
    /// The paged stretch of the list, by the numbers of its entries.
    private var stretch: Range<UInt64> = 0..<0
    /// Entries of the list whose messages are nowhere.
    private var goneCount = 0
    /// Ends the messages at the front of the list, where they end in the order they came.
    var frontTimer = TimerWheel<TimerEvent>.ID.none
    /// The latest end in the list since the queue gives its messages one: what ends sooner needs a
    /// timer of its own.
    var frontDeadline = Instant.zero
    /// Messages that came back and have an end.
    private var returnedEnds = ReturnedEnds()
    /// Ends messages that came back.
    var returnedTimer = TimerWheel<TimerEvent>.ID.none
    /// Of what came back, all below this position was asked for where it was paged.
    private var askedThrough: UInt64 = 0
    /// How many of those are left, at most.
    private var askedCount = 0

    @inline(__always)
    var count: Int { list.count &- goneCount &+ returned.count }
    @inline(__always)
    var isEmpty: Bool { list.count == 0 && returned.count == 0 }

    /// Adds a message behind all others.
    @inline(__always)
    mutating func append(_ entry: QueueEntry) {
        bodyBytes &+= Int(entry.bodySize)
        list.append(entry)
    }

    /// Removes and returns the message with the lowest position, wherever it is.
    @inline(__always)
    mutating func popFirst() -> QueueEntry? {
        if returned.count > 0 { return popReturned() }
        return popFirstOfList()
    }

    /// Removes and returns the first message of the list, not regarding what came back.
    @inline(__always)
    mutating func popFirstOfList() -> QueueEntry? {
        guard let entry = list.popFirst() else { return nil }
        bodyBytes &-= Int(entry.bodySize)
        if goneCount > 0 { dropGone() }
        return entry
    }

    /// The message `popFirst` would return.
    @inline(__always)
    var first: QueueEntry? {
        returned.count == 0 ? list.first : lowerFirst
    }

    /// Looks at some of the messages that are next, which brings them into the processor's caches.
    ///
    /// - Parameter seen: Takes up what was read, which says nothing.
    /// - Returns: How many messages later to do it again.
    func lookAhead(into seen: inout UInt8) -> Int { list.lookAhead(into: &seen) }

    private var lowerFirst: QueueEntry? { isReturnedFirst ? returned.first : list.first }

    /// Whether the next message is one that came back.
    var isReturnedFirst: Bool {
        guard let first = returned.first else { return false }
        guard let next = list.first else { return true }
        return first.position < next.position
    }

    /// Puts a message back to its old place.
    mutating func putBack(_ entry: QueueEntry) {
        bodyBytes += Int(entry.bodySize)
        returned.insert(entry)
        if entry.terms.isTimed {
            returnedEnds.add(entry)
            if returnedEnds.isWasteful { noteEndsAnew() }
        }
        guard entry.position < askedThrough else { return }
        if entry.isPaged { askAgain(from: entry.position) } else { askedCount += 1 }
    }

    private mutating func popReturned() -> QueueEntry? {
        guard isReturnedFirst, let entry = returned.popFirst() else { return popFirstOfList() }
        forgetReturned(entry)
        return entry
    }

    /// One of those that came back has left.
    private mutating func forgetReturned(_ entry: QueueEntry) {
        bodyBytes -= Int(entry.bodySize)
        if entry.terms.isTimed { returnedEnds.remove(entry) }
        if askedCount > 0 { askedCount -= 1 }
    }

    private mutating func noteEndsAnew() {
        var ends = ReturnedEnds()
        returned.forEach { entry in
            ends.add(entry)
            return true
        }
        returnedEnds = ends
    }
}

/// Messages that leave from anywhere.
extension ReadyLevel {
    /// With fewer entries whose messages are nowhere the list is not written anew for them.
    private static let goneCountKept = 1024

    /// Takes the message with a position out of the list, wherever it stands.
    ///
    /// - Returns: `nil` when it is not in the list.
    mutating func remove(_ position: UInt64) -> QueueEntry? {
        let number = list.lowerBound(of: position)
        guard number < list.endNumber, list[number].position == position else { return nil }
        if number == list.firstNumber { return popFirstOfList() }
        let entry = list[number]
        guard entry.place != .gone else { return nil }
        bodyBytes -= Int(entry.bodySize)
        list[number].place = .gone
        goneCount += 1
        if goneCount > Self.goneCountKept, goneCount > list.count / 2 { rewrite() }
        return entry
    }

    /// The message at a position, wherever it stands.
    func find(_ position: UInt64) -> QueueEntry? {
        if let entry = returned.entry(position) { return entry }
        return numberInList(position).map { list[$0] }
    }

    /// Takes out the message at a position, wherever it stands.
    mutating func removeAnywhere(_ position: UInt64) -> QueueEntry? {
        guard let entry = returned.remove(position) else { return remove(position) }
        forgetReturned(entry)
        return entry
    }

    /// The same, by trying a number before searching; the hint moves on.
    private func numberInList(_ position: UInt64, hint: inout UInt64) -> UInt64? {
        let isKnown =
            numbers.contains(hint) && list[hint].position == position && list[hint].place != .gone
        guard let number = isKnown ? hint : numberInList(position) else { return nil }
        hint = number + 1
        return number
    }

    /// The number of the message at a position, if it is in the list.
    private func numberInList(_ position: UInt64) -> UInt64? {
        let number = list.lowerBound(of: position)
        guard number < list.endNumber, list[number].position == position,
            list[number].place != .gone
        else { return nil }
        return number
    }

    private mutating func dropGone() {
        while let entry = list.first, entry.place == .gone {
            _ = list.popFirst()
            goneCount -= 1
        }
    }

    /// Writes the list anew without the entries whose messages are nowhere.
    private mutating func rewrite() {
        var fresh = EntryList()
        var start: UInt64 = 0
        var end: UInt64 = 0
        let old = pagedStretch
        while case let number = list.firstNumber, let entry = list.popFirst() {
            guard entry.place != .gone else { continue }
            if number < old.lowerBound { start += 1 }
            if number < old.upperBound { end += 1 }
            fresh.append(entry)
        }
        swap(&list, &fresh)
        goneCount = 0
        stretch = start..<max(start, end)
    }

    /// Forgets its timers.
    ///
    /// - Returns: Those that were set.
    mutating func takeTimers() -> [TimerWheel<TimerEvent>.ID] {
        defer {
            frontTimer = .none
            returnedTimer = .none
        }
        return [frontTimer, returnedTimer].filter { $0 != .none }
    }

    /// Takes those that came back and have ended by now, the one that ended first in front.
    ///
    /// - Parameters:
    ///   - now: The present.
    ///   - countMax: How many are taken at most.
    /// - Returns: What is taken, and when to look again.
    mutating func takeReturned(
        endedAt now: Instant,
        atMost countMax: Int
    ) -> (ended: [QueueEntry], next: Instant?) {
        var ended: [QueueEntry] = []
        while ended.count < countMax, let position = returnedEnds.takeDue(at: now) {
            guard let deadline = returned.entry(position)?.terms.deadline, deadline <= now,
                let entry = returned.remove(position)
            else { continue }
            forgetReturned(entry)
            ended.append(entry)
        }
        return (ended, returnedEnds.next)
    }
}

/// Entries by their position.
extension ReadyLevel {
    /// Lets `body` change the entry at a position, wherever it stands; its position stays.
    ///
    /// - Parameters:
    ///   - position: Its position.
    ///   - hint: The number in the list to try before searching; moves on.
    ///   - body: Changes it.
    /// - Returns: Whether there is one.
    mutating func update(
        at position: UInt64,
        hint: inout UInt64,
        _ body: (inout QueueEntry) -> Void
    ) -> Bool {
        guard let number = numberInList(position, hint: &hint) else {
            return returned.update(at: position, body)
        }
        body(&list[number])
        return true
    }

    /// The same, but for what is about to be handed out: that is in the list and was read ahead.
    mutating func updateUnneeded(
        at position: UInt64,
        hint: inout UInt64,
        _ body: (inout QueueEntry) -> Void
    ) {
        if let number = numberInList(position, hint: &hint) {
            if pagedStretch.contains(number) { body(&list[number]) }
        } else {
            _ = returned.update(at: position, body)
        }
    }

    /// Calls `body` with what has come back, in order, until it returns `false`.
    func forEachReturned(_ body: (QueueEntry) -> Bool) { returned.forEach(body) }
}

/// Paging: what has come back.
extension ReadyLevel {
    /// Whether some of it may be on disk only.
    @inline(__always)
    var hasPagedReturned: Bool { returned.residentCount != returned.count }

    /// Whether some of it is in memory.
    var hasResidentReturned: Bool { returned.residentCount > 0 }

    /// How many messages that came back are next and need not be asked for.
    var returnedAheadCount: Int { hasPagedReturned ? askedCount : returned.count }

    /// Asks again for those from a position on.
    private mutating func askAgain(from position: UInt64) {
        askedThrough = min(askedThrough, position)
        askedCount = 0
    }

    /// What of it is to be read next.
    ///
    /// - Parameter window: Octets to be looked at, at most.
    /// - Returns: What is on disk only, and how many messages were looked at.
    mutating func askForReturned(_ window: Int) -> (items: [PageRequest.Item], count: Int) {
        if let first = returned.first, first.isPaged { askAgain(from: first.position) }
        var items: [PageRequest.Item] = []
        var bytes = 0
        var count = 0
        var end = askedThrough
        returned.forEach(from: askedThrough) { entry in
            guard bytes < window else { return false }
            bytes += Int(entry.bodySize) + PagingState.messageOverhead
            if entry.isPaged, entry.place != .lost { items.append(.init(entry)) }
            count += 1
            end = entry.position + 1
            return true
        }
        askedThrough = end
        askedCount += count
        return (items, count)
    }

    /// Lets `body` page out what is in memory, the last one first, until it returns `false`.
    ///
    /// - Parameters:
    ///   - withAsked: Whether what was read ahead goes, too.
    ///   - body: Changes an entry.
    mutating func pageOutReturned(withAsked: Bool, _ body: (inout QueueEntry) -> Bool) {
        returned.updateResidents(from: withAsked ? 0 : askedThrough, body)
    }

    /// Asks again for a message that was copied elsewhere while it was being read.
    mutating func askAgain(for position: UInt64) {
        if let number = numberInList(position) {
            widenStretch(to: number)
        } else {
            askAgain(from: position)
        }
    }
}

/// Paging: entries by their number in the list, and the paged stretch.
extension ReadyLevel {
    /// The numbers of all entries in the list.
    var numbers: Range<UInt64> { list.firstNumber..<list.endNumber }

    /// The paged stretch, without what has left at the front since.
    var pagedStretch: Range<UInt64> {
        get {
            let start = max(stretch.lowerBound, list.firstNumber)
            return start..<max(start, stretch.upperBound)
        }
        set {
            precondition(newValue.upperBound <= list.endNumber, "paging what is not there")
            stretch = newValue
        }
    }

    /// Makes an entry part of the paged stretch again, which may then begin earlier.
    private mutating func widenStretch(to number: UInt64) {
        let old = pagedStretch
        pagedStretch =
            old.isEmpty
            ? number..<number + 1
            : min(old.lowerBound, number)..<max(old.upperBound, number + 1)
    }

    /// Whether some message may be on disk only.
    @inline(__always)
    var hasPaged: Bool { hasPagedStretch || hasPagedReturned }

    /// The same for those of the list.
    @inline(__always)
    var hasPagedStretch: Bool { stretch.upperBound > list.firstNumber && !stretch.isEmpty }

    /// The first entry of the list, not regarding what came back.
    var firstOfList: QueueEntry? { list.first }

    /// The entry of a number in the list.
    func entry(_ number: UInt64) -> QueueEntry { list[number] }

    /// Lets `body` change the entry of a number in the list; its position stays.
    mutating func update<Result>(
        _ number: UInt64,
        _ body: (inout QueueEntry) -> Result
    ) -> Result {
        body(&list[number])
    }

    /// Adds a message that is on disk only behind others that all are.
    mutating func restore(_ entry: QueueEntry) {
        precondition(entry.isPaged && stretch.upperBound == list.endNumber, "restoring too late")
        append(entry)
        stretch = stretch.lowerBound..<list.endNumber
    }
}
