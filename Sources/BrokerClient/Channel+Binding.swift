import Wire

extension Channel {
    /// A queue or an exchange that gets messages from an exchange.
    public struct Binding: Hashable, Sendable {
        /// What gets the messages.
        public enum Destination: Hashable, Sendable {
            case queue(ShortString)
            case exchange(ShortString)
        }

        public var destination: Destination
        /// The exchange that has them.
        public var source: ShortString
        /// The binding key.
        public var key: ShortString
        /// For a headers exchange, what to match.
        public var arguments: FieldTable

        /// Describes a binding.
        public init(
            of destination: Destination,
            to source: ShortString,
            key: ShortString = "",
            arguments: FieldTable = FieldTable()
        ) {
            self.destination = destination
            self.source = source
            self.key = key
            self.arguments = arguments
        }
    }

    /// Makes a binding (queue.bind, exchange.bind).
    ///
    /// - Throws: `.channelClosed` with 404 when either end does not exist.
    public func bind(_ binding: Binding) async throws(ClientError) {
        switch binding.destination {
        case .queue(let queue):
            let bind = QueueBind(
                queue: queue,
                exchange: binding.source,
                routingKey: binding.key,
                arguments: binding.arguments
            )
            _ = try await call(bind, expecting: QueueBindOk.self)
        case .exchange(let exchange):
            let bind = ExchangeBind(
                destination: exchange,
                source: binding.source,
                routingKey: binding.key,
                arguments: binding.arguments
            )
            _ = try await call(bind, expecting: ExchangeBindOk.self)
        }
    }

    /// Removes the binding with the same key and arguments (queue.unbind, exchange.unbind).
    public func unbind(_ binding: Binding) async throws(ClientError) {
        switch binding.destination {
        case .queue(let queue):
            let unbind = QueueUnbind(
                queue: queue,
                exchange: binding.source,
                routingKey: binding.key,
                arguments: binding.arguments
            )
            _ = try await call(unbind, expecting: QueueUnbindOk.self)
        case .exchange(let exchange):
            let unbind = ExchangeUnbind(
                destination: exchange,
                source: binding.source,
                routingKey: binding.key,
                arguments: binding.arguments
            )
            _ = try await call(unbind, expecting: ExchangeUnbindOk.self)
        }
    }
}
