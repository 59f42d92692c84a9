import InProcess
import TestSupport
import Wire

/// Declaring, binding and deleting.
extension Client {
    func changeTopology(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        switch Int.random(in: 0..<16, using: &seed) {
        case 0...4: declareQueue(in: &script, channel, &seed)
        case 5...6: declareExchange(in: &script, channel, &seed)
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

    private func declareQueue(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed)
    {
        let queue = seed.pick(Self.queues)
        // The arguments go with the name, so that declaring again is mostly equivalent.
        var arguments = FieldTable()
        if queue == "q2" {
            arguments = ["x-max-length": .int32(3)]
        } else if queue == "q3" {
            arguments = ["x-max-length-bytes": .int32(5_000), "x-overflow": "reject-publish"]
        } else if queue == "q4" {
            arguments = ["x-single-active-consumer": .bool(true)]
        }
        script.method(
            QueueDeclare(
                queue: seed.oneIn(12) ? "" : queue,
                passive: seed.oneIn(8),
                exclusive: seed.oneIn(10),
                autoDelete: seed.oneIn(10),
                noWait: seed.oneIn(6),
                arguments: seed.oneIn(16) ? .random(using: &seed) : arguments
            ),
            channel: channel
        )
    }

    private func declareExchange(
        in script: inout ClientScript,
        _ channel: UInt16,
        _ seed: inout Seed
    ) {
        let types: [ShortString: ShortString] = [
            "x-direct": "direct", "x-fanout": "fanout", "x-topic": "topic", "x-headers": "headers",
            "x-alternate": "direct",
        ]
        let exchange = seed.pick(Self.exchanges)
        script.method(
            ExchangeDeclare(
                exchange: exchange,
                type: types[exchange] ?? seed.pick(["direct", "topic", "no-such-type"]),
                passive: seed.oneIn(8),
                autoDelete: seed.oneIn(10),
                internal: seed.oneIn(16),
                noWait: seed.oneIn(6),
                arguments: exchange == "x-alternate" ? ["alternate-exchange": "x-fanout"] : [:]
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
