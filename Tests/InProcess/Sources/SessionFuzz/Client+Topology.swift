import InProcess
import TestSupport
import Wire

/// Declaring, binding and deleting.
extension Client {
    func changeTopology(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        switch Int.random(in: 0..<18, using: &seed) {
        case 0...4: declareQueue(in: &script, channel, &seed)
        case 5...6: declareExchange(in: &script, channel, &seed)
        case 15, 16: declareEverything(in: &script, channel: channel)
        case 7...10: bind(in: &script, channel, &seed)
        case 11: unbind(in: &script, channel, &seed)
        case 12: script.method(QueuePurge(queue: seed.pick(Self.queues)), channel: channel)
        case 13, 14:
            script.method(
                QueueDelete(
                    queue: seed.pick(Self.queues),
                    ifUnused: seed.oneIn(4),
                    ifEmpty: seed.oneIn(4),
                    noWait: seed.oneIn(4)
                ),
                channel: channel
            )
        default:
            script.method(
                ExchangeDelete(exchange: seed.pick(Self.exchanges), ifUnused: seed.oneIn(4)),
                channel: channel
            )
        }
    }

    /// Declares all queues and exchanges, and some bindings.
    func declareEverything(in script: inout ClientScript, channel: UInt16) {
        for queue in Self.queues {
            script.method(
                QueueDeclare(
                    queue: queue,
                    durable: Self.isDurable(queue),
                    arguments: Self.arguments(of: queue)
                ),
                channel: channel
            )
        }
        for (exchange, type) in Self.types {
            script.method(
                ExchangeDeclare(
                    exchange: exchange,
                    type: type,
                    arguments: Self.arguments(of: exchange)
                ),
                channel: channel
            )
            script.method(
                QueueBind(queue: "q1", exchange: exchange, routingKey: "a.*"),
                channel: channel
            )
        }
    }

    private static let types: [(exchange: ShortString, type: ShortString)] = [
        ("x-direct", "direct"), ("x-fanout", "fanout"), ("x-topic", "topic"),
        ("x-headers", "headers"), ("x-alternate", "direct"), ("x-chance", "x-random"),
        ("x-history", "x-recent-history"), ("x-hash", "x-modulus-hash"),
    ]

    /// The arguments go with the name, so that declaring again is mostly equivalent.
    private static func arguments(of name: ShortString) -> FieldTable {
        switch name {
        case "q2":
            [
                "x-max-length": .int32(3), "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "q5",
            ]
        case "q3": ["x-max-length-bytes": .int32(5_000), "x-overflow": "reject-publish"]
        case "q4": ["x-single-active-consumer": .bool(true), "x-dead-letter-exchange": "x-fanout"]
        case "q5":
            [
                "x-max-priority": .int32(4), "x-message-ttl": .int32(20_000),
                "x-dead-letter-exchange": "x-history",
            ]
        case "q6":
            [
                "x-message-ttl": .int32(5_000), "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "q2", "x-expires": .int32(60_000),
            ]
        case "q7": ["x-queue-type": "quorum", "x-delivery-limit": .int32(2)]
        case "q8":
            [
                "x-queue-type": "stream", "x-max-length-bytes": .int32(20_000), "x-max-age": "20s",
                "x-stream-max-segment-size-bytes": .int32(4_000),
            ]
        case "x-alternate": ["alternate-exchange": "x-fanout"]
        default: [:]
        }
    }

    private static func isDurable(_ queue: ShortString) -> Bool { ["q7", "q8"].contains(queue) }

    private func declareQueue(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed)
    {
        let queue = seed.pick(Self.queues)
        script.method(
            QueueDeclare(
                queue: seed.oneIn(12) ? "" : queue,
                passive: seed.oneIn(8),
                durable: Self.isDurable(queue),
                exclusive: seed.oneIn(30),
                autoDelete: seed.oneIn(30),
                noWait: seed.oneIn(6),
                arguments: seed.oneIn(40) ? .random(using: &seed) : Self.arguments(of: queue)
            ),
            channel: channel
        )
    }

    private func declareExchange(
        in script: inout ClientScript,
        _ channel: UInt16,
        _ seed: inout Seed
    ) {
        let exchange = seed.pick(Self.exchanges)
        script.method(
            ExchangeDeclare(
                exchange: exchange,
                type: Self.types.first { $0.exchange == exchange }?.type ?? "topic",
                passive: seed.oneIn(8),
                autoDelete: seed.oneIn(40),
                internal: seed.oneIn(40),
                noWait: seed.oneIn(6),
                arguments: Self.arguments(of: exchange)
            ),
            channel: channel
        )
    }

    private func bind(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let source = seed.pick(Self.exchanges)
        if seed.oneIn(4) {
            script.method(
                ExchangeBind(
                    destination: seed.pick(Self.exchanges),
                    source: source,
                    routingKey: seed.pick(Self.patterns),
                    arguments: arguments(&seed)
                ),
                channel: channel
            )
        } else {
            script.method(
                QueueBind(
                    queue: seed.oneIn(8) ? "" : seed.pick(Self.queues),
                    exchange: source,
                    routingKey: seed.pick(Self.patterns),
                    noWait: seed.oneIn(6),
                    arguments: arguments(&seed)
                ),
                channel: channel
            )
        }
    }

    private func unbind(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let source = seed.pick(Self.exchanges)
        if seed.oneIn(4) {
            script.method(
                ExchangeUnbind(
                    destination: seed.pick(Self.exchanges),
                    source: source,
                    routingKey: seed.pick(Self.patterns),
                    arguments: arguments(&seed)
                ),
                channel: channel
            )
        } else {
            script.method(
                QueueUnbind(
                    queue: seed.pick(Self.queues),
                    exchange: source,
                    routingKey: seed.pick(Self.patterns),
                    arguments: arguments(&seed)
                ),
                channel: channel
            )
        }
    }

    private func arguments(_ seed: inout Seed) -> FieldTable {
        switch Int.random(in: 0..<10, using: &seed) {
        case 0: ["x-match": "any", "a": .int32(1), "b": .void]
        case 1: ["x-match": "all", "a": .int64(2)]
        case 2: ["a": .double(1)]
        default: [:]
        }
    }
}
