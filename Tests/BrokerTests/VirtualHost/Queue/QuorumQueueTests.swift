import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Quorum queues on one node")
struct QuorumQueueTests {
    private func arguments(_ more: FieldTable = [:]) -> FieldTable {
        var arguments = more
        arguments["x-queue-type"] = "quorum"
        return arguments
    }

    private func declare(_ peer: ScriptedPeer, _ more: FieldTable = [:]) throws {
        try peer.call(
            QueueDeclare(queue: "q", durable: true, arguments: arguments(more)),
            QueueDeclareOk.self
        )
    }

    private func deliveryCount(_ content: Content) -> Int64? {
        content.properties.headers?["x-delivery-count"]?.integer
    }

    @Test("what came back says how often, to consumers and to basic.get, and keeps its headers")
    func deliveryCount() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer)
            var properties = BasicProperties()
            properties.headers = ["mine": "kept"]
            properties.messageID = "id"
            let body = [UInt8](repeating: 7, count: 20_000)
            peer.send(Script().publish(body, to: "q", properties).bytes)
            let first = try peer.get("q")
            #expect(!first.method.redelivered)
            #expect(
                first.content.properties.headers == [
                    "mine": "kept", "x-delivery-count": .int64(0),
                ]
            )
            peer.nack(first.method.deliveryTag)
            let second = try peer.get("q")
            #expect(second.method.redelivered && second.content.body == body)
            #expect(second.content.properties.messageID == "id")
            #expect(
                second.content.properties.headers == [
                    "mine": "kept", "x-delivery-count": .int64(1),
                ]
            )
            peer.nack(second.method.deliveryTag)
            try peer.consume("q", "c")
            #expect(deliveryCount(try peer.expectDelivery().content) == 2)
            peer.hangUp()
            let other = try broker.connect()
            #expect(deliveryCount(try other.get("q", noAck: true).content) == 3)
        }
    }

    @Test("what came back to a classic queue says nothing of it")
    func classic() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.publish("m", to: "q")
            peer.nack(try peer.get("q").method.deliveryTag)
            #expect(try peer.get("q").content.properties == BasicProperties())
        }
    }

    @Test("a message that comes back too often dies, and where that is nowhere it is gone")
    func deliveryLimit() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("dead")
            for isDying in [true, false] {
                var more: FieldTable = ["x-delivery-limit": .int32(2)]
                if isDying {
                    more["x-dead-letter-exchange"] = ""
                    more["x-dead-letter-routing-key"] = "dead"
                }
                try declare(peer, more)
                peer.publish("m", to: "q")
                for _ in 0..<3 { peer.nack(try peer.get("q").method.deliveryTag) }
                #expect(try broker.queue("q").state.ready.count == 0)
                try peer.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            }
            let letter = try peer.get("dead", noAck: true)
            #expect(letter.method.messageCount == 0)
            let headers = letter.content.properties.headers
            #expect(headers?["x-first-death-reason"] == "delivery_limit")
        }
    }

    @Test("every message outlives a crash, whatever its delivery mode")
    func persistence() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: arguments()))
            journal.sync()
            try peer.expect(QueueDeclareOk.self)
            try peer.selectConfirms()
            peer.publish("transient", to: "q")
            try peer.expectSilence()
            journal.sync()
            try peer.expect(BasicAck.self)
            peer.nack(try peer.get("q").method.deliveryTag)
            journal.sync()
            try journal.restart { broker, _ in
                let peer = try broker.connect()
                let got = try peer.get("q")
                #expect(got.content.text == "transient" && deliveryCount(got.content) == 1)
            }
            journal.end()
        }
    }

    @Test("a transient message for both types is kept once, and settled in each")
    func mixed() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: arguments()))
            for queue in ["classic", "passing"] as [ShortString] {
                peer.send(QueueDeclare(queue: queue, durable: queue == "classic"))
            }
            for queue in ["q", "classic", "passing"] as [ShortString] {
                peer.send(QueueBind(queue: queue, exchange: "amq.fanout"))
            }
            journal.sync()
            for _ in 0..<3 { try peer.expect(QueueDeclareOk.self) }
            for _ in 0..<3 { try peer.expect(QueueBindOk.self) }
            peer.publish("m", to: "", exchange: "amq.fanout")
            journal.sync()
            for queue in ["q", "classic", "passing"] as [ShortString] {
                #expect(try peer.drain(queue) == ["m"])
            }
            journal.sync()
            let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
            #expect(oldestLive == nil)
            journal.end()
        }
    }

    private static let refusals =
        [
            Refusal(
                "transient",
                QueueDeclare(queue: "q", arguments: ["x-queue-type": "quorum"]),
                .preconditionFailed
            ),
            Refusal(
                "exclusive",
                QueueDeclare(
                    queue: "q",
                    durable: true,
                    exclusive: true,
                    arguments: ["x-queue-type": "quorum"]
                ),
                .preconditionFailed
            ),
            Refusal(
                "auto-delete",
                QueueDeclare(
                    queue: "q",
                    durable: true,
                    autoDelete: true,
                    arguments: ["x-queue-type": "quorum"]
                ),
                .preconditionFailed
            ),
            Refusal(
                "server-named",
                QueueDeclare(queue: "", durable: true, arguments: ["x-queue-type": "quorum"]),
                .preconditionFailed
            ),
        ]
        + [
            ("quorum", "x-max-priority", .int8(1)), ("quorum", "x-queue-mode", "lazy"),
            ("quorum", "x-delivery-limit", "1"), ("quorum", "x-queue-version", .int8(1)),
            ("quorum", "x-queue-leader-locator", "anywhere"),
            ("classic", "x-queue-leader-locator", .int8(1)),
            ("classic", "x-queue-version", .int32(3)), ("classic", "x-queue-version", "1"),
            ("classic", "x-message-ttl", .int64(315_360_000_001)),
            ("classic", "x-expires", .int64(315_360_000_001)),
            ("quorum", "x-dead-letter-strategy", "sometimes"),
            ("classic", "x-delivery-limit", .int32(1)), ("classic", "x-max-age", "1h"),
            ("river", "x-note", "unknown type"), ("stream", "x-max-length", .int32(5)),
            ("stream", "x-max-age", "1x"), ("stream", "x-max-age", .int32(5)),
            ("stream", "x-stream-max-segment-size-bytes", .int64(3_000_000_001)),
            ("stream", "x-stream-filter-size-bytes", .int32(15)),
            ("stream", "x-initial-cluster-size", .int32(0)),
            ("stream", "x-queue-leader-locator", "anywhere"),
        ].map(argument)

    private static func argument(
        _ type: FieldValue,
        _ name: ShortString,
        _ value: FieldValue
    ) -> Refusal {
        Refusal(
            "\(name) \(value) of \(type)",
            QueueDeclare(
                queue: "q",
                durable: true,
                arguments: ["x-queue-type": type, name: value]
            ),
            .preconditionFailed
        )
    }

    @Test("what the type cannot have is refused as RabbitMQ does", arguments: refusals)
    func refused(_ refusal: Refusal) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(refusal.script.bytes)
            try peer.expectChannelClosed(refusal.code, at: QueueDeclare.id)
        }
    }

    @Test("a prefetch for the whole channel is refused when it consumes")
    func globalPrefetch() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer)
            try peer.setPrefetch(5, global: true)
            peer.send(BasicConsume(queue: "q"))
            try peer.expectConnectionClosed(.notImplemented, at: BasicConsume.id)
        }
    }

    @Test("a negative delivery limit is none")
    func endless() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer, ["x-delivery-limit": .int8(-1)])
            peer.publish("m", to: "q")
            try peer.consume("q", "c")
            for _ in 0..<50 { peer.nack(try peer.expectDelivery().tag) }
            #expect(deliveryCount(try peer.expectDelivery().content) == 50)
        }
    }

    @Test("basic.get says how often a message came back, whatever its publisher says")
    func fetchedCount() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer)
            var properties = BasicProperties()
            properties.headers = ["x-delivery-count": "many"]
            peer.send(Script().publish("m", to: "q", properties).bytes)
            #expect(deliveryCount(try peer.get("q").content) == 0)
        }
    }

    @Test("basic.get is refused where one consumer is to have everything")
    func fetchingFromSingle() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer, ["x-single-active-consumer": .bool(true)])
            peer.publish("m", to: "q")
            peer.send(BasicGet(queue: "q"))
            try peer.expectChannelClosed(.resourceLocked, at: BasicGet.id)
        }
    }

    @Test("the exclusive flag of consumers is not looked at", arguments: [false, true])
    func exclusiveConsumers(isSingle: Bool) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(peer, ["x-single-active-consumer": .bool(isSingle)])
            for tag in ["a", "b"] as [ShortString] {
                let consume = BasicConsume(queue: "q", consumerTag: tag, exclusive: true)
                try peer.call(consume, BasicConsumeOk.self)
            }
        }
    }
}
