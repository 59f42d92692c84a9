import Wire

/// Queues with x-group-header: the messages of a group go to one consumer at a time, in order.
extension Handle where State == QueueState {
    /// Adds a message to a group; it is handed out when the batch ends.
    func enqueue(
        _ entry: QueueEntry,
        inGroup group: UInt64,
        _ groups: QueueGroups
    ) -> EnqueueOutcome {
        if isFull(for: entry) {
            if state.turnFirst != nil { pump() }
            if state.settings.overflow != .dropHead, isFull(for: entry) { return refuse(entry) }
        }
        accept(entry)
        let hasTime = timeToLive(of: entry.message) != .zero
        state.ready.append(entry.terms.isTimed && hasTime ? timed(entry) : entry)
        groups.add(entry.position, group)
        guard hasTime else {
            // A consumer takes it now, or nobody does.
            pump(groups, arriving: entry.position)
            guard let late = state.ready.removeAnywhere(entry.position) else { return .stored }
            groups.leave(late.position)
            return dieOnArrival(withoutTimer(late), .expired)
        }
        let outcome = makeRoom(for: entry)
        if state.turnFirst != nil { state.virtualHost.schedule(self) }
        if state.virtualHost.state.paging.isActive { noteForPaging() }
        return outcome
    }

    /// Takes the oldest message, whatever its group.
    @inline(never)
    func takeOldest(of groups: QueueGroups) -> QueueEntry? {
        guard let first = state.ready.first, let entry = state.ready.removeAnywhere(first.position)
        else { return nil }
        groups.leave(entry.position)
        return withoutTimer(entry)
    }

    /// A message that waited has left by itself.
    func noteLeft(_ entry: QueueEntry) { state.groups?.leave(entry.position) }

    /// A message that was handed out has been settled for good.
    func settleGroup(of position: UInt64, _ groups: QueueGroups) {
        guard !state.isDeleted, let group = groups.take(position) else { return }
        groups.release(group)
        state.virtualHost.schedule(self)
    }

    /// Takes a message back that was handed out; its group is with whom it was until that is over.
    ///
    /// - Parameters:
    ///   - position: Of the message.
    ///   - groups: The queue's.
    ///   - body: Puts the message among those that wait, or lets it die.
    func requeue(_ position: UInt64, in groups: QueueGroups, _ body: () -> Void) {
        let group = groups.take(position)
        body()
        if state.ready.find(position) != nil {
            groups.putBack(position, to: group ?? groups.withoutHeader)
        }
        if let group { groups.release(group) }
        state.virtualHost.schedule(self)
    }
}

/// Handing out.
extension Handle where State == QueueState {
    /// Whether the next message of a group can be handed out.
    private enum Readiness {
        case ready
        /// It was over, or is lost, and has been let go.
        case gone
        case paged
    }

    /// Hands messages to consumers, the oldest first of those that somebody may have.
    ///
    /// - Parameters:
    ///   - groups: The queue's.
    ///   - arriving: The position of one that has just come and may go although its time is over.
    @inline(never)
    func pump(_ groups: QueueGroups, arriving: UInt64? = nil) {
        // While nobody can take anything, no owner can.
        while state.turnFirst != nil,
            groups.state.reading.count < QueueGroupsState.readingCountMax,
            let group = groups.first
        {
            switch look(at: group, groups, arriving: arriving) {
            case .gone: continue
            case .paged: groups.setAside(group)
            case .ready:
                if let consumer = taker(of: group, groups) {
                    let position = groups.hand(group, to: consumer)
                    deliverOne(remove(position), to: consumer)
                }
            }
        }
        readAside(groups)
    }

    private func look(
        at group: MessageGroup,
        _ groups: QueueGroups,
        arriving: UInt64? = nil
    ) -> Readiness {
        guard let head = group.head, let next = state.ready.find(head) else {
            preconditionFailure("a group with a message that is not in the queue")
        }
        if next.terms.isTimed, head != arriving, isDue(next.terms) {
            let entry = remove(head)
            groups.leave(head)
            end(entry)
            return .gone
        }
        guard next.isPaged else { return .ready }
        guard next.place == .lost else { return .paged }
        groups.leave(head)
        discard(remove(head))
        return .gone
    }

    /// Takes a message that waits out of the queue.
    private func remove(_ position: UInt64) -> QueueEntry {
        guard let entry = state.ready.removeAnywhere(position) else {
            preconditionFailure("a message that is not in the queue")
        }
        return withoutTimer(entry)
    }

    /// Who gets the next message of a group; `nil` when its owner, or everybody, is without credit.
    private func taker(of group: MessageGroup, _ groups: QueueGroups) -> Consumer? {
        guard group.state.place == .offered, let owner = group.state.owner else {
            return takeTurn()
        }
        if owner.state.standing == .inTurn, owner.canTake { return owner }
        groups.withdraw(from: owner)
        if owner.state.standing == .inTurn { block(owner) }
        return nil
    }

    // MARK: - basic.get

    /// Whether basic.get can be answered now; if not, the channel waits for the disk.
    func mayFetch(for channel: Channel, isNoAck: Bool, _ groups: QueueGroups) -> Bool {
        search: while let group = groups.firstFree {
            switch look(at: group, groups) {
            case .gone: continue
            case .ready: return true
            case .paged:
                groups.setAside(group)
                break search
            }
        }
        guard groups.state.reading.contains(where: { $0.state.unackedCount == 0 }) else {
            return true
        }
        suspend(channel, isNoAck: isNoAck)
        readAside(groups)
        return false
    }

    /// Takes what basic.get fetches: the oldest message of a group that nobody has.
    func fetch(isNoAck: Bool, _ groups: QueueGroups) -> QueueEntry? {
        groups.firstFree.map { remove(groups.hand($0, to: nil, isSettled: isNoAck)) }
    }
}

/// Messages of groups that are on disk only.
extension Handle where State == QueueState {
    /// Messages read for one group at once.
    private static var readCountMax: Int { 64 }

    /// Asks for the next messages of the groups that were set aside.
    private func readAside(_ groups: QueueGroups) {
        guard !groups.state.reading.isEmpty else {
            if !state.ready.hasPaged { forgetReader() }
            return
        }
        guard !state.isReading else { return }
        noteReader()
        let window = state.virtualHost.readAheadBytes
        var items: [PageRequest.Item] = []
        var bytes = 0
        for group in groups.state.reading {
            guard bytes < window else { break }
            var count = 0
            group.forEachWaiting { position in
                guard let entry = state.ready.find(position) else { return true }
                if entry.isPaged, entry.place != .lost {
                    items.append(PageRequest.Item(entry))
                    bytes += Int(entry.bodySize) + PagingState.messageOverhead
                }
                count += 1
                return count < Self.readCountMax && bytes < window
            }
        }
        guard !items.isEmpty else { return groups.endReading() }
        state.isReading = true
        state.virtualHost.state.paging.requests.append(PageRequest(queue: self, items: items))
    }
}
