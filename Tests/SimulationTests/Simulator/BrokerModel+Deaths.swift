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

    /// A turn begins: what is over ends, in steps.
    func beginTurn(at now: Instant) {
        self.now = now
        beginOperation()
    }

    /// A timer has fired: a queue may have gone, or dropped what is too much since a restart.
    func noteTimer(_ event: TimerEvent) {
        switch event {
        case .queueUnused(let handle):
            let queue = liveQueues.first { $0.handle == handle }
            guard let queue, queue.consumers.isEmpty, queue.isUnused(at: now) else { return }
            delete(queue)
            noteTopology()
        case .limitsApply:
            for queue in liveQueues where queue.isOver && (queue.dropsHead || !queue.isQuorum) {
                queue.cutBy = operation
            }
        default: break
        }
    }

    /// All timers have fired: nothing is there whose time is over.
    func checkTime() throws(Violation) {
        for queue in liveQueues {
            let late = queue.ready.first { $0.isOver(at: now) }
            if let late { throw Violation("\(late.name) is there, and its time is over") }
        }
    }

    /// A message is gone whose time is over; something that came sooner may have pushed it out
    /// before.
    func end(_ copy: ModelCopy, _ virtualHost: VirtualHost) {
        let death = ModelDeath(copy: copy, reason: .expired)
        let pending = copy.queue.dropsHead ? virtualHost.pendingDeaths : []
        if death.entry(among: pending)?.reason == .maxLength {
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
    func isOver(at now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }
}

extension ModelQueue {
    fileprivate func isUnused(at now: Instant) -> Bool {
        unusedTimeMax.map { unusedSince + .milliseconds($0) <= now } ?? false
    }
}
