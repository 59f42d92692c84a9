import Wire

/// Putting a virtual host back to what its journal says.
extension Handle where State == VirtualHostState {
    /// Declares what was durable and queues what was persistent.
    ///
    /// Called once, before any connection and with the journal off. Messages come back in their
    /// old places, paged out; what had been handed out before is marked redelivered.
    ///
    /// - Parameter recovered: The fold of the journal.
    /// - Returns: What could not be brought back.
    func restore(_ recovered: RecoveredState) -> [RestoreLoss] {
        var losses: [RestoreLoss] = []
        restorePolicies(recovered, &losses)
        restoreExchanges(recovered, &losses)
        restoreQueues(recovered, &losses)
        recovered.forEachBinding { binding in
            guard !restore(binding) else { return }
            losses.append(.binding(source: binding.source, destination: binding.destination))
        }
        restoreMessages(recovered)
        state.journal.nextQueueID = recovered.highestQueueID + 1
        if let description = recovered.description {
            state.journal.topologyLSN = description.lsn
            state.journal.topologySize = description.size
            state.journal.describedLSN = description.lsn
        }
        return losses
    }

    private func restorePolicies(
        _ recovered: RecoveredState,
        _ losses: inout [RestoreLoss]
    ) {
        for record in recovered.livePolicies {
            do throws(PolicyError) {
                try set(Policy(record))
            } catch {
                losses.append(.policy(record.name, reason: error.text))
            }
        }
    }

    private func restoreExchanges(
        _ recovered: RecoveredState,
        _ losses: inout [RestoreLoss]
    ) {
        for declare in recovered.liveExchanges {
            guard exchange(named: declare.exchange) == nil else { continue }
            let kind: ExchangeKind
            do throws(ProtocolError) {
                kind = try ExchangeKind(declare)
            } catch {
                losses.append(.exchange(declare.exchange, reason: error.text))
                continue
            }
            let exchange = addExchange(declare, kind: kind)
            restore(recovered.values(of: declare.exchange), to: exchange)
        }
    }

    private func restoreQueues(_ recovered: RecoveredState, _ losses: inout [RestoreLoss]) {
        for (record, saved) in recovered.liveQueues {
            let declare = QueueDeclare(
                queue: record.name,
                durable: true,
                autoDelete: record.isAutoDelete,
                arguments: record.arguments
            )
            do throws(ProtocolError) {
                let queue = addQueue(record.name, settings: try QueueSettings(declare), for: nil)
                queue.state.journalID = record.id
                state.journal.queues[record.id] = queue
                queue.state.nextPosition = saved.nextPosition
                queue.state.deliveredThrough = saved.deliveredThrough
            } catch {
                losses.append(.queue(record.name, reason: error.text))
            }
        }
    }

    private func restore(_ record: BindingRecord) -> Bool {
        guard let source = exchange(named: record.source) else { return false }
        let destination: Destination
        if record.isToQueue {
            guard let queue = queue(named: record.destination) else { return true }
            destination = .queue(queue)
        } else {
            guard let exchange = exchange(named: record.destination) else { return false }
            destination = .exchange(exchange)
        }
        do throws(ProtocolError) {
            try bind(source, to: destination, key: record.key, arguments: record.arguments)
            return true
        } catch {
            return false
        }
    }

    /// Enters live messages into their queues; they stay on disk until somebody takes them.
    private func restoreMessages(_ recovered: RecoveredState) {
        for (record, saved) in recovered.liveQueues {
            guard let queue = queue(named: record.name) else { continue }
            for entry in saved.takeEntries() {
                if let death = saved.deaths[entry.position] {
                    queue.restore(entry, dead: death)
                    continue
                }
                queue.restore(entry, deliveredThrough: saved.deliveredThrough)
                if queue.state.isKeyed {
                    queue.restore(saved.keys[entry.position] ?? .none, of: entry.position)
                }
            }
        }
        for (id, name, saved) in recovered.liveDelays {
            guard let queue = exchange(named: name)?.state.delayQueue else { continue }
            queue.state.journalID = id
            state.journal.queues[id] = queue
            queue.state.nextPosition = saved.nextPosition
            for entry in saved.takeEntries() { queue.restoreDelayed(entry) }
            queue.setAlarm()
        }
    }
}

/// What there is to do for queues that a start has brought back.
extension Handle where State == VirtualHostState {
    /// The journal goes on: queues have their first turn when the first batch begins.
    func resumeQueues() {
        let queues = state.journal.queues.filter {
            $0.value.state.kept != nil || $0.value.isOverfull
        }
        for (_, queue) in queues.sorted(by: { $0.key < $1.key }) {
            queue.resumeKept()
            if queue.isOverfull { state.overfullQueues.append(queue) }
        }
        guard !state.overfullQueues.isEmpty else { return }
        _ = state.timers.add(.limitsApply, at: state.now)
    }

    /// Drops what is too much since the start.
    func dropOverfull() {
        let queues = state.overfullQueues
        state.overfullQueues = []
        for queue in queues { queue.dropBeyondLimit() }
    }
}

extension Handle where State == QueueState {
    /// Whether what was out for an acknowledgement before a restart is too much now.
    ///
    /// A classic queue drops its oldest then, whatever x-overflow says (RabbitMQ:
    /// rabbit_amqqueue_process, init_max_length, comes before the overflow).
    fileprivate var isOverfull: Bool {
        isBeyondLimit && (state.settings.type == .classic || state.settings.overflow == .dropHead)
    }
}

/// Something the journal promised and could not give back.
enum RestoreLoss: Equatable {
    case exchange(ShortString, reason: String)
    case queue(ShortString, reason: String)
    case policy(ShortString, reason: String)
    case binding(source: ShortString, destination: ShortString)
    case record(lsn: UInt64, reason: String)
    /// Messages of a stream that the journal knows of and its files do not have.
    case stream(ShortString, offsets: Range<UInt64>)
}

extension Handle where State == QueueState {
    /// Puts a message that was there before the restart back to its place.
    fileprivate func restore(_ saved: RecoveredState.Entry, deliveredThrough: UInt64) {
        let wasDelivered = saved.position < deliveredThrough
        let entry = takeBack(
            saved,
            deliveryCount: wasDelivered ? max(1, saved.deliveryCount) : saved.deliveryCount,
            terms: terms(saved.terms)
        )
        if !entry.terms.isTimed { state.untimedThrough = saved.position + 1 }
        state.ready.restore(entry.terms.isTimed ? timed(entry) : entry)
    }

    /// Keeps a message dead that was so before the restart; it has no end any more.
    fileprivate func restore(_ saved: RecoveredState.Entry, dead record: DeathRecord) {
        restoreKept(
            takeBack(
                saved,
                deliveryCount: saved.deliveryCount,
                terms: EntryTerms(priority: saved.terms.priority, deadline: nil)
            ),
            record
        )
    }

    /// Counts a message that was there before the restart.
    private func takeBack(
        _ saved: RecoveredState.Entry,
        deliveryCount: UInt32,
        terms: EntryTerms
    ) -> QueueEntry {
        state.virtualHost.state.journal.ledger.restore(
            saved.lsn,
            bodySize: Int(saved.bodySize)
        )
        state.pagedCount += 1
        state.pagedBytes += Int(saved.bodySize)
        return QueueEntry(
            place: .journal(saved.lsn),
            position: saved.position,
            bodySize: saved.bodySize,
            deliveryCount: deliveryCount,
            terms: terms
        )
    }
}
