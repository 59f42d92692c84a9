import Wire

/// Consumers, prefetch, and fetching by hand.
extension Handle where State == ChannelState {
    /// basic.qos in RabbitMQ's meaning: with `global` for all consumers of the channel together,
    /// at once; without it for each consumer started from now on, which also ends what was said
    /// with `global` before (RabbitMQ: unlimit_prefetch).
    func setPrefetch(_ qos: BasicQos) throws(ProtocolError) {
        guard qos.prefetchSize == 0 else {
            throw ProtocolError(.notImplemented, "prefetch_size!=0 (\(qos.prefetchSize))")
        }
        let countMax = qos.prefetchCount == 0 ? Int.max : Int(qos.prefetchCount)
        if !qos.global { state.consumerPrefetchCountMax = countMax }
        let channelCountMax = qos.global ? countMax : Int.max
        if channelCountMax != state.prefetchCountMax {
            state.prefetchCountMax = channelCountMax
            unblockConsumers()
        }
        send(BasicQosOk())
    }

    /// basic.consume (AMQP 0-9-1 §1.8.3.3).
    ///
    /// - Throws: 404, 405, 403 (exclusive clash), 406 (an argument of a wrong type or value), 530
    ///   (tag in use).
    func consume(_ method: BasicConsume) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        var tag = method.consumerTag
        if tag.isEmpty {
            let name = Array("amq.ctag-".utf8) + virtualHost.state.random.name(count: 22)
            tag = ShortString(bytes: name) ?? ""
        }
        guard consumer(tagged: tag) == nil, state.directReply?.consumerTag != tag else {
            throw ProtocolError(
                .notAllowed,
                "attempt to reuse consumer tag '\(tag.string)'"
            )
        }
        if method.queue == DirectReply.pseudoQueue {
            try consumeDirectReplies(method, tag: tag)
            return
        }
        let name = try resolve(method.queue)
        let queue = try virtualHost.existingQueue(name, for: state.connection)
        let start = try streamStart(of: method, queue: queue)
        let filter = try StreamFilter(method.arguments)
        guard !method.noAck || queue.state.groups == nil else {
            throw ProtocolError(
                .preconditionFailed,
                "queue '\(name.string)' in vhost '\(virtualHost.nameText)' hands messages out in "
                    + "order of their groups: its consumers must acknowledge"
            )
        }
        let priority = try priority(of: method)
        try checkIdleArguments(of: method)
        let isExclusive = method.exclusive && queue.state.settings.type == .classic
        try checkExclusive(isExclusive, queue: queue, name: name)
        let timeout = try AcknowledgementTimeout.ofConsumer(method.arguments)
        guard queue.state.settings.type == .classic || state.prefetchCountMax == Int.max else {
            throw ProtocolError(
                .notImplemented,
                "queue '\(name.string)' in vhost '\(virtualHost.nameText)' does not support "
                    + "global qos"
            )
        }
        if queue.state.stream != nil { try checkCredit(method, name: name) }
        let consumer = Consumer(
            ConsumerState(
                channel: self,
                queue: queue,
                tag: tag,
                isNoAck: method.noAck,
                isExclusive: isExclusive,
                prefetchCountMax: state.consumerPrefetchCountMax,
                priority: priority,
                acknowledgementTimeout: timeout,
                arguments: method.arguments,
                deliveryHead: OwnedBytes(deliveryHead(for: tag)),
                cursor: queue.state.stream?.cursor(at: start ?? .next, filter: filter)
            )
        )
        if let cursor = consumer.state.cursor {
            cursor.consumer = consumer
            state.readsStreams = true
        }
        state.consumers.append(consumer)
        if !method.noWait { send(BasicConsumeOk(consumerTag: tag)) }
        queue.add(consumer)
        if !method.noAck { watchAcknowledgements(within: virtualHost.timeout(of: consumer)) }
    }

    private func priority(of method: BasicConsume) throws(ProtocolError) -> Int64 {
        guard let value = method.arguments["x-priority"] else { return 0 }
        guard let priority = value.integer else { throw wrongType("x-priority", value) }
        return priority
    }

    /// To be told when a mirrored queue fails over, which none here does.
    static var failoverArgument: ShortString { "x-cancel-on-ha-failover" }

    /// Checks arguments that have no effect: of mirrored queues, and of AMQP 1.0's credit.
    ///
    /// - Throws: 406 for a wrong type (x-credit: RabbitMQ 541).
    private func checkIdleArguments(of method: BasicConsume) throws(ProtocolError) {
        if let value = method.arguments[Channel.failoverArgument], value.boolean == nil {
            throw wrongType(Channel.failoverArgument, value)
        }
        guard let value = method.arguments["x-credit"] else { return }
        guard case .table = value else { throw wrongType("x-credit", value) }
    }

    private func wrongType(_ argument: ShortString, _ value: FieldValue) -> ProtocolError {
        ProtocolError(
            .preconditionFailed,
            "invalid arg '\(argument.string)': unacceptable type \(value.type.errorName)"
        )
    }

    /// Only classic queues know exclusive consumers; others take the flag and do not look at it.
    private func checkExclusive(
        _ isExclusive: Bool,
        queue: Queue,
        name: ShortString
    )
        throws(ProtocolError)
    {
        let isTaken = queue.state.exclusiveConsumer != nil
        let isShared = isExclusive && !queue.state.consumers.isEmpty
        let isSingle = isExclusive && queue.state.settings.hasSingleActiveConsumer
        guard isTaken || isShared || isSingle else { return }
        throw ProtocolError(
            .accessRefused,
            "queue '\(name.string)' in vhost '\(state.virtualHost.nameText)' in exclusive use"
        )
    }

    func consumer(tagged tag: ShortString) -> Consumer? {
        for consumer in state.consumers where consumer.state.tag == tag { return consumer }
        return nil
    }

    /// What every delivery to a consumer begins with, size still to be filled in.
    func deliveryHead(for tag: ShortString) -> [UInt8] {
        var writer = ByteWriter(capacity: 12 + tag.count)
        writer.writeUInt8(FrameOctet.method)
        writer.writeUInt16(state.number)
        writer.writeUInt32(0)
        writer.writeUInt32(BasicDeliver.id.packed)
        writer.writeShortString(tag)
        return writer.bytes
    }

    /// basic.cancel; an unknown tag is answered all the same.
    func cancel(_ method: BasicCancel) {
        if let consumer = consumer(tagged: method.consumerTag) {
            state.consumers.removeAll { $0 == consumer }
            detach(consumer)
        } else if state.directReply?.consumerTag == method.consumerTag {
            endDirectReply()
        }
        if !method.noWait { send(BasicCancelOk(consumerTag: method.consumerTag)) }
    }

    /// The queue is gone: the consumer ends, and is told so if the client understands it.
    func cancelByServer(_ consumer: Consumer) {
        state.consumers.removeAll { $0 == consumer }
        if state.connection.state.capabilities.consumerCancelNotify {
            send(BasicCancel(consumerTag: consumer.state.tag, noWait: true))
        }
        consumer.state.queue.remove(consumer)
        consumer.destroyIfUnused()
    }

    /// basic.get (AMQP 0-9-1 §1.8.3.10); prefetch does not count here.
    func get(_ method: BasicGet) throws(ProtocolError) {
        let name = try resolve(method.queue)
        let queue = try state.virtualHost.existingQueue(name, for: state.connection)
        try refuseForStream(queue, "basic.get", name: name)
        let settings = queue.state.settings
        guard settings.type != .quorum || !settings.hasSingleActiveConsumer else {
            throw ProtocolError(
                .resourceLocked,
                "cannot obtain access to locked queue '\(name.string)' in vhost "
                    + "'\(state.virtualHost.nameText)'. basic.get operations are not supported by "
                    + "quorum queues with single active consumer"
            )
        }
        queue.noteUse()
        get(from: queue, isNoAck: method.noAck)
    }

    /// Fetches the next message; when it is on disk only, the connection waits for it.
    func get(from queue: Queue, isNoAck: Bool) {
        let found: QueueEntry?
        if let groups = queue.state.groups {
            guard queue.mayFetch(for: self, isNoAck: isNoAck, groups) else { return }
            found = queue.fetch(isNoAck: isNoAck, groups)
        } else {
            while let next = queue.state.ready.first, queue.isDue(next.terms) { queue.endFirst() }
            guard !queue.mustRead(for: self, isNoAck: isNoAck) else { return }
            found = queue.takeNext()
        }
        guard let entry = found else {
            state.counters.getEmpty += 1
            queue.state.counters.getEmpty += 1
            send(BasicGetEmpty())
            return
        }
        let deliveryTag = state.nextDeliveryTag
        state.nextDeliveryTag += 1
        queue.withMessage(of: entry, isFetched: true) { message in
            writeGetOk(entry, message, deliveryTag: deliveryTag, left: queue.state.ready.count)
        }
        if entry.isRedelivered {
            queue.state.counters.redelivered += 1
            state.counters.redelivered += 1
        }
        if isNoAck {
            state.counters.gotNoAck += 1
            queue.state.counters.gotNoAck += 1
            queue.discard(entry)
            return
        }
        state.counters.got += 1
        queue.state.counters.got += 1
        if queue.state.journalID != 0 {
            state.virtualHost.markDelivered(queue, through: entry.position)
        }
        queue.state.unackedCount += 1
        queue.state.unackedBytes += Int(entry.bodySize)
        state.unacked.append(
            UnackedDelivery(
                deliveryTag: deliveryTag,
                queue: queue,
                consumer: nil,
                entry: entry,
                status: .open,
                tick: state.virtualHost.state.tick
            )
        )
        if state.virtualHost.state.paging.isActive { noteForPaging() }
        watchAcknowledgements(within: state.virtualHost.timeout(of: queue))
    }

    private func writeGetOk(
        _ entry: QueueEntry,
        _ message: Message,
        deliveryTag: UInt64,
        left: Int
    ) {
        var writer = ByteWriter(capacity: 32 + entry.message.routeSize)
        writer.writeUInt32(BasicGetOk.id.packed)
        writer.writeUInt64(deliveryTag)
        writer.writeUInt8(entry.isRedelivered ? 1 : 0)
        writer.writeView(entry.message.route)
        writer.writeUInt32(UInt32(clamping: left))
        state.connection.writeMethod(
            writer.bytes,
            contentOf: message,
            channel: state.number
        )
    }
}
