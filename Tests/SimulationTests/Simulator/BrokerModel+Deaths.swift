import Wire

@testable import Broker

/// A message that has died and is not sent on yet.
struct ModelDeath {
    let copy: ModelCopy
    let reason: ModelDeathReason
}

/// Messages that die, and what time alone brings about.
extension BrokerModel {
    /// A message dies: it goes on where its queue says so, and that is the end of it elsewhere.
    func die(_ copy: ModelCopy, _ reason: ModelDeathReason) {
        guard copy.queue.deadLetterExchange != nil else {
            copy.queue.settle(copy, epoch: epoch)
            return
        }
        copy.queue.beginDying(copy)
        deaths.append(ModelDeath(copy: copy, reason: reason))
    }

    /// Sends on those that the broker has sent on.
    ///
    /// - Returns: Whether there were any.
    func bury(_ virtualHost: VirtualHost) -> Bool {
        guard !deaths.isEmpty else { return false }
        let unburied = self.unburied(virtualHost)
        let done = deaths.filter { !$0.isAmong(unburied) }
        deaths.removeAll { $0.isAmong(unburied) == false }
        for death in done { bury(death) }
        return !done.isEmpty
    }

    /// Whether the broker is about to send it on.
    func isDying(_ copy: ModelCopy) -> Bool {
        ModelDeath(copy: copy, reason: .maxLength).isAmong(dying)
    }

    private func unburied(_ virtualHost: VirtualHost) -> [Death] {
        var list = virtualHost.unburied
        var seen: [Queue] = []
        for death in deaths {
            guard let queue = death.copy.queue.handle, !seen.contains(queue) else { continue }
            // One that was deleted stays as long as something of it is to be buried.
            guard
                !death.copy.queue.isDeleted
                    || virtualHost.state.journal.queues.values.contains(queue)
            else { continue }
            seen.append(queue)
            list += queue.unread
        }
        return list
    }

    /// The dead letter enters its queues, and then the original is done with.
    private func bury(_ death: ModelDeath) {
        let copy = death.copy
        // A policy may have ended that it is sent on.
        guard copy.queue.deadLetterExchange != nil else {
            return copy.queue.settle(copy, epoch: epoch)
        }
        let letter = ModelMessage(
            copy.message,
            from: copy.queue,
            death.reason,
            at: SimulatedMachine.wallTime(now).seconds
        )
        if topology.exchanges[letter.exchange] != nil || letter.exchange.isEmpty {
            var route = topology.route(letter.exchange, letter.key, headers: letter.headers)
            if death.reason != .rejected {
                route.queues = route.queues.filter { !letter.deaths.closesCircle(at: $0) }
            }
            copy.letters = enter(letter, route)
            for letter in copy.letters {
                letter.sequence = letters.first?.sequence ?? letter.sequence
            }
            letters += copy.letters
        }
        copy.queue.settle(copy, epoch: epoch)
    }

    // MARK: Time

    /// A turn has begun: what is over is over.
    ///
    /// - Returns: Whether anything was.
    func beginTurn(at now: Instant, _ virtualHost: VirtualHost) -> Bool {
        self.now = now
        beginOperation()
        let unused = liveQueues.filter { $0.consumers.isEmpty && $0.isUnused(at: now) }
        let due = liveQueues.flatMap { $0.ready.filter { $0.isOver(at: now) } }
        let pending = due.isEmpty ? [] : virtualHost.pendingDeaths
        let hasDropped = dropOverfull(due, pending)
        for copy in due.sorted(by: { $0.end < $1.end }) where copy.place == .ready {
            end(copy, pending)
        }
        guard !unused.isEmpty else { return hasDropped || !due.isEmpty || hasOverdue }
        // A queue that goes at the same time may take its messages with it.
        let unburied = virtualHost.unburied + self.unburied(virtualHost)
        dying = virtualHost.pendingDeaths
        for queue in unused {
            delete(queue)
            for death in deaths where death.copy.queue === queue && !death.isAmong(unburied) {
                queue.settle(death.copy, epoch: epoch)
            }
            deaths.removeAll { $0.copy.queue === queue && !$0.isAmong(unburied) }
        }
        noteTopology()
        return true
    }

    /// What was out before a restart counts again: the oldest go in the first turn, behind those
    /// that were over by the start.
    ///
    /// - Returns: Whether any did.
    private func dropOverfull(_ due: [ModelCopy], _ pending: [Death]) -> Bool {
        var hasDropped = false
        for queue in liveQueues {
            guard let start = queue.restoredAt.take() else { continue }
            for copy in due.sorted(by: { $0.end < $1.end })
            where copy.queue === queue && copy.isOver(at: start) { end(copy, pending) }
            guard queue.dropsHead || !queue.isQuorum else { continue }
            while queue.isBeyondLimit(),
                let oldest = queue.ready.min(by: { $0.isBefore($1) })
            {
                queue.dropped.append(oldest)
                die(oldest, .maxLength)
                hasDropped = true
            }
        }
        return hasDropped
    }

    /// The time of a message is over; one that was delayed, and came sooner, may have pushed it
    /// out before.
    private func end(_ copy: ModelCopy, _ pending: [Death]) {
        let death = ModelDeath(copy: copy, reason: .expired)
        if copy.queue.dropsHead, death.entry(among: pending)?.reason == .maxLength {
            copy.queue.dropped.append(copy)
            die(copy, .maxLength)
        } else {
            copy.queue.endedUnseen += 1
            die(copy, .expired)
        }
    }
}

extension ModelDeath {
    /// Whether the broker has yet to deal with it.
    fileprivate func isAmong(_ unburied: [Death]) -> Bool { entry(among: unburied) != nil }

    /// What the broker has of it.
    fileprivate func entry(among unburied: [Death]) -> Death? {
        unburied.first { other in
            guard other.queue == copy.queue.handle else { return false }
            if copy.wasStored { return Int(other.entry.position) == copy.position }
            return !other.entry.isPaged && other.entry.holds(copy.message)
        }
    }
}

extension ModelCopy {
    fileprivate var end: Instant { deadline ?? .zero }

    fileprivate func isOver(at now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }
}

extension ModelQueue {
    fileprivate func isUnused(at now: Instant) -> Bool {
        unusedTimeMax.map { unusedSince + .milliseconds($0) <= now } ?? false
    }
}
