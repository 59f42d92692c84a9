import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Direct reply-to")
struct DirectReplyTests {
    private let pseudoQueue: ShortString = "amq.rabbitmq.reply-to"

    private var asking: BasicProperties {
        var properties = BasicProperties()
        properties.replyTo = pseudoQueue
        properties.correlationID = "7"
        return properties
    }

    /// A requester that has asked once, and the address its request came with.
    private func ask(
        _ broker: DialogueBroker
    ) throws -> (requester: ScriptedPeer, server: ScriptedPeer, address: ShortString) {
        let requester = try broker.connect()
        let server = try broker.connect()
        try server.declare("requests")
        try requester.call(QueueDeclare(queue: pseudoQueue), QueueDeclareOk.self)
        try requester.consume(pseudoQueue, "r", noAck: true)
        requester.send(Script().publish("ask", to: "requests", asking).bytes)
        let request = try server.get("requests", noAck: true).content
        #expect(request.properties.correlationID == "7")
        #expect(request.text == "ask")
        return (requester, server, try #require(request.properties.replyTo))
    }

    @Test("answers reach the requester without a queue, its address staying the same")
    func answers() throws {
        try DialogueBroker.play { broker in
            let (requester, server, address) = try ask(broker)
            #expect(address.string.hasPrefix("amq.rabbitmq.reply-to."))
            #expect(broker.virtualHost.state.queues.count == 1)
            try server.call(QueueDeclare(queue: address, passive: true), QueueDeclareOk.self)
            try server.selectConfirms()
            server.publish("answer", to: address, mandatory: true)
            try server.expect(BasicAck.self)
            let delivery = try requester.expectDelivery()
            #expect(delivery.text == "answer")
            #expect(delivery.method.consumerTag == "r")
            #expect(delivery.method.routingKey == address)
            requester.send(Script().publish("ask again", to: "requests", asking).bytes)
            let again = try server.get("requests", noAck: true).content
            #expect(again.properties.replyTo == address)
        }
    }

    @Test("a large answer is cut and sliced like any delivery")
    func largeAnswer() throws {
        try DialogueBroker.play { broker in
            let (requester, server, address) = try ask(broker)
            let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            server.send(Script().publish(body, to: address).bytes)
            #expect(try requester.expectDelivery().content.body == body)
        }
    }

    @Test(
        "an answer to nobody is unroutable, however the requester went",
        arguments: ["cancel", "channel.close", "error", "connection.close", "socket"]
    )
    func requesterGone(way: String) throws {
        try DialogueBroker.play { broker in
            let (requester, server, address) = try ask(broker)
            let close = ChannelClose(replyCode: 200, classID: 0, methodID: 0)
            switch way {
            case "cancel": try requester.call(BasicCancel(consumerTag: "r"), BasicCancelOk.self)
            case "channel.close": try requester.call(close, ChannelCloseOk.self)
            case "error": requester.send(BasicGet(queue: "missing"))
            case "connection.close":
                requester.send(
                    ConnectionClose(replyCode: 200, classID: 0, methodID: 0),
                    on: 0
                )
            default: requester.hangUp()
            }
            server.publish("answer", to: address, mandatory: true)
            #expect(try server.expect(BasicReturn.self).replyCode == 312)
            _ = try server.expectContent()
            server.publish("dropped", to: address)
            try server.expectSilence()
            server.send(QueueDeclare(queue: address, passive: true))
            try server.expectChannelClosed(.notFound, at: QueueDeclare.id)
        }
    }

    @Test("a client may answer itself on the same channel")
    func toItself() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("requests")
            try peer.consume(pseudoQueue, "r", noAck: true)
            try peer.consume("requests", "s", noAck: true)
            peer.send(Script().publish("ask", to: "requests", asking).bytes)
            let request = try peer.expectDelivery()
            let address = try #require(request.content.properties.replyTo)
            peer.publish("answer", to: address)
            #expect(try peer.expectDelivery().text == "answer")
        }
    }

    @Test("requests in a transaction get their address at commit")
    func inTransaction() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("requests")
            try peer.consume(pseudoQueue, "r", noAck: true)
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.send(Script().publish("ask", to: "requests", asking).bytes)
            try peer.call(TxCommit(), TxCommitOk.self)
            let request = try peer.get("requests", noAck: true).content
            let address = try #require(request.properties.replyTo)
            #expect(address != pseudoQueue)
            peer.publish("answer", to: address)
            try peer.expectSilence()
            peer.send(TxCommit())
            #expect(try peer.expectDelivery().text == "answer")
            try peer.expect(TxCommitOk.self)
        }
    }
}
