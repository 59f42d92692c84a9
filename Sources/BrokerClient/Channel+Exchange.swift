import Wire

extension Channel {
    /// What an exchange is declared with.
    public struct ExchangeOptions: Hashable, Sendable {
        /// Survives a restart of the broker.
        public var isDurable = false
        /// Deleted with its last binding.
        public var isAutoDelete = false
        /// Takes messages only from other exchanges.
        public var isInternal = false
        /// Such as `alternate-exchange`.
        public var arguments = FieldTable()

        /// None of it.
        public init() {}
    }

    /// Makes an exchange, or checks that an existing one is the same (exchange.declare).
    ///
    /// - Parameters:
    ///   - name: Names beginning with "amq." are the broker's.
    ///   - type: direct, fanout, topic, headers, or what the broker has besides.
    ///   - options: What else has to be the same.
    /// - Throws: `.channelClosed` with 406 when it exists with other properties, 403 for a
    ///   reserved name; `.connectionClosed` with 503 for an unknown type.
    public func declareExchange(
        _ name: ShortString,
        type: ShortString,
        options: ExchangeOptions = ExchangeOptions()
    ) async throws(ClientError) {
        let declare = ExchangeDeclare(
            exchange: name,
            type: type,
            durable: options.isDurable,
            autoDelete: options.isAutoDelete,
            internal: options.isInternal,
            arguments: options.arguments
        )
        _ = try await call(declare, expecting: ExchangeDeclareOk.self)
    }

    /// Checks that an exchange exists (exchange.declare, passive).
    ///
    /// - Throws: `.channelClosed` with 404 when it does not.
    public func checkExchange(_ name: ShortString) async throws(ClientError) {
        _ = try await call(
            ExchangeDeclare(exchange: name, passive: true),
            expecting: ExchangeDeclareOk.self
        )
    }

    /// Deletes an exchange; one that does not exist is no error to RabbitMQ.
    ///
    /// - Parameters:
    ///   - name: The exchange.
    ///   - ifUnused: Whether to refuse with 406 while it has bindings.
    /// - Throws: `.channelClosed`.
    public func deleteExchange(
        _ name: ShortString,
        ifUnused: Bool = false
    ) async throws(ClientError) {
        _ = try await call(
            ExchangeDelete(exchange: name, ifUnused: ifUnused),
            expecting: ExchangeDeleteOk.self
        )
    }

    /// Binds an exchange to another, from which it gets messages (exchange.bind).
    ///
    /// - Parameters:
    ///   - destination: Gets the messages.
    ///   - source: Has them.
    ///   - key: The binding key.
    ///   - arguments: For a headers exchange, what to match.
    /// - Throws: `.channelClosed` with 404 when either does not exist.
    public func bindExchange(
        _ destination: ShortString,
        to source: ShortString,
        key: ShortString = "",
        arguments: FieldTable = FieldTable()
    ) async throws(ClientError) {
        let bind = ExchangeBind(
            destination: destination,
            source: source,
            routingKey: key,
            arguments: arguments
        )
        _ = try await call(bind, expecting: ExchangeBindOk.self)
    }

    /// Removes the binding of exchanges with the same key and arguments (exchange.unbind).
    public func unbindExchange(
        _ destination: ShortString,
        from source: ShortString,
        key: ShortString = "",
        arguments: FieldTable = FieldTable()
    ) async throws(ClientError) {
        let unbind = ExchangeUnbind(
            destination: destination,
            source: source,
            routingKey: key,
            arguments: arguments
        )
        _ = try await call(unbind, expecting: ExchangeUnbindOk.self)
    }
}
