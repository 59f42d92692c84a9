import TestSupport
import Testing
import Wire

/// A request that is refused, and what the refusal takes down.
struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let script: Script
    let code: ReplyCode
    let method: MethodID?

    init(
        _ what: String,
        _ request: some MethodArguments,
        _ code: ReplyCode,
        after before: Script = Script()
    ) {
        testDescription = "\(code.value) for \(what)"
        script = Script().raw(before.bytes).method(request)
        self.code = code
        method = type(of: request).id
    }

    init(_ what: String, _ script: Script, _ code: ReplyCode, at method: MethodID? = nil) {
        testDescription = "\(code.value) for \(what)"
        self.script = script
        self.code = code
        self.method = method
    }
}

extension Refusal {
    private static func with(_ change: (inout BasicProperties) -> Void) -> BasicProperties {
        var properties = BasicProperties()
        change(&properties)
        return properties
    }

    private static func publish(
        _ what: String,
        _ code: ReplyCode,
        exchange: ShortString = "",
        _ change: (inout BasicProperties) -> Void = { _ in }
    ) -> Refusal {
        Refusal(
            what,
            Script().publish("m", to: "own", exchange: exchange, with(change)),
            code,
            at: BasicPublish.id
        )
    }

    private static func argument(_ name: ShortString, _ value: FieldValue) -> Refusal {
        Refusal(
            "\(name) \(value)",
            QueueDeclare(queue: "new", arguments: [name: value]),
            .preconditionFailed
        )
    }

    static let ofChannel: [Refusal] = exchanges + queues + messages + publishes

    private static let exchanges: [Refusal] = [
        Refusal(
            "passive declare of a missing exchange",
            ExchangeDeclare(exchange: "missing", type: "direct", passive: true),
            .notFound
        ),
        Refusal(
            "reserved exchange name",
            ExchangeDeclare(exchange: "amq.new", type: "direct"),
            .accessRefused
        ),
        Refusal("default exchange", ExchangeDeclare(exchange: "", type: "direct"), .accessRefused),
        Refusal(
            "other type",
            ExchangeDeclare(exchange: "used", type: "fanout"),
            .preconditionFailed
        ),
        Refusal(
            "other durability",
            ExchangeDeclare(exchange: "used", type: "direct", durable: true),
            .preconditionFailed
        ),
        Refusal(
            "other auto-delete",
            ExchangeDeclare(exchange: "used", type: "direct", autoDelete: true),
            .preconditionFailed
        ),
        Refusal(
            "other internal",
            ExchangeDeclare(exchange: "used", type: "direct", internal: true),
            .preconditionFailed
        ),
        Refusal(
            "other alternate exchange",
            ExchangeDeclare(
                exchange: "used",
                type: "direct",
                arguments: ["alternate-exchange": "amq.fanout"]
            ),
            .preconditionFailed
        ),
        Refusal(
            "alternate exchange that is no string",
            ExchangeDeclare(
                exchange: "new",
                type: "direct",
                arguments: ["alternate-exchange": .int32(1)]
            ),
            .preconditionFailed
        ),
        Refusal(
            "deleting an exchange in use",
            ExchangeDelete(exchange: "used", ifUnused: true),
            .preconditionFailed
        ),
        Refusal(
            "deleting a predeclared exchange",
            ExchangeDelete(exchange: "amq.topic"),
            .accessRefused
        ),
        Refusal("deleting the default exchange", ExchangeDelete(exchange: ""), .accessRefused),
        Refusal(
            "binding from a missing exchange",
            ExchangeBind(destination: "used", source: "missing"),
            .notFound
        ),
        Refusal(
            "binding to a missing exchange",
            ExchangeBind(destination: "missing", source: "used"),
            .notFound
        ),
        Refusal(
            "binding from the default exchange",
            ExchangeBind(destination: "used", source: ""),
            .accessRefused
        ),
        Refusal(
            "unbinding the default exchange",
            ExchangeUnbind(destination: "", source: "used"),
            .accessRefused
        ),
    ]

    private static let queues: [Refusal] = [
        Refusal(
            "passive declare of a missing queue",
            QueueDeclare(queue: "missing", passive: true),
            .notFound
        ),
        Refusal("reserved queue name", QueueDeclare(queue: "amq.new"), .accessRefused),
        Refusal("somebody else's queue", QueueDeclare(queue: "locked"), .resourceLocked),
        Refusal(
            "passive declare of somebody else's queue",
            QueueDeclare(queue: "locked", passive: true),
            .resourceLocked
        ),
        Refusal(
            "shared queue as exclusive",
            QueueDeclare(queue: "held", exclusive: true),
            .resourceLocked
        ),
        Refusal("exclusive queue as shared", QueueDeclare(queue: "own"), .resourceLocked),
        Refusal("other arguments", QueueDeclare(queue: "held"), .preconditionFailed),
        Refusal(
            "other durability",
            QueueDeclare(queue: "busy", durable: true),
            .preconditionFailed
        ),
        Refusal(
            "other auto-delete",
            QueueDeclare(queue: "busy", autoDelete: true),
            .preconditionFailed
        ),
        argument("x-max-length", .int32(-1)), argument("x-max-length", "1"),
        argument("x-max-length-bytes", .bool(true)), argument("x-message-ttl", .int64(1 << 39)),
        argument("x-expires", .int32(0)), argument("x-overflow", "explode"),
        argument("x-max-priority", .int32(256)), argument("x-queue-type", "river"),
        argument("x-single-active-consumer", "yes"), argument("x-queue-mode", "quick"),
        argument("x-dead-letter-routing-key", "k"), argument("x-dead-letter-exchange", .void),
        Refusal("binding a missing queue", QueueBind(queue: "missing", exchange: ""), .notFound),
        Refusal(
            "binding to a missing exchange",
            QueueBind(queue: "own", exchange: "missing"),
            .notFound
        ),
        Refusal(
            "binding to the default exchange",
            QueueBind(queue: "own", exchange: ""),
            .accessRefused
        ),
        Refusal(
            "binding the queue declared last, which is gone",
            QueueBind(exchange: "used"),
            .notFound,
            after: Script().method(QueueDelete(queue: "own"))
        ),
        Refusal(
            "binding somebody else's queue",
            QueueBind(queue: "locked", exchange: "used"),
            .resourceLocked
        ),
        Refusal(
            "unknown x-match",
            QueueBind(
                queue: "own",
                exchange: "amq.headers",
                arguments: ["x-match": "most"]
            ),
            .preconditionFailed
        ),
        Refusal(
            "unbinding somebody else's queue",
            QueueUnbind(queue: "locked", exchange: "used"),
            .resourceLocked
        ),
        Refusal("purging a missing queue", QueuePurge(queue: "missing"), .notFound),
        Refusal("purging somebody else's queue", QueuePurge(queue: "locked"), .resourceLocked),
        Refusal("deleting somebody else's queue", QueueDelete(queue: "locked"), .resourceLocked),
        Refusal(
            "deleting a used queue",
            QueueDelete(queue: "busy", ifUnused: true),
            .preconditionFailed
        ),
        Refusal(
            "deleting a filled queue",
            QueueDelete(queue: "held", ifEmpty: true),
            .preconditionFailed
        ),
    ]

    private static let messages: [Refusal] = [
        Refusal(
            "consuming with an x-credit that is no table",
            BasicConsume(queue: "own", arguments: ["x-credit": .int32(5)]),
            .preconditionFailed
        ),
        Refusal("consuming a missing queue", BasicConsume(queue: "missing"), .notFound),
        Refusal("consuming somebody else's queue", BasicConsume(queue: "locked"), .resourceLocked),
        Refusal(
            "joining an exclusive consumer",
            BasicConsume(queue: "watched"),
            .accessRefused
        ),
        Refusal(
            "exclusive consumer beside another",
            BasicConsume(queue: "busy", exclusive: true),
            .accessRefused
        ),
        Refusal(
            "exclusive consumer of a queue with a single active one",
            BasicConsume(queue: "single", exclusive: true),
            .accessRefused
        ),
        Refusal(
            "priority that is no integer",
            BasicConsume(queue: "held", arguments: ["x-priority": "high"]),
            .preconditionFailed
        ),
        Refusal("getting from a missing queue", BasicGet(queue: "missing"), .notFound),
        Refusal("getting from somebody else's queue", BasicGet(queue: "locked"), .resourceLocked),
        Refusal("unknown tag", BasicAck(deliveryTag: 1), .preconditionFailed),
        Refusal("tag 0", BasicAck(deliveryTag: 0), .preconditionFailed),
        Refusal(
            "tags up to one unknown",
            BasicAck(deliveryTag: 7, multiple: true),
            .preconditionFailed
        ),
        Refusal("rejecting an unknown tag", BasicReject(deliveryTag: 1), .preconditionFailed),
        Refusal("nacking an unknown tag", BasicNack(deliveryTag: 1), .preconditionFailed),
        Refusal(
            "second ack",
            BasicAck(deliveryTag: 1),
            .preconditionFailed,
            after: Script().method(BasicGet(queue: "held")).method(BasicAck(deliveryTag: 1))
        ),
        Refusal(
            "ack of what was taken without",
            BasicAck(deliveryTag: 1),
            .preconditionFailed,
            after: Script().method(BasicGet(queue: "held", noAck: true))
        ),
        Refusal(
            "ack of another channel's tag",
            BasicAck(deliveryTag: 1),
            .preconditionFailed,
            after: Script().method(BasicGet(queue: "held"), on: 2)
        ),
        Refusal("commit without transactions", TxCommit(), .preconditionFailed),
        Refusal("rollback without transactions", TxRollback(), .preconditionFailed),
        Refusal(
            "confirms with transactions",
            ConfirmSelect(),
            .preconditionFailed,
            after: Script().method(TxSelect())
        ),
        Refusal(
            "transactions with confirms",
            TxSelect(),
            .preconditionFailed,
            after: Script().method(ConfirmSelect())
        ),
        Refusal(
            "acknowledging replies",
            BasicConsume(queue: "amq.rabbitmq.reply-to"),
            .preconditionFailed
        ),
        Refusal(
            "second consumer of replies",
            BasicConsume(queue: "amq.rabbitmq.reply-to", noAck: true),
            .preconditionFailed,
            after: Script().method(BasicConsume(queue: "amq.rabbitmq.reply-to", noAck: true))
        ),
        Refusal(
            "nobody at a reply address",
            QueueDeclare(queue: "amq.rabbitmq.reply-to.nobody", passive: true),
            .notFound
        ),
    ]

    private static let publishes: [Refusal] = [
        publish("missing exchange", .notFound, exchange: "missing"),
        publish("internal exchange", .accessRefused, exchange: "internal"),
        publish("delivery mode 0", .preconditionFailed) { $0.deliveryMode = 0 },
        publish("delivery mode 3", .preconditionFailed) { $0.deliveryMode = 3 },
        publish("somebody else's user-id", .preconditionFailed) { $0.userID = "root" },
        publish("empty user-id", .preconditionFailed) { $0.userID = "" },
        publish("expiration in words", .preconditionFailed) { $0.expiration = "soon" },
        publish("empty expiration", .preconditionFailed) { $0.expiration = "" },
        publish("negative expiration", .preconditionFailed) { $0.expiration = "-1" },
        publish("endless expiration", .preconditionFailed) { $0.expiration = "315360000001" },
        publish("CC that is no array", .preconditionFailed) { $0.headers = ["CC": "own"] },
        publish("BCC that is no array", .preconditionFailed) { $0.headers = ["BCC": .int32(1)] },
        publish("replies nobody consumes", .preconditionFailed) {
            $0.replyTo = "amq.rabbitmq.reply-to"
        },
    ]

    static let ofConnection: [Refusal] = [
        Refusal(
            "unknown exchange type",
            ExchangeDeclare(exchange: "new", type: "x-strange"),
            .commandInvalid
        ),
        Refusal("second channel.open", ChannelOpen(), .channelError),
        Refusal(
            "consumer tag in use",
            BasicConsume(queue: "own", consumerTag: "c"),
            .notAllowed,
            after: Script().method(BasicConsume(queue: "own", consumerTag: "c", noWait: true))
        ),
        Refusal("prefetch size", BasicQos(prefetchSize: 1), .notImplemented),
        Refusal("stopping the flow", ChannelFlow(active: false), .notImplemented),
        Refusal("recover without requeue", BasicRecover(requeue: false), .notImplemented),
        Refusal(
            "immediate",
            Script().method(BasicPublish(routingKey: "own", immediate: true)).header(bodySize: 0),
            .notImplemented,
            at: BasicPublish.id
        ),
        Refusal(
            "a server's method",
            QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0),
            .commandInvalid
        ),
        Refusal("connection method on a channel", ConnectionCloseOk(), .commandInvalid),
        Refusal(
            "method on a channel not open",
            Script().method(BasicQos(prefetchCount: 1), on: 9),
            .channelError,
            at: BasicQos.id
        ),
        Refusal(
            "publish on a channel not open",
            Script().publish("m", to: "own", on: 9),
            .channelError,
            at: BasicPublish.id
        ),
        Refusal(
            "method on channel 0",
            Script().method(BasicQos(prefetchCount: 1), on: 0),
            .channelError,
            at: BasicQos.id
        ),
        Refusal(
            "publish on channel 0",
            Script().publish("m", to: "own", on: 0),
            .channelError,
            at: BasicPublish.id
        ),
        Refusal(
            "second connection.open",
            Script().method(ConnectionOpen(virtualHost: "/"), on: 0),
            .channelError,
            at: ConnectionOpen.id
        ),
        Refusal("heartbeat on a channel", Script().frame(.heartbeat, []), .unexpectedFrame),
        Refusal("heartbeat with a payload", Script().frame(.heartbeat, [1], on: 0), .frameError),
        Refusal("unknown frame type", Script().raw([4, 0, 1, 0, 0, 0, 0, 0xCE]), .frameError),
        Refusal("bad end octet", Script().raw([8, 0, 0, 0, 0, 0, 0, 0xCD]), .frameError),
        Refusal("vast frame", Script().raw([3, 0, 1, 0x7F, 0, 0, 0]), .frameError),
        Refusal("method cut short", Script().frame(.method, [0, 60, 0]), .frameError),
        Refusal(
            "arguments cut short",
            Script().frame(.method, [0, 60, 0, 10, 0]),
            .frameError,
            at: BasicQos.id
        ),
        Refusal(
            "octets behind the arguments",
            Script().frame(.method, [0, 90, 0, 10, 0]),
            .frameError,
            at: TxSelect.id
        ),
        Refusal(
            "publish cut short",
            Script().frame(.method, [0, 60, 0, 40, 0, 0, 0, 9, 65, 0]),
            .frameError,
            at: BasicPublish.id
        ),
    ]
}
