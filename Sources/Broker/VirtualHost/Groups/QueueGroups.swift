import Wire

/// The groups of a queue with x-group-header: which message may go to whom next.
///
/// A group whose messages are out belongs to who has them, and only he gets more of them; once all
/// are settled it is anybody's. Waiting messages stand in the queue's list like all others, and
/// by their positions in their groups. So the next message for a consumer is found without passing
/// over those of others:
///
///     free      groups nobody has, the one with the oldest message first
///     offered   of each consumer with credit, the group of his with the oldest message
///     kept      of each consumer, his other groups (in `ConsumerState`)
///
/// Adding, handing out and settling a message takes a number of steps that grows with the logarithm
/// of the number of groups, whatever waits.
typealias QueueGroups = Handle<QueueGroupsState>

/// The state behind a `QueueGroups` handle.
struct QueueGroupsState: ~Copyable {
    /// The group of each message that has one, or waits.
    fileprivate var positions = PositionTable()
    fileprivate var numbers: [UInt64: UInt32] = [:]
    fileprivate var groups = Slab<MessageGroup>()
    fileprivate var freeNumbers: [UInt32] = []
    fileprivate var free = GroupHeap()
    fileprivate var offered = GroupHeap()
    /// Groups that wait for their next message to be read from disk.
    fileprivate(set) var reading: [MessageGroup] = []

    /// Groups that wait for the disk at once; more wait for those to be done.
    static let readingCountMax = 1024

    init() {}
}

extension Handle where State == QueueGroupsState {
    /// Groups with messages that wait or are out, the messages without a group as one.
    var count: Int { state.numbers.count }

    /// Adds a message behind all others.
    func add(_ position: UInt64, _ hash: UInt64) {
        let group = group(hash)
        state.positions.set(group.state.number, at: position)
        let isFirst = group.head == nil
        group.append(position)
        if isFirst { place(group) }
    }

    /// A message has left that waited.
    func leave(_ position: UInt64) {
        guard let group = take(position) else { return }
        unplace(group)
        group.forget(position, isLive)
        place(group)
    }

    /// Hands the next message of a group out.
    ///
    /// - Parameters:
    ///   - group: One with waiting messages, which is its taker's or nobody's.
    ///   - owner: Who gets it; `nil` for basic.get.
    ///   - isSettled: It is settled by that.
    /// - Returns: The position of the message.
    func hand(_ group: MessageGroup, to owner: Consumer?, isSettled: Bool = false) -> UInt64 {
        guard let position = group.head else { preconditionFailure("handing out nothing") }
        unplace(group)
        if isSettled || !group.isOrdered {
            state.positions.remove(position)
        } else {
            group.state.unackedCount += 1
            group.state.owner = owner
        }
        _ = group.popHead(isLive)
        place(group)
        return position
    }

    /// Takes away what says to which group a message belongs.
    ///
    /// - Returns: The group, which stays as long as the message counts as unacknowledged.
    func take(_ position: UInt64) -> MessageGroup? {
        let number = state.positions.remove(position)
        return number == 0 ? nil : state.groups[number]
    }

    /// The messages without a group.
    var withoutHeader: MessageGroup { group(0) }

    /// A message that was handed out waits again.
    func putBack(_ position: UInt64, to group: MessageGroup) {
        state.positions.set(group.state.number, at: position)
        unplace(group)
        group.putBack(position)
        group.state.isHeld = true
        place(group)
    }

    /// A message of a group that was handed out has been settled, or is back.
    func release(_ group: MessageGroup) {
        unplace(group)
        group.state.unackedCount -= 1
        if group.state.unackedCount == 0 {
            group.state.owner = nil
            group.state.isHeld = false
        }
        place(group)
    }

    /// Ends everything; the queue goes.
    func destroyAll() {
        for number in state.numbers.values { state.groups[number].destroy() }
        destroy()
    }

    private var isLive: (UInt64) -> Bool { { position in state.positions[position] != 0 } }

    private func group(_ hash: UInt64) -> MessageGroup {
        if let number = state.numbers[hash] { return state.groups[number] }
        let number = state.freeNumbers.popLast() ?? UInt32(state.groups.count + 1)
        let group = MessageGroup(MessageGroupState(hash: hash, number: number))
        if number > state.groups.count {
            _ = state.groups.append(group)
        } else {
            state.groups[number] = group
        }
        state.numbers[hash] = number
        return group
    }

    private func destroyIfUnused(_ group: MessageGroup) {
        guard group.state.unackedCount == 0 else { return }
        state.numbers[group.state.hash] = nil
        state.freeNumbers.append(group.state.number)
        group.destroy()
    }
}

/// Where groups stand.
extension Handle where State == QueueGroupsState {
    /// The group nobody has whose next message is the oldest.
    var firstFree: MessageGroup? { state.free.first }

    /// The group whose next message is the oldest of those somebody may take.
    ///
    /// The owner of one that is offered may have lost his credit since.
    var first: MessageGroup? {
        guard let free = state.free.first else { return state.offered.first }
        guard let offered = state.offered.first else { return free }
        guard let left = free.head, let right = offered.head, right < left else { return free }
        return offered
    }

    /// Puts a group where it belongs now; one of which nothing is left goes.
    private func place(_ group: MessageGroup) {
        guard let head = group.head else { return destroyIfUnused(group) }
        guard group.state.unackedCount > 0 else {
            group.state.place = .free
            return state.free.insert(group)
        }
        // What came back waits for what is still out: that may come back, too, and is before it.
        guard let owner = group.state.owner, owner.state.standing != .gone, !group.state.isHeld
        else { return }
        if let other = owner.state.offeredGroup {
            guard let first = other.head, head < first else { return keep(group, owner) }
            state.offered.remove(other)
            owner.state.offeredGroup = nil
            keep(other, owner)
        } else if owner.state.standing != .inTurn {
            return keep(group, owner)
        }
        offer(group, owner)
    }

    private func keep(_ group: MessageGroup, _ owner: Consumer) {
        group.state.place = .kept
        owner.state.keptGroups.insert(group)
    }

    private func offer(_ group: MessageGroup, _ owner: Consumer) {
        group.state.place = .offered
        owner.state.offeredGroup = group
        state.offered.insert(group)
    }

    /// Takes a group from where it stands.
    private func unplace(_ group: MessageGroup) {
        switch group.state.place {
        case .nowhere: return
        case .free: state.free.remove(group)
        case .offered:
            state.offered.remove(group)
            group.state.owner?.state.offeredGroup = nil
            if let owner = group.state.owner { offerNext(of: owner) }
        case .kept: group.state.owner?.state.keptGroups.remove(group)
        case .reading: state.reading.removeAll { $0 == group }
        }
        group.state.place = .nowhere
    }

    /// Offers a consumer, who has credit, the group of his with the oldest message.
    func offerNext(of owner: Consumer) {
        guard owner.state.offeredGroup == nil, owner.state.standing == .inTurn,
            let group = owner.state.keptGroups.popFirst()
        else { return }
        offer(group, owner)
    }

    /// A consumer has no credit: nothing is offered to him.
    func withdraw(from owner: Consumer) {
        guard let group = owner.state.offeredGroup else { return }
        state.offered.remove(group)
        owner.state.offeredGroup = nil
        keep(group, owner)
    }

    /// A consumer has gone: nobody gets more of his groups until what he has is settled.
    func forget(_ owner: Consumer) {
        withdraw(from: owner)
        while let group = owner.state.keptGroups.popFirst() { group.state.place = .nowhere }
    }

    /// Sets a group aside until its next message has been read.
    func setAside(_ group: MessageGroup) {
        unplace(group)
        group.state.place = .reading
        state.reading.append(group)
    }

    /// What was set aside stands where it belongs again.
    func endReading() {
        let groups = state.reading
        state.reading = []
        for group in groups {
            group.state.place = .nowhere
            place(group)
        }
    }
}
