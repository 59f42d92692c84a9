import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Priority queues")
struct PriorityTests {
    private let arguments: FieldTable = ["x-max-priority": .int8(9)]

    private func properties(_ priority: UInt8?, isPersistent: Bool = false) -> BasicProperties {
        var properties = BasicProperties()
        properties.priority = priority
        if isPersistent { properties.deliveryMode = 2 }
        return properties
    }

    private func publish(
        _ messages: [(String, UInt8?)],
        to queue: ShortString = "q",
        exchange: ShortString = "",
        isPersistent: Bool = false,
        _ peer: ScriptedPeer
    ) {
        var script = Script()
        for (text, priority) in messages {
            script = script.publish(
                text,
                to: queue,
                exchange: exchange,
                properties(priority, isPersistent: isPersistent)
            )
        }
        peer.send(script.bytes)
    }

    @Test("the highest comes first, equals in their order; none is 0, more than the most the most")
    func order() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            publish(
                [("a", nil), ("b", 0), ("c", 9), ("d", 4), ("e", 200), ("f", 4), ("g", 9)],
                peer
            )
            #expect(try peer.drain("q") == ["c", "e", "g", "d", "f", "a", "b"])
        }
    }

    @Test("a consumer with room for one gets the highest of those that wait")
    func consumer() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            try peer.setPrefetch(1)
            try peer.consume("q", "c")
            publish([("1", 1), ("2", 2), ("3", 3)], peer)
            #expect(try peer.expectDelivery().text == "1")
            peer.ack(1)
            #expect(try peer.expectDelivery().text == "3")
            publish([("4", 4)], peer)
            peer.ack(2)
            #expect(try peer.expectDelivery().text == "4")
            peer.ack(3)
            #expect(try peer.texts() == ["2"])
        }
    }

    @Test("what comes back stands before its equals and behind what is above it")
    func requeue() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            publish([("low", 1), ("mid", 5)], peer)
            let tags = [
                try peer.get("q").method.deliveryTag, try peer.get("q").method.deliveryTag,
            ]
            publish([("low 2", 1), ("mid 2", 5), ("high", 7)], peer)
            for tag in tags { peer.nack(tag) }
            #expect(try peer.drain("q") == ["high", "mid", "mid 2", "low", "low 2"])
        }
    }

    @Test("the same message has its priority where there are any, and none elsewhere")
    func fanOut() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            try peer.declare("p")
            for queue in ["q", "p"] as [ShortString] { try peer.bind(queue, to: "amq.fanout") }
            publish([("1", 1), ("2", 2), ("0", nil)], exchange: "amq.fanout", peer)
            #expect(try peer.drain("q") == ["2", "1", "0"])
            #expect(try peer.drain("p") == ["1", "2", "0"])
        }
    }

    @Test("a full queue drops what is next, however urgent, and purges all")
    func limits() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-max-priority": .int8(9), "x-max-length": .int8(2)])
            publish([("1", 5), ("2", 0), ("3", 7)], peer)
            #expect(try peer.drain("q") == ["1", "2"])
            publish([("4", 5), ("5", 0)], peer)
            #expect(try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self).messageCount == 2)
            #expect(try broker.queue("q").state.ready.bodyBytes == 0)
        }
    }

    @Test("priorities outlive a crash, those of what was handed out as well", arguments: [1, 300])
    func restart(count: Int) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: arguments))
            peer.send(QueueDeclare(queue: "p", durable: true))
            for queue in ["q", "p"] as [ShortString] {
                peer.send(QueueBind(queue: queue, exchange: "amq.fanout"))
            }
            for number in 0..<count {
                publish(
                    [
                        ("low \(number)", 1), ("none \(number)", nil),
                        ("high \(number)", 8),
                    ],
                    exchange: "amq.fanout",
                    isPersistent: true,
                    peer
                )
            }
            journal.sync()
            for _ in 0..<2 { try peer.expect(QueueDeclareOk.self) }
            for _ in 0..<2 { try peer.expect(QueueBindOk.self) }
            #expect(try peer.get("q").content.text == "high 0")
            journal.sync()
            let numbers = 0..<count
            let expected =
                numbers.map { "high \($0)" } + numbers.map { "low \($0)" }
                + numbers.map { "none \($0)" }
            try journal.restart { broker, _ in
                let peer = try broker.connect()
                let first = try peer.get("q", noAck: true)
                #expect(first.content.text == "high 0" && first.method.redelivered)
                #expect(try ["high 0"] + peer.drain("q") == expected)
                #expect(try peer.drain("p").prefix(3) == ["low 0", "none 0", "high 0"])
            }
            journal.end()
        }
    }
}
