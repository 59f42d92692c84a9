import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Reading pauses")
struct ReadingPauseTests {
    private let pseudoQueue: ShortString = "amq.rabbitmq.reply-to"

    private var asking: BasicProperties {
        var properties = BasicProperties()
        properties.replyTo = pseudoQueue
        return properties
    }

    @Test("an answer reaches a requester whose next method waits for the disk")
    func answer() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let requester = try broker.connect()
            let server = try broker.connect()
            try server.declare("requests")
            try requester.consume(pseudoQueue, "r", noAck: true)
            requester.send(Script().publish("ask", to: "requests", asking).bytes)
            let request = try server.get("requests", noAck: true).content
            requester.send(QueueDeclare(queue: "kept", durable: true))
            requester.send(BasicQos(prefetchCount: 1))
            server.publish("answer", to: try #require(request.properties.replyTo))
            #expect(try requester.expectDelivery().text == "answer")
            disk.sync()
            try requester.expect(QueueDeclareOk.self)
            broker.batch { requester.process() }
            try requester.expect(BasicQosOk.self)
            disk.end()
        }
    }

    @Test("a consumer of a new durable queue starts while publishers are held back")
    func consumer() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            broker.batch { broker.virtualHost.blockPublishers("no space") }
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            peer.send(BasicConsume(queue: "q", consumerTag: "c"))
            disk.sync()
            try peer.expect(QueueDeclareOk.self)
            broker.batch { peer.process() }
            #expect(try peer.expect(BasicConsumeOk.self).consumerTag == "c")
            disk.end()
        }
    }

    @Test("who only asks about the broker goes on while publishers are held back")
    func inspection() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            let request = Script().publish("", to: "GET /", exchange: "brokerd.management", asking)
            try peer.consume(pseudoQueue, "r", noAck: true)
            peer.send(request.bytes)
            broker.batch { broker.virtualHost.blockPublishers("no space") }
            for _ in 0..<2 {
                peer.send(request.bytes)
                try peer.call(BasicQos(), BasicQosOk.self)
            }
            disk.end()
        }
    }

    @Test("who has published goes on until it publishes again while publishers are held back")
    func publisher() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            try peer.declare("q")
            peer.publish("one", to: "q")
            broker.batch { broker.virtualHost.blockPublishers("no space") }
            #expect(try peer.drain("q") == ["one"])
            peer.publish("two", to: "q")
            try peer.expect(ConnectionBlocked.self, on: 0)
            peer.send(BasicQos())
            try peer.expectSilence()
            broker.batch { _ = broker.virtualHost.unblockPublishers() }
            try peer.expect(ConnectionUnblocked.self, on: 0)
            broker.batch { peer.process() }
            try peer.expect(BasicQosOk.self)
            disk.end()
        }
    }
}
