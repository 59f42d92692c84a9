/// The messages of one priority that wait for a consumer, in order of their positions.
///
/// New messages have the highest position and go to the end of a list. Messages that come back
/// (nack, reject, a consumer that went away) belong before others: they wait in a binary heap, and
/// the next message is the lower of the list's first and the heap's top. So a requeue costs
/// O(log n) of what came back, whatever the order of the nacks, and nothing for anybody else.
///
/// A message that leaves from the middle of the list (it has expired) leaves its entry behind, as
/// one that is nowhere; the first entry is never such a one.
///
/// A stretch in the middle of the list may be paged: its messages are on disk only, or on their
/// way there. What stands before it is in memory, or being read; what stands behind it came later
/// and is in memory.
struct ReadyLevel: ~Copyable {
    private var list = EntryList()
    private var returned = Ring<QueueEntry>()
    /// Octets of all bodies.
    private(set) var bodyBytes = 0
    /// The paged stretch of the list, by the numbers of its entries.
    private var stretch: Range<UInt64> = 0..<0
    /// Entries whose messages are nowhere, of the list and of what came back.
    private var goneCount = 0
    /// Ends the messages at the front of the list, where they end in the order they came.
    var frontTimer = TimerWheel<TimerEvent>.ID.none
    /// The latest end in the list that `frontTimer` sees to.
    var frontDeadline = Instant.zero
    /// Messages that came back and have an end.
    private var returnedEnds = ReturnedEnds()
    /// What came back stands in order, and not in a heap.
    private var isInOrder = false
    /// Ends messages that came back.
    var returnedTimer = TimerWheel<TimerEvent>.ID.none

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

    private var lowerFirst: QueueEntry? {
        guard let top = returned.first else { return list.first }
        guard let next = list.first else { return top }
        return top.position < next.position ? top : next
    }

    /// Puts a message back to its old place.
    mutating func putBack(_ entry: QueueEntry) {
        bodyBytes += Int(entry.bodySize)
        if entry.terms.isTimed { returnedEnds.add(entry) }
        returned.append(entry)
        var child = returned.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard returned[child].position < returned[parent].position else { break }
            swapReturned(child, parent)
            child = parent
        }
    }

    private mutating func popReturned() -> QueueEntry? {
        guard let top = returned.first else { return nil }
        if let next = list.first, next.position < top.position {
            return popFirstOfList()
        }
        bodyBytes -= Int(top.bodySize)
        if top.terms.isTimed { returnedEnds.remove(top.position) }
        dropReturned()
        if returnedEnds.endedCount > 0 { dropEnded() }
        return top
    }

    /// Takes the top off the heap.
    private mutating func dropReturned() {
        let last = returned.count - 1
        swapReturned(0, last)
        _ = returned.popLast()
        sink(0, below: last)
    }

    /// Drops entries at the top of the heap whose messages have ended: the first is never one.
    private mutating func dropEnded() {
        while let top = returned.first, returnedEnds.hasEnded(top.position) {
            dropReturned()
            forgetEnded(top.position)
        }
    }

    private mutating func forgetEnded(_ position: UInt64) {
        returnedEnds.forget(position)
        goneCount -= 1
    }

    /// Moves an entry of the heap down to where it belongs among the first `last`.
    private mutating func sink(_ start: Int, below last: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < last else { break }
            if child + 1 < last, returned[child + 1].position < returned[child].position {
                child += 1
            }
            guard returned[child].position < returned[parent].position else { break }
            swapReturned(child, parent)
            parent = child
        }
    }

    private mutating func swapReturned(_ left: Int, _ right: Int) {
        guard left != right else { return }
        let entry = returned[left]
        returned[left] = returned[right]
        returned[right] = entry
    }
}

/// Messages that leave from anywhere.
extension ReadyLevel {
    /// Messages that came back and are taken at once because they have ended.
    private static let endedCountMax = 4096
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
        let goneOfList = goneCount - returnedEnds.endedCount
        if goneOfList > Self.goneCountKept, goneOfList > list.count / 2 { rewrite() }
        return entry
    }

    /// The message at a position, where what came back stands in order.
    func find(_ position: UInt64) -> QueueEntry? {
        if let index = indexOfReturned(position) { return returned[index] }
        let number = list.lowerBound(of: position)
        guard number < list.endNumber, list[number].position == position,
            list[number].place != .gone
        else { return nil }
        return list[number]
    }

    /// Takes out the message at a position, where what came back stands in order.
    mutating func removeAnywhere(_ position: UInt64) -> QueueEntry? {
        guard let index = indexOfReturned(position) else { return remove(position) }
        let entry = returned.remove(at: index)
        if entry.terms.isTimed { returnedEnds.remove(position) }
        bodyBytes -= Int(entry.bodySize)
        return entry
    }

    /// Puts a message back to its place among those that came back, all of them in order.
    ///
    /// - Complexity: O(1) when they come back in order, from either end.
    mutating func putInOrder(_ entry: QueueEntry) {
        bodyBytes += Int(entry.bodySize)
        isInOrder = true
        if entry.terms.isTimed { returnedEnds.add(entry) }
        returned.insert(entry, at: lowerBoundOfReturned(entry.position))
    }

    private func indexOfReturned(_ position: UInt64) -> Int? {
        let index = lowerBoundOfReturned(position)
        return index < returned.count && returned[index].position == position ? index : nil
    }

    private func lowerBoundOfReturned(_ position: UInt64) -> Int {
        var low = 0
        var high = returned.count
        while low < high {
            let middle = (low + high) / 2
            if returned[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
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
        goneCount = returnedEnds.endedCount
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
    /// - Parameter now: The present.
    /// - Returns: What is taken, some thousands at most, and when to look again.
    mutating func takeReturned(endedAt now: Instant) -> (ended: [QueueEntry], next: Instant?) {
        let taken = returnedEnds.takeEnded(at: now, countMax: Self.endedCountMax)
        for entry in taken.entries {
            bodyBytes -= Int(entry.bodySize)
            if isInOrder, let index = indexOfReturned(entry.position) {
                returned.remove(at: index)
                returnedEnds.forget(entry.position)
            } else {
                goneCount += 1
            }
        }
        dropEnded()
        if returnedEnds.endedCount > Self.goneCountKept,
            returnedEnds.endedCount > returned.count / 2
        {
            rewriteReturned()
        }
        return (taken.entries, taken.next)
    }

    /// Makes the heap anew without the entries whose messages have ended.
    private mutating func rewriteReturned() {
        var kept = 0
        for index in 0..<returned.count {
            let entry = returned[index]
            if returnedEnds.hasEnded(entry.position) {
                forgetEnded(entry.position)
            } else {
                returned[kept] = entry
                kept += 1
            }
        }
        while returned.count > kept { _ = returned.popLast() }
        for index in stride(from: kept / 2 - 1, through: 0, by: -1) { sink(index, below: kept) }
    }
}

/// Entries by their position.
extension ReadyLevel {
    /// Whether messages have come back and wait.
    var hasReturned: Bool { !returned.isEmpty }

    /// Lets `body` change the entry at a position in the list; its position stays.
    ///
    /// - Returns: Whether there is one.
    mutating func update(at position: UInt64, _ body: (inout QueueEntry) -> Void) -> Bool {
        let number = list.lowerBound(of: position)
        guard number < list.endNumber, list[number].position == position,
            list[number].place != .gone
        else { return false }
        body(&list[number])
        return true
    }

    /// Lets `body` change what has come back; positions stay.
    mutating func updateReturned(_ body: (inout QueueEntry) -> Void) {
        for index in 0..<returned.count
        where !returnedEnds.hasEnded(returned[index].position) {
            body(&returned[index])
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
    mutating func widenStretch(to number: UInt64) {
        let old = pagedStretch
        pagedStretch =
            old.isEmpty
            ? number..<number + 1
            : min(old.lowerBound, number)..<max(old.upperBound, number + 1)
    }

    /// Whether some message of the list may be on disk only.
    @inline(__always)
    var hasPaged: Bool { stretch.upperBound > list.firstNumber && !stretch.isEmpty }

    /// The first entry of the list, not regarding what came back.
    var firstOfList: QueueEntry? { list.first }

    /// The entry of a number in the list.
    func entry(_ number: UInt64) -> QueueEntry { list[number] }

    /// Notes where the message of an entry is now.
    mutating func setPlace(_ place: MessagePlace, of number: UInt64) { list[number].place = place }

    /// The number of the entry with a position.
    ///
    /// - Parameters:
    ///   - position: Its position.
    ///   - hint: A number to try before searching.
    /// - Returns: `nil` when the entry has left the list.
    func number(of position: UInt64, hint: UInt64) -> UInt64? {
        if numbers.contains(hint), list[hint].position == position { return hint }
        let number = list.lowerBound(of: position)
        return number < list.endNumber && list[number].position == position ? number : nil
    }

    /// Adds a message that is on disk only behind others that all are.
    mutating func restore(_ entry: QueueEntry) {
        precondition(entry.isPaged && stretch.upperBound == list.endNumber, "restoring too late")
        append(entry)
        stretch = stretch.lowerBound..<list.endNumber
    }
}
