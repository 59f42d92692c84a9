import Wire

/// A tx.commit with which deliveries die whose messages are on disk only.
///
/// Their dead letters belong to the transaction, so they are read before it is carried out. They
/// are in memory together then, whatever the budget: no delivery is paged out a second time.
extension Handle where State == ChannelState {
    /// Whether the commit must wait for the disk; then nothing more is read from its connection.
    func mustRead(for transaction: Transaction) -> Bool {
        var reads: [(queue: Queue, items: [PageRequest.Item], tags: [UInt64])] = []
        for settlement in transaction.settlements {
            let tag = settlement.deliveryTag
            guard let delivery = state.unacked.held(tag),
                delivery.queue.mustRead(delivery.entry, for: settlement.outcome)
            else { continue }
            let known = reads.lastIndex { $0.queue == delivery.queue }
            if known == nil { reads.append((delivery.queue, [], [])) }
            let index = known ?? reads.count - 1
            reads[index].items.append(.init(delivery.entry))
            reads[index].tags.append(tag)
        }
        guard !reads.isEmpty else { return false }
        let paging = state.virtualHost
        let holder = paging.state.paging.holders.number(of: self)
        for read in reads {
            read.queue.state.dyingCount += read.items.count
            paging.state.paging.requests.append(
                PageRequest(
                    queue: read.queue,
                    items: read.items,
                    purpose: .committing(holder: holder, tags: read.tags)
                )
            )
        }
        state.commitReadCount = reads.count
        state.connection.state.pauses.insert(.page)
        return true
    }

    /// Brings a delivery back into memory.
    ///
    /// - Returns: `false` when it cannot be read: its message is lost.
    func bringIn(_ deliveryTag: UInt64, _ item: PageRequest.Item, payload: ByteView?) -> Bool {
        var isThere = true
        state.unacked.update(deliveryTag) { delivery in
            guard delivery.entry.place == item.place else { return }
            isThere = delivery.queue.bringIn(&delivery.entry, payload: payload)
        }
        return isThere
    }

    /// The messages of one queue have been read; the last of them lets the commit go on.
    ///
    /// What compaction has moved meanwhile is asked for again.
    func goOnCommitting() {
        guard state.commitReadCount > 0 else { return }
        state.commitReadCount -= 1
        guard state.commitReadCount == 0 else { return }
        state.connection.state.pauses.remove(.page)
        do throws(ProtocolError) {
            try commit()
        } catch {
            state.connection.fail(error, channel: state.number)
            state.virtualHost.noteStep(.commitFailed(self))
        }
    }

    /// The channel ends before its commit could be carried out.
    func forgetWaitingCommit() {
        guard state.commitReadCount > 0 else { return }
        state.commitReadCount = 0
        state.connection.state.pauses.remove(.page)
    }
}

extension Handle where State == QueueState {
    /// Whether a delivery is on disk only that becomes a dead letter by its outcome.
    fileprivate func mustRead(_ entry: QueueEntry, for outcome: Outcome) -> Bool {
        guard entry.isPaged, entry.place != .lost, state.hasDeadLetterExchange, !state.isDeleted
        else { return false }
        switch outcome {
        case .ack: return false
        case .reject: return true
        case .requeue: return isTooOften(entry.deliveryCount + 1)
        }
    }
}
