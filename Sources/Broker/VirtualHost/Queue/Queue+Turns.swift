import Wire

/// Whose turn it is: the list of consumers that may take a message now.
extension Handle where State == QueueState {
    /// The consumer that takes the next message, moved behind its equals; `nil` when none can.
    ///
    /// Consumers met on the way that can take nothing leave the list; they come back by
    /// `unblock` when an acknowledgement, a larger prefetch or an emptied socket gives them room.
    @inline(__always)
    func takeTurn() -> Consumer? {
        while let consumer = state.turnFirst {
            if consumer.canTake {
                if consumer.state.nextInTurn != nil { moveBehindEquals(consumer) }
                return consumer
            }
            block(consumer)
        }
        return nil
    }

    func block(_ consumer: Consumer) {
        removeFromTurns(consumer)
        consumer.state.standing = .blocked
        let channel = consumer.state.channel
        channel.state.blockedConsumerCount += 1
        channel.state.connection.state.blockedConsumerCount += 1
    }

    /// Takes a consumer of a stream off the turn list until there is something for it.
    func wait(_ consumer: Consumer) {
        removeFromTurns(consumer)
        consumer.state.standing = .waiting
    }

    private func moveBehindEquals(_ consumer: Consumer) {
        if let last = state.turnLast, last.state.priority != consumer.state.priority {
            guard let next = consumer.state.nextInTurn,
                next.state.priority == consumer.state.priority
            else { return }
        }
        removeFromTurns(consumer)
        addToTurns(consumer)
    }

    /// Puts a consumer behind all of its priority or above.
    func addToTurns(_ consumer: Consumer) {
        consumer.state.standing = .inTurn
        var before = state.turnLast
        while let other = before, other.state.priority < consumer.state.priority {
            before = other.state.previousInTurn
        }
        let after = before.map { $0.state.nextInTurn } ?? state.turnFirst
        consumer.state.previousInTurn = before
        consumer.state.nextInTurn = after
        if let before { before.state.nextInTurn = consumer } else { state.turnFirst = consumer }
        if let after { after.state.previousInTurn = consumer } else { state.turnLast = consumer }
    }

    func removeFromTurns(_ consumer: Consumer) {
        let before = consumer.state.previousInTurn
        let after = consumer.state.nextInTurn
        if let before { before.state.nextInTurn = after } else { state.turnFirst = after }
        if let after { after.state.previousInTurn = before } else { state.turnLast = before }
        consumer.state.previousInTurn = nil
        consumer.state.nextInTurn = nil
    }

    /// Adds a new consumer; with a single active consumer it may have to wait for its turn.
    func add(_ consumer: Consumer) {
        state.consumers.append(consumer)
        if consumer.state.isExclusive { state.exclusiveConsumer = consumer }
        if state.settings.hasSingleActiveConsumer, let active = state.activeConsumer,
            active != consumer
        {
            consumer.state.standing = .waiting
            return
        }
        state.activeConsumer = state.settings.hasSingleActiveConsumer ? consumer : nil
        addToTurns(consumer)
        state.virtualHost.schedule(self)
    }

    /// Takes a consumer off the queue; the next one in line becomes the single active consumer.
    ///
    /// Its unsettled deliveries stay where they are, with its channel.
    func remove(_ consumer: Consumer) {
        switch consumer.state.standing {
        case .inTurn: removeFromTurns(consumer)
        case .blocked: consumer.forgetBlocked()
        case .waiting, .gone: break
        }
        consumer.state.standing = .gone
        if let cursor = consumer.state.cursor {
            consumer.state.cursor = nil
            state.virtualHost.forget(cursor)
        }
        state.groups?.forget(consumer)
        state.consumers.removeAll { $0 == consumer }
        if state.consumers.isEmpty, !state.isDeleted { noteUse() }
        if state.exclusiveConsumer == consumer { state.exclusiveConsumer = nil }
        guard state.activeConsumer == consumer else { return }
        state.activeConsumer = nil
        var next: Consumer?
        for candidate in state.consumers {
            guard let best = next else {
                next = candidate
                continue
            }
            if candidate.state.priority > best.state.priority { next = candidate }
        }
        guard let next else { return }
        state.activeConsumer = next
        addToTurns(next)
        state.virtualHost.schedule(self)
    }
}
