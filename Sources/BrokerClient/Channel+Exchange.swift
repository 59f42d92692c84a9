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
}
