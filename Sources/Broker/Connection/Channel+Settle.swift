import Wire

/// Acknowledging, rejecting, recovering.
extension Handle where State == ChannelState {
    /// basic.ack as one whole frame: the short path.
    ///
    /// - Parameters:
    ///   - bytes: The octets received.
    ///   - start: Where the frame begins; all 21 octets of it are there.
    /// - Returns: `false` when the plain path must deal with it.
    @inline(__always)
    func acknowledgeInOnePiece(_ bytes: ByteView, at start: Int) -> Bool {
        guard state.phase == .open, state.assembly.step == .idle,
            bytes[start &+ 20] == FrameOctet.end, bytes[start &+ 19] & 1 == 0,
            state.transaction == nil,
            let delivery = state.unacked.take(bytes.loadUInt64(at: start &+ 11))
        else { return false }
        finish(delivery, .ack)
        return true
    }

    /// Settles one delivery, or all up to a tag (0 with multiple: all there are).
    ///
    /// - Throws: 406 when there is nothing by that tag.
    func settle(
        _ deliveryTag: UInt64,
        isMultiple: Bool,
        _ outcome: Outcome
    )
        throws(ProtocolError)
    {
        if outcome != .ack, hasStreamDelivery(deliveryTag, isMultiple: isMultiple) {
            throw ProtocolError(
                .notImplemented,
                "basic.nack and basic.reject not supported by stream queues"
            )
        }
        if state.transaction != nil {
            try settleInTransaction(deliveryTag, isMultiple: isMultiple, outcome)
            return
        }
        guard isMultiple else {
            guard let delivery = state.unacked.take(deliveryTag) else {
                throw unknownTag(deliveryTag)
            }
            finish(delivery, outcome)
            return
        }
        let last = try lastTag(covering: deliveryTag)
        while let delivery = state.unacked.takeFirst(through: last) { finish(delivery, outcome) }
    }

    /// The highest tag a multiple settlement covers; it must be open itself, as in RabbitMQ.
    private func lastTag(covering deliveryTag: UInt64) throws(ProtocolError) -> UInt64 {
        if deliveryTag == 0 { return UInt64.max }
        guard state.unacked.isOpen(deliveryTag) else { throw unknownTag(deliveryTag) }
        return deliveryTag
    }

    private func unknownTag(_ deliveryTag: UInt64) -> ProtocolError {
        ProtocolError(.preconditionFailed, "unknown delivery tag \(deliveryTag)")
    }

    /// Ends a delivery that has been taken off the channel's list.
    @inline(__always)
    func finish(_ delivery: UnackedDelivery, _ outcome: Outcome) {
        switch outcome {
        case .ack:
            delivery.queue.state.counters.acked &+= 1
            state.counters.acked &+= 1
            delivery.queue.discardUnacked(delivery.entry)
        case .requeue:
            delivery.queue.requeue(delivery.entry)
        case .reject:
            delivery.queue.rejectUnacked(delivery.entry)
        }
        if let consumer = delivery.consumer { consumer.settledOne() }
    }

    /// basic.recover: everything unsettled goes back to its queues.
    ///
    /// - Throws: 540 without requeue, which RabbitMQ does not offer.
    func recover(requeue: Bool) throws(ProtocolError) {
        guard requeue else { throw ProtocolError(.notImplemented, "requeue=false") }
        guard !hasStreamDelivery(0, isMultiple: true) else {
            throw ProtocolError(
                .notImplemented,
                "basic.recover not supported by stream queues"
            )
        }
        while let delivery = state.unacked.takeFirst(through: UInt64.max) {
            finish(delivery, .requeue)
        }
    }

    // MARK: Transactions

    /// tx.select; a second one changes nothing.
    ///
    /// - Throws: 406 in confirm mode.
    func selectTransactions() throws(ProtocolError) {
        guard !state.confirms.isSelected else {
            throw ProtocolError(
                .preconditionFailed,
                "cannot switch from confirm to tx mode"
            )
        }
        if state.transaction == nil { state.transaction = Transaction() }
        send(TxSelectOk())
    }

    private func settleInTransaction(
        _ deliveryTag: UInt64,
        isMultiple: Bool,
        _ outcome: Outcome
    )
        throws(ProtocolError)
    {
        var tags = [deliveryTag]
        if isMultiple {
            tags = state.unacked.hold(through: try lastTag(covering: deliveryTag))
        } else if !state.unacked.hold(deliveryTag) {
            throw unknownTag(deliveryTag)
        }
        for tag in tags { state.transaction?.add(.init(deliveryTag: tag, outcome: outcome)) }
    }

    /// tx.commit: publishes first, then settlements; returns come before commit-ok.
    ///
    /// A message whose exchange has gone since it was published is unroutable. What dies with the
    /// transaction and is on disk only is read first; the commit goes on then.
    ///
    /// - Throws: 406 without tx.select, for extra keys or reply addresses gone bad, and when a
    ///   full queue refused a message (x-overflow); the rest is done all the same, as in RabbitMQ.
    func commit() throws(ProtocolError) {
        let virtualHost = state.virtualHost
        guard let transaction = state.transaction else { throw notTransactional }
        guard !mustRead(for: transaction) else { return }
        state.transaction = Transaction()
        defer { for publish in transaction.publishes { virtualHost.release(publish.message) } }
        try carryOut(transaction)
        guard state.transaction?.followsRefusal != true else {
            throw ProtocolError(.preconditionFailed, "partial tx completion")
        }
        virtualHost.noteStep(.committed(self))
        send(TxCommitOk(), whenDurable: virtualHost.lsnToAwait(!transaction.isEmpty))
    }

    /// Publishes and settles; the journal keeps all of it or nothing.
    private func carryOut(_ transaction: Transaction) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        let beginning = virtualHost.beginJournaledTransaction()
        defer { virtualHost.endJournaledTransaction(beginning) }
        for publish in transaction.publishes {
            try carryOut(publish)
            virtualHost.noteStep(.published(self))
        }
        for settlement in transaction.settlements {
            if let delivery = state.unacked.takeHeld(settlement.deliveryTag) {
                finish(delivery, settlement.outcome)
            }
            virtualHost.noteStep(.settled(self))
        }
        // Dead letters belong to the transaction that made them.
        virtualHost.buryDead()
    }

    private func carryOut(_ publish: Transaction.Publish) throws(ProtocolError) {
        let named = publish.message.exchange
        guard let exchange = state.virtualHost.state.exchanges.value(for: named) else {
            return reportUnroutable(publish.message, isMandatory: publish.isMandatory)
        }
        try route(publish.message, through: exchange, isMandatory: publish.isMandatory)
    }

    /// tx.rollback: publishes vanish, settled deliveries are unsettled again.
    ///
    /// - Throws: 406 without tx.select.
    func rollback() throws(ProtocolError) {
        guard state.transaction != nil else { throw notTransactional }
        dropTransaction()
        state.transaction = Transaction()
        send(TxRollbackOk())
        // What was settled counts as unacknowledged again, since it was handed out.
        checkAcknowledgements()
    }

    /// Forgets an unfinished transaction.
    func dropTransaction() {
        guard let transaction = state.transaction else { return }
        for publish in transaction.publishes { state.virtualHost.release(publish.message) }
        for settlement in transaction.settlements {
            state.unacked.letGo(settlement.deliveryTag)
        }
        state.transaction = nil
    }

    private var notTransactional: ProtocolError {
        ProtocolError(.preconditionFailed, "channel is not transactional")
    }
}
