import Wire

extension Channel {
    /// What a queue is declared with.
    public struct QueueOptions: Hashable, Sendable {
        /// Survives a restart of the broker.
        public var isDurable = false
        /// Used by this connection alone and deleted with it.
        public var isExclusive = false
        /// Deleted with its last consumer.
        public var isAutoDelete = false
        /// Such as `x-max-length`.
        public var arguments = FieldTable()

        /// None of it.
        public init() {}
    }

    /// A queue as its declaration found it.
    public struct DeclaredQueue: Hashable, Sendable {
        /// As chosen by the application or, if that was empty, by the broker.
        public var name: ShortString
        /// Messages ready for delivery.
        public var messageCount: UInt32
        public var consumerCount: UInt32
    }

    /// Makes a queue, or checks that an existing one is the same (queue.declare).
    ///
    /// - Parameters:
    ///   - name: An empty one lets the broker choose.
    ///   - options: What has to be the same.
    /// - Returns: Its name and what is in it.
    /// - Throws: `.channelClosed` with 406 when it exists with other properties, 405 when it is
    ///   exclusive to another connection, 403 for a reserved name.
    @discardableResult
    public func declareQueue(
        _ name: ShortString = "",
        options: QueueOptions = QueueOptions()
    ) async throws(ClientError) -> DeclaredQueue {
        let declare = QueueDeclare(
            queue: name,
            durable: options.isDurable,
            exclusive: options.isExclusive,
            autoDelete: options.isAutoDelete,
            arguments: options.arguments
        )
        return DeclaredQueue(try await call(declare, expecting: QueueDeclareOk.self))
    }

    /// Checks that a queue exists and counts what is in it (queue.declare, passive).
    ///
    /// - Throws: `.channelClosed` with 404 when it does not exist, 405 when it is exclusive to
    ///   another connection.
    public func checkQueue(_ name: ShortString) async throws(ClientError) -> DeclaredQueue {
        let declare = QueueDeclare(queue: name, passive: true)
        return DeclaredQueue(try await call(declare, expecting: QueueDeclareOk.self))
    }

    /// Deletes a queue; one that does not exist is no error to RabbitMQ.
    ///
    /// - Parameters:
    ///   - name: The queue.
    ///   - ifUnused: Whether to refuse with 406 while it has consumers.
    ///   - ifEmpty: Whether to refuse with 406 while it has messages.
    /// - Returns: How many messages were lost with it.
    /// - Throws: `.channelClosed`.
    @discardableResult
    public func deleteQueue(
        _ name: ShortString,
        ifUnused: Bool = false,
        ifEmpty: Bool = false
    ) async throws(ClientError) -> UInt32 {
        let delete = QueueDelete(queue: name, ifUnused: ifUnused, ifEmpty: ifEmpty)
        return try await call(delete, expecting: QueueDeleteOk.self).messageCount
    }

    /// Drops the messages that are ready (queue.purge).
    ///
    /// - Returns: How many there were.
    /// - Throws: `.channelClosed` with 404 when the queue does not exist.
    @discardableResult
    public func purgeQueue(_ name: ShortString) async throws(ClientError) -> UInt32 {
        try await call(QueuePurge(queue: name), expecting: QueuePurgeOk.self).messageCount
    }
}

extension Channel.DeclaredQueue {
    init(_ answer: QueueDeclareOk) {
        self.init(
            name: answer.queue,
            messageCount: answer.messageCount,
            consumerCount: answer.consumerCount
        )
    }
}
