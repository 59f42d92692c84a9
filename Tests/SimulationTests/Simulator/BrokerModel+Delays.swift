import Wire

@testable import Broker

/// Messages that wait in an exchange for their time (x-delayed-message).
///
/// Each such exchange has a queue for them that nobody sees; they leave it in the order of their
/// time, and go where the bindings of that moment lead.
extension BrokerModel {
    /// Those in which exchanges keep what they delay, by name.
    var delayQueues: [ModelQueue] {
        if let hiddenQueues { return hiddenQueues }
        let queues = topology.exchangeLives.keys.sorted().compactMap { delayQueue($0) }
        hiddenQueues = queues
        return queues
    }

    func delayQueue(_ exchange: ShortString) -> ModelQueue? {
        topology.exchangeLives[exchange].flatMap { lives[$0] }
    }

    /// Those of exchanges that have gone, by whatever way, are gone with them.
    func dropDelays() {
        for queue in lives.values
        where queue.isDelay && !queue.isDeleted && topology.exchangeLives[queue.name] != queue.life
        {
            queue.isDeleted = true
            for copy in queue.ready { queue.settle(copy, epoch: epoch) }
        }
    }

    /// Sends on what the broker has sent on because its time has come.
    func noteFired(_ virtualHost: VirtualHost) throws(Violation) {
        for queue in delayQueues {
            guard let handle = virtualHost.delayQueue(of: queue.name) else {
                throw Violation("exchange \(queue.name.string) delays nothing")
            }
            queue.meet(handle)
            let there = Set(handle.delayedEntries.map { Int($0.position) })
            let fired = queue.ready.filter { $0.isPlaced && !there.contains($0.position) }
            guard !fired.isEmpty else { continue }
            for copy in fired.sorted(by: { $0.isDueBefore($1) }) {
                try insist(copy.isDue(at: now), "\(copy.name) left before its time")
                // It leaves as a whole if the journal has it; others may leave a little later.
                let place = nextSequence()
                let message = copy.message
                let route = topology.route(
                    message.exchange,
                    message.key,
                    headers: message.headers,
                    through: queue.name
                )
                _ = enter(message, route, sequence: queue.isDurable ? place : nil)
                queue.settle(copy, epoch: epoch)
                if copy.settledEpoch != nil { copy.settledWith = place }
            }
        }
    }

    /// Finds out where new ones stand, and that nobody else is there.
    func checkDelays() throws(Violation) {
        for queue in delayQueues {
            guard let handle = queue.handle else { continue }
            let entries = handle.delayedEntries
            place(queue.entered, among: entries, in: queue)
            try noteEntered(queue, handle)
            try insist(
                entries.map { Int($0.position) } == queue.ready.map(\.position),
                "\(queue.name.string) delays \(entries.map(\.position)), not "
                    + "\(queue.ready.map(\.position))"
            )
        }
    }

    /// Whether something is due that still waits, for the disk or for room.
    var hasOverdue: Bool { delayQueues.contains { $0.ready.contains { $0.isDue(at: now) } } }
}

extension ModelCopy {
    fileprivate func isDue(at now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }

    fileprivate func isDueBefore(_ other: ModelCopy) -> Bool {
        guard let deadline, let later = other.deadline, deadline != later else {
            return position < other.position
        }
        return deadline < later
    }
}

extension ExchangeDeclare {
    var isDelaying: Bool { type == "x-delayed-message" }

    /// The type it routes as.
    var routingType: ShortString {
        isDelaying ? arguments.text("x-delayed-type") ?? "" : type
    }
}

extension Handle where State == VirtualHostState {
    func delayQueue(of name: ShortString) -> Queue? { exchange(named: name)?.state.delayQueue }
}

extension Handle where State == QueueState {
    /// What a delay queue holds, by position.
    var delayedEntries: [QueueEntry] {
        var list: [QueueEntry] = []
        var position: UInt64 = 0
        while let entry = state.delayed?.state.entries.first(from: position) {
            list.append(entry)
            position = entry.position + 1
        }
        return list
    }
}
