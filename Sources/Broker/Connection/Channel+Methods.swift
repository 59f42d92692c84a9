import Wire

/// Every method of an open channel, but basic.publish and its content.
extension Handle where State == ChannelState {
    /// Acts on a method.
    ///
    /// - Throws: What the peer must be told; the caller closes channel or connection.
    func handle(_ method: Method) throws(ProtocolError) {
        try checkMethodExpected()
        // Whoever asks what is in a queue sees what he has done to it.
        state.virtualHost.buryDead()
        switch method {
        case .channelClose: close()
        case .channelCloseOk: break
        case .channelFlow(let flow): try setFlow(flow)
        case .channelFlowOk: break
        case .accessRequest: send(AccessRequestOk(ticket: 1))
        case .exchangeDeclare(let declare): try declareExchange(declare)
        case .exchangeDelete(let delete): try deleteExchange(delete)
        case .exchangeBind(let bind): try bindExchange(bind)
        case .exchangeUnbind(let unbind): try unbindExchange(unbind)
        case .queueDeclare(let declare): try declareQueue(declare)
        case .queueBind(let bind): try bindQueue(bind)
        case .queueUnbind(let unbind): try unbindQueue(unbind)
        case .queuePurge(let purge): try purgeQueue(purge)
        case .queueDelete(let delete): try deleteQueue(delete)
        case .basicQos(let qos): try setPrefetch(qos)
        case .basicConsume(let consume): try self.consume(consume)
        case .basicCancel(let cancel): self.cancel(cancel)
        case .basicCancelOk: break
        case .basicGet(let get): try self.get(get)
        case .basicAck(let ack):
            try settle(ack.deliveryTag, isMultiple: ack.multiple, .ack)
        case .basicNack(let nack):
            try settle(
                nack.deliveryTag,
                isMultiple: nack.multiple,
                nack.requeue ? .requeue : .reject
            )
        case .basicReject(let reject):
            try settle(
                reject.deliveryTag,
                isMultiple: false,
                reject.requeue ? .requeue : .reject
            )
        case .basicRecover(let recover):
            try self.recover(requeue: recover.requeue)
            send(BasicRecoverOk())
        case .basicRecoverAsync(let recover): try self.recover(requeue: recover.requeue)
        case .confirmSelect(let select): try selectConfirms(select)
        case .txSelect: try selectTransactions()
        case .txCommit: try commit()
        case .txRollback: try rollback()
        default:
            throw ProtocolError(
                .commandInvalid,
                "\(method.name) is not expected on a channel"
            )
        }
    }

    /// channel.close by the client.
    private func close() {
        sendConfirms()
        let connection = state.connection
        let number = state.number
        end()
        connection.send(ChannelCloseOk(), channel: number)
    }

    /// channel.flow: RabbitMQ refuses to be stopped (540), prefetch does that job.
    private func setFlow(_ flow: ChannelFlow) throws(ProtocolError) {
        guard flow.active else { throw ProtocolError(.notImplemented, "active=false") }
        send(ChannelFlowOk(active: true))
    }

    // MARK: Exchanges

    private func declareExchange(_ method: ExchangeDeclare) throws(ProtocolError) {
        var declare = method
        declare.exchange = Channel.cleaned(method.exchange)
        try state.virtualHost.declare(declare)
        guard !declare.noWait else { return }
        send(
            ExchangeDeclareOk(),
            whenDurable: state.virtualHost.lsnToAwait(declare.durable && !declare.passive)
        )
    }

    private func deleteExchange(_ method: ExchangeDelete) throws(ProtocolError) {
        var delete = method
        delete.exchange = Channel.cleaned(method.exchange)
        try state.virtualHost.delete(delete)
        guard !delete.noWait else { return }
        send(ExchangeDeleteOk(), whenDurable: state.virtualHost.lsnToAwait(true))
    }

    private func bindExchange(_ bind: ExchangeBind) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        try virtualHost.refuseDefault(bind.source)
        try virtualHost.refuseDefault(bind.destination)
        let source = try virtualHost.existingExchange(Channel.cleaned(bind.source))
        let destination = try virtualHost.existingExchange(Channel.cleaned(bind.destination))
        try virtualHost.bind(
            source,
            to: .exchange(destination),
            key: bind.routingKey,
            arguments: bind.arguments
        )
        guard !bind.noWait else { return }
        let isDurable = source.state.isDurable && destination.state.isDurable
        send(ExchangeBindOk(), whenDurable: virtualHost.lsnToAwait(isDurable))
    }

    private func unbindExchange(_ unbind: ExchangeUnbind) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        try virtualHost.refuseDefault(unbind.source)
        try virtualHost.refuseDefault(unbind.destination)
        if let source = virtualHost.exchange(named: Channel.cleaned(unbind.source)),
            let destination = virtualHost.exchange(named: Channel.cleaned(unbind.destination))
        {
            virtualHost.unbind(
                source,
                from: .exchange(destination),
                key: unbind.routingKey,
                arguments: unbind.arguments
            )
        }
        guard !unbind.noWait else { return }
        send(ExchangeUnbindOk(), whenDurable: virtualHost.lsnToAwait(true))
    }

    // MARK: Queues

    private func declareQueue(_ method: QueueDeclare) throws(ProtocolError) {
        var declare = method
        declare.queue = Channel.cleaned(method.queue)
        if try answerReplyProbe(declare) { return }
        let virtualHost = state.virtualHost
        if declare.queue.isEmpty {
            guard !declare.passive else {
                declare.queue = try lastQueue()
                try finishDeclare(declare)
                return
            }
            guard declare.arguments["x-queue-type"]?.text ?? "classic" == "classic" else {
                throw ProtocolError(
                    .preconditionFailed,
                    "Cannot declare a server-named queue for this queue type"
                )
            }
            repeat {
                let name = Array("amq.gen-".utf8) + virtualHost.state.random.name(count: 22)
                declare.queue = ShortString(bytes: name) ?? ""
            } while virtualHost.queue(named: declare.queue) != nil
        } else if !declare.passive, declare.queue.bytes.starts(with: Array("amq.".utf8)),
            virtualHost.queue(named: declare.queue) == nil
        {
            throw ProtocolError(
                .accessRefused,
                "queue name '\(declare.queue.string)' contains reserved prefix 'amq.*'"
            )
        }
        try finishDeclare(declare)
    }

    private func finishDeclare(_ declare: QueueDeclare) throws(ProtocolError) {
        let queue = try state.virtualHost.declare(declare, for: state.connection)
        state.lastQueueName = declare.queue
        guard !declare.noWait else { return }
        send(
            QueueDeclareOk(
                queue: declare.queue,
                messageCount: UInt32(clamping: queue.readyCount),
                consumerCount: UInt32(clamping: queue.state.consumers.count)
            ),
            whenDurable: state.virtualHost.lsnToAwait(
                queue.state.journalID != 0 && !declare.passive
            )
        )
    }

    /// The pseudo queue can be declared; an address of it tells whether the requester is there.
    private func answerReplyProbe(_ declare: QueueDeclare) throws(ProtocolError) -> Bool {
        let name = declare.queue
        if name != DirectReply.pseudoQueue {
            guard name.bytes.starts(with: DirectReply.addressPrefix) else { return false }
            let virtualHost = state.virtualHost
            let isThere = ByteView.with(name.bytes) {
                virtualHost.state.replyAddresses.value(for: $0) != nil
            }
            guard isThere else { throw virtualHost.missingQueue(name) }
        }
        if !declare.noWait {
            send(
                QueueDeclareOk(queue: name, messageCount: 0, consumerCount: 1),
                whenDurable: 0
            )
        }
        return true
    }

    private func bindQueue(_ bind: QueueBind) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        let name = try resolve(bind.queue)
        let key = bind.queue.isEmpty && bind.routingKey.isEmpty ? name : bind.routingKey
        let queue = try virtualHost.existingQueue(name, for: state.connection)
        try virtualHost.refuseDefault(bind.exchange)
        let exchange = try virtualHost.existingExchange(Channel.cleaned(bind.exchange))
        try virtualHost.bind(exchange, to: .queue(queue), key: key, arguments: bind.arguments)
        guard !bind.noWait else { return }
        let isDurable = exchange.state.isDurable && queue.state.journalID != 0
        send(QueueBindOk(), whenDurable: virtualHost.lsnToAwait(isDurable))
    }

    private func unbindQueue(_ unbind: QueueUnbind) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        let name = try resolve(unbind.queue)
        let key = unbind.queue.isEmpty && unbind.routingKey.isEmpty ? name : unbind.routingKey
        try virtualHost.refuseDefault(unbind.exchange)
        if let queue = virtualHost.queue(named: name) {
            try virtualHost.checkOwner(of: queue, state.connection)
            if let exchange = virtualHost.exchange(named: Channel.cleaned(unbind.exchange)) {
                virtualHost.unbind(
                    exchange,
                    from: .queue(queue),
                    key: key,
                    arguments: unbind.arguments
                )
            }
        }
        send(QueueUnbindOk(), whenDurable: virtualHost.lsnToAwait(true))
    }

    private func purgeQueue(_ purge: QueuePurge) throws(ProtocolError) {
        let name = try resolve(purge.queue)
        let queue = try state.virtualHost.existingQueue(name, for: state.connection)
        try refuseForStream(queue, "queue.purge", name: name)
        let count = queue.purge()
        guard !purge.noWait else { return }
        send(
            QueuePurgeOk(messageCount: UInt32(clamping: count)),
            whenDurable: state.virtualHost.lsnToAwait(queue.state.journalID != 0)
        )
    }

    /// queue.delete; deleting a missing one succeeds with a count of 0, as in RabbitMQ.
    private func deleteQueue(_ delete: QueueDelete) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        let name = try resolve(delete.queue)
        var count = 0
        var isDurable = false
        if let queue = virtualHost.queue(named: name) {
            isDurable = queue.state.journalID != 0
            try virtualHost.checkOwner(of: queue, state.connection)
            let place = "queue '\(name.string)' in vhost '\(virtualHost.nameText)'"
            switch queue.state.settings.type {
            case .classic:
                if delete.ifUnused, !queue.state.consumers.isEmpty {
                    throw ProtocolError(.preconditionFailed, "\(place) in use")
                }
                if delete.ifEmpty, !queue.state.ready.isEmpty {
                    throw ProtocolError(.preconditionFailed, "\(place) not empty")
                }
            case .quorum:
                guard !delete.ifUnused, !delete.ifEmpty else {
                    throw ProtocolError(
                        .notImplemented,
                        "cannot delete \(place). queue.delete operations with if-unused or "
                            + "if-empty flag set are not supported by quorum queues"
                    )
                }
            // It goes whatever is in it and whoever reads it (RabbitMQ).
            case .stream: break
            }
            count = queue.state.ready.count
            virtualHost.delete(queue)
        }
        guard !delete.noWait else { return }
        send(
            QueueDeleteOk(messageCount: UInt32(clamping: count)),
            whenDurable: virtualHost.lsnToAwait(isDurable)
        )
    }

    // MARK: Names

    /// The name a client means: '' is the last queue declared on this channel.
    func resolve(_ name: ShortString) throws(ProtocolError) -> ShortString {
        name.isEmpty ? try lastQueue() : Channel.cleaned(name)
    }

    private func lastQueue() throws(ProtocolError) -> ShortString {
        guard !state.lastQueueName.isEmpty else {
            throw ProtocolError(.notFound, "no previously declared queue")
        }
        return state.lastQueueName
    }

    /// RabbitMQ takes CR and LF out of queue and exchange names.
    private static func cleaned(_ name: ShortString) -> ShortString {
        guard name.bytes.contains(where: { $0 == 10 || $0 == 13 }) else { return name }
        return ShortString(bytes: name.bytes.filter { $0 != 10 && $0 != 13 }) ?? name
    }

    // MARK: Confirms

    private func selectConfirms(_ select: ConfirmSelect) throws(ProtocolError) {
        guard state.transaction == nil else {
            throw ProtocolError(
                .preconditionFailed,
                "cannot switch from tx to confirm mode"
            )
        }
        state.confirms.isSelected = true
        if !select.noWait { send(ConfirmSelectOk()) }
    }
}
