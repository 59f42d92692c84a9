/// The messages of a queue that have the same value of its group header.
///
/// There is one as long as messages of it wait or are out: about 200 octets, and 8 for each message
/// that waits.
typealias MessageGroup = Handle<MessageGroupState>

/// The state behind a `MessageGroup` handle.
struct MessageGroupState: ~Copyable {
    /// The hash of the value; 0 for the messages without one, which nobody ever owns.
    let hash: UInt64
    /// Its number in the queue's table.
    let number: UInt32

    /// Positions of messages that have not been handed out, rising.
    fileprivate var waiting = Ring<UInt64>()
    /// Positions of messages that came back: all are before those above.
    fileprivate var returned = SortedList<ReturnedPosition>()
    /// Of those in `waiting`, how many have left from the middle.
    fileprivate var goneCount = 0

    /// Messages handed out and not settled.
    var unackedCount = 0
    /// Who has them; `nil` when nobody has, or a channel by basic.get.
    var owner: Consumer?
    /// Something came back: nothing more is handed out before all that is out has been settled.
    var isHeld = false
    var place = Place.nowhere
    fileprivate var heapIndex = 0

    /// Where a group with waiting messages stands; without any it stands nowhere.
    enum Place: UInt8, BitwiseCopyable {
        /// Nothing waits, or all that is out must be settled first.
        case nowhere
        /// Any consumer may take its next message.
        case free
        /// Its owner may, and it is the owner's first such group.
        case offered
        /// Its owner may, but has another group that is before it, or no credit.
        case kept
        /// Its next message is being read from disk.
        case reading
    }

    /// The position of a message that came back.
    fileprivate struct ReturnedPosition: Positioned {
        let position: UInt64
    }

    init(hash: UInt64, number: UInt32) {
        self.hash = hash
        self.number = number
    }
}

extension Handle where State == MessageGroupState {
    /// The position of its next message; `nil` when none waits.
    var head: UInt64? { state.returned.first?.position ?? state.waiting.first }

    /// Whether one consumer at a time gets its messages.
    var isOrdered: Bool { state.hash != 0 }

    /// Adds a position behind all others.
    func append(_ position: UInt64) { state.waiting.append(position) }

    /// Puts a position back that was handed out.
    func putBack(_ position: UInt64) { state.returned.insert(.init(position: position)) }

    /// Takes the first position off.
    ///
    /// - Parameter isLive: Whether a message is still there; those that have left are passed over.
    /// - Returns: The position; `nil` when nothing waits.
    func popHead(_ isLive: (UInt64) -> Bool) -> UInt64? {
        let head = state.returned.popFirst()?.position ?? state.waiting.popFirst()
        dropGone(isLive)
        return head
    }

    /// A message has left that was not the next one to be handed out, or was.
    func forget(_ position: UInt64, _ isLive: (UInt64) -> Bool) {
        if state.returned.remove(position) != nil { return }
        state.goneCount += 1
        dropGone(isLive)
        if state.goneCount > 64, state.goneCount > state.waiting.count / 2 { rewrite(isLive) }
    }

    /// Invariant: the first of those that wait is there.
    private func dropGone(_ isLive: (UInt64) -> Bool) {
        while state.goneCount > 0, let first = state.waiting.first, !isLive(first) {
            _ = state.waiting.popFirst()
            state.goneCount -= 1
        }
    }

    private func rewrite(_ isLive: (UInt64) -> Bool) {
        var fresh = Ring<UInt64>()
        for index in 0..<state.waiting.count where isLive(state.waiting[index]) {
            fresh.append(state.waiting[index])
        }
        swap(&state.waiting, &fresh)
        state.goneCount = 0
    }

    /// Calls `body` with the next positions, those that came back first, until it returns `false`.
    ///
    /// There may be some of messages that have left.
    func forEachWaiting(_ body: (UInt64) -> Bool) {
        guard state.returned.forEach({ body($0.position) }) else { return }
        for index in 0..<state.waiting.count {
            guard body(state.waiting[index]) else { return }
        }
    }
}

/// Groups with waiting messages, the one whose next message is the oldest first.
struct GroupHeap {
    private var groups: [MessageGroup] = []

    var first: MessageGroup? { groups.first }
    var count: Int { groups.count }

    /// Adds a group whose next message stays the same while it is in here.
    mutating func insert(_ group: MessageGroup) {
        group.state.heapIndex = groups.count
        groups.append(group)
        rise(groups.count - 1)
    }

    mutating func remove(_ group: MessageGroup) {
        let index = group.state.heapIndex
        precondition(groups[index] == group, "a group that is not in this heap")
        swapGroups(index, groups.count - 1)
        groups.removeLast()
        guard index < groups.count else { return }
        rise(index)
        sink(index)
    }

    mutating func popFirst() -> MessageGroup? {
        guard let first = groups.first else { return nil }
        remove(first)
        return first
    }

    private mutating func rise(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { return }
            swapGroups(child, parent)
            child = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < groups.count else { return }
            if child + 1 < groups.count, isBefore(child + 1, child) { child += 1 }
            guard isBefore(child, parent) else { return }
            swapGroups(child, parent)
            parent = child
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (groups[left].head ?? 0) < (groups[right].head ?? 0)
    }

    private mutating func swapGroups(_ left: Int, _ right: Int) {
        groups.swapAt(left, right)
        groups[left].state.heapIndex = left
        groups[right].state.heapIndex = right
    }
}
