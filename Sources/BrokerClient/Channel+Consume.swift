import Wire

extension Channel {
    /// What a consumer is started with.
    public struct ConsumeOptions: Hashable, Sendable {
        /// Its name within the channel; an empty one lets the broker choose.
        public var consumerTag: ShortString = ""
        /// Whether the broker forgets a message once it is sent; otherwise each is to be
        /// acknowledged.
        public var isNoAck = false
        /// Whether nobody else may consume from the queue.
        public var isExclusive = false
        /// Such as `x-priority`.
        public var arguments = FieldTable()

        /// None of it.
        public init() {}
    }

    /// Starts a consumer (basic.consume).
    ///
    /// Set a prefetch before: without one the broker sends the whole queue, and what the
    /// application leaves unread stays in the connection's buffers until reading stops.
    ///
    /// - Parameters:
    ///   - queue: Where from.
    ///   - options: How.
    /// - Returns: What is delivered, for one reader.
    /// - Throws: `.channelClosed` with 404 when the queue does not exist, 403 when it has an
    ///   exclusive consumer, 405 when it is exclusive to another connection.
    public func consume(
        _ queue: ShortString,
        options: ConsumeOptions = ConsumeOptions()
    ) async throws(ClientError) -> Deliveries {
        let session = session
        let state = state
        let buffer = DeliveryBuffer(
            countMax: session.options.unreadDeliveriesMax,
            bytesMax: session.options.unreadBytesMax
        )
        let consume = BasicConsume(
            queue: queue,
            consumerTag: options.consumerTag,
            noAck: options.isNoAck,
            exclusive: options.isExclusive,
            arguments: options.arguments
        )
        // The first delivery may lie right behind the answer, so the buffer is put in place
        // before anything else is read.
        let answer = try await call(consume, expecting: BasicConsumeOk.self) { reply in
            guard case .basicConsumeOk(let answer) = reply.method else { return }
            state.consumers[answer.consumerTag] = buffer
        }
        return Deliveries(channel: self, consumerTag: answer.consumerTag, buffer: buffer)
    }

    /// Stops a consumer (basic.cancel) and waits for the answer.
    ///
    /// Its deliveries end after those that were already received.
    public func cancel(_ consumerTag: ShortString) async throws(ClientError) {
        let session = session
        let state = state
        _ = try await call(BasicCancel(consumerTag: consumerTag), expecting: BasicCancelOk.self) {
            _ in
            state.consumers.removeValue(forKey: consumerTag)?.finish(nil, session: session)
        }
    }

    /// Fetches one message (basic.get).
    ///
    /// - Parameters:
    ///   - queue: Where from.
    ///   - isNoAck: Whether the broker forgets the message at once.
    /// - Returns: `nil` when the queue is empty.
    /// - Throws: `.channelClosed` with 404 when the queue does not exist.
    public func get(
        _ queue: ShortString,
        isNoAck: Bool = false
    ) async throws(ClientError) -> FetchedMessage? {
        let reply = try await session.call(BasicGet(queue: queue, noAck: isNoAck), on: state)
        switch reply.method {
        case .basicGetEmpty:
            return nil
        case .basicGetOk(let answer):
            return FetchedMessage(
                tag: DeliveryTag(answer.deliveryTag),
                isRedelivered: answer.redelivered,
                exchange: answer.exchange,
                routingKey: answer.routingKey,
                messageCount: answer.messageCount,
                message: reply.message ?? Message([])
            )
        default:
            throw .protocolViolation("the broker answered basic.get with \(reply.method.name)")
        }
    }

    // MARK: Settling

    /// Acknowledges a delivery, which is thereby done (basic.ack).
    ///
    /// - Parameters:
    ///   - tag: The delivery.
    ///   - isMultiple: Whether all earlier ones of the channel are meant as well.
    /// - Throws: Why the channel has ended. An unknown tag closes the channel with 406 some time
    ///   after.
    public func ack(_ tag: DeliveryTag, isMultiple: Bool = false) throws(ClientError) {
        try send(BasicAck(deliveryTag: tag.value, multiple: isMultiple))
    }

    /// Refuses a delivery (basic.nack, RabbitMQ's extension).
    ///
    /// - Parameters:
    ///   - tag: The delivery.
    ///   - isMultiple: Whether all earlier ones of the channel are meant as well.
    ///   - requeue: Whether it goes back to its queue; else it is dead-lettered or dropped.
    /// - Throws: As `ack`.
    public func nack(
        _ tag: DeliveryTag,
        isMultiple: Bool = false,
        requeue: Bool
    ) throws(ClientError) {
        try send(BasicNack(deliveryTag: tag.value, multiple: isMultiple, requeue: requeue))
    }

    /// Refuses one delivery (basic.reject); see `nack`.
    public func reject(_ tag: DeliveryTag, requeue: Bool) throws(ClientError) {
        try send(BasicReject(deliveryTag: tag.value, requeue: requeue))
    }

    /// Puts all unacknowledged deliveries of the channel back to be delivered again
    /// (basic.recover).
    ///
    /// - Parameter requeue: RabbitMQ only does `true`, and answers 540 to `false`.
    /// - Throws: Why the channel has ended.
    public func recover(requeue: Bool = true) async throws(ClientError) {
        _ = try await call(BasicRecover(requeue: requeue), expecting: BasicRecoverOk.self)
    }

    // MARK: Transactions

    /// Makes publishing and acknowledging on the channel transactional (tx.select).
    public func selectTransactions() async throws(ClientError) {
        _ = try await call(TxSelect(), expecting: TxSelectOk.self)
    }

    /// Makes what was published and acknowledged since the last commit happen (tx.commit).
    public func commit() async throws(ClientError) {
        _ = try await call(TxCommit(), expecting: TxCommitOk.self)
    }

    /// Forgets what was published and acknowledged since the last commit (tx.rollback).
    public func rollback() async throws(ClientError) {
        _ = try await call(TxRollback(), expecting: TxRollbackOk.self)
    }
}
