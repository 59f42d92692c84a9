import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Life of queues and exchanges")
struct TopologyTests {
    @Test("an exclusive queue goes with its connection, and is nobody else's until then")
    func exclusiveQueue() throws {
        try DialogueBroker.play { broker in
            let owner = try broker.connect()
            let other = try broker.connect()
            try owner.declare("mine", exclusive: true)
            try owner.declare("mine", exclusive: true)
            other.publish("from outside", to: "mine")
            #expect(try owner.drain("mine") == ["from outside"])
            other.send(BasicConsume(queue: "mine"))
            try other.expectChannelClosed(.resourceLocked, at: BasicConsume.id)
            try other.openChannel(1)
            // A channel is not its owner: the queue outlives it.
            try owner.call(
                ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                ChannelCloseOk.self
            )
            #expect(broker.virtualHost.queue(named: "mine") != nil)
            owner.hangUp()
            #expect(broker.virtualHost.queue(named: "mine") == nil)
            try other.declare("mine", exclusive: true)
        }
    }

    @Test(
        "an auto-delete queue goes with its last consumer, whatever takes that away",
        arguments: ["cancel", "channel", "error", "connection", "socket"]
    )
    func autoDeleteQueue(way: String) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q", autoDelete: true)
            other.publish("m", to: "q")
            try other.call(BasicGet(queue: "q"), BasicGetOk.self)
            _ = try other.expectContent()
            other.nack(1)
            #expect(broker.virtualHost.queue(named: "q") != nil, "never had a consumer")
            try peer.consume("q", "a")
            try peer.expectDelivery()
            try peer.consume("q", "b")
            try peer.call(BasicCancel(consumerTag: "a"), BasicCancelOk.self)
            #expect(broker.virtualHost.queue(named: "q") != nil, "has another consumer")
            let close = ChannelClose(replyCode: 200, classID: 0, methodID: 0)
            switch way {
            case "cancel": try peer.call(BasicCancel(consumerTag: "b"), BasicCancelOk.self)
            case "channel": try peer.call(close, ChannelCloseOk.self)
            case "error": peer.send(BasicGet(queue: "missing"))
            case "connection":
                peer.send(ConnectionClose(replyCode: 200, classID: 0, methodID: 0), on: 0)
            default: peer.hangUp()
            }
            #expect(broker.virtualHost.queue(named: "q") == nil)
            other.publish("nowhere", to: "q", mandatory: true)
            try other.expect(BasicReturn.self)
        }
    }

    @Test("an auto-delete exchange goes with its last binding, and takes its sources with it")
    func autoDeleteExchange() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let virtualHost = broker.virtualHost
            try peer.declareExchange("first", "fanout", autoDelete: true)
            try peer.declareExchange("second", "fanout", autoDelete: true)
            try peer.declareExchange("destination only", "fanout", autoDelete: true)
            try peer.declare("q")
            try peer.declare("r")
            try peer.call(
                ExchangeBind(destination: "second", source: "first"),
                ExchangeBindOk.self
            )
            try peer.call(
                ExchangeBind(destination: "destination only", source: "first"),
                ExchangeBindOk.self
            )
            try peer.bind("q", to: "second")
            try peer.bind("r", to: "second")
            try peer.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            #expect(virtualHost.exchange(named: "second") != nil)
            try peer.call(
                QueueUnbind(queue: "r", exchange: "second"),
                QueueUnbindOk.self
            )
            #expect(virtualHost.exchange(named: "second") == nil)
            #expect(virtualHost.exchange(named: "first") != nil)
            try peer.call(
                ExchangeUnbind(destination: "destination only", source: "first"),
                ExchangeUnbindOk.self
            )
            #expect(virtualHost.exchange(named: "first") == nil)
            #expect(virtualHost.exchange(named: "destination only") != nil)
        }
    }

    @Test("auto-delete exchanges bound in a ring all go, and so does one bound to itself")
    func ringOfExchanges() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let names: [ShortString] = ["a", "b", "c"]
            for name in names { try peer.declareExchange(name, "fanout", autoDelete: true) }
            for index in 0..<3 {
                try peer.call(
                    ExchangeBind(destination: names[(index + 1) % 3], source: names[index]),
                    ExchangeBindOk.self
                )
            }
            try peer.call(ExchangeDelete(exchange: "b"), ExchangeDeleteOk.self)
            for name in names { #expect(broker.virtualHost.exchange(named: name) == nil) }
            try peer.declareExchange("self", "fanout", autoDelete: true)
            try peer.call(
                ExchangeBind(destination: "self", source: "self"),
                ExchangeBindOk.self
            )
            try peer.call(ExchangeDelete(exchange: "self"), ExchangeDeleteOk.self)
            #expect(broker.virtualHost.exchange(named: "self") == nil)
        }
    }

    @Test("deleting and unbinding what is not there succeeds, with and without nowait")
    func missing() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            #expect(
                try peer.call(QueueDelete(queue: "none"), QueueDeleteOk.self).messageCount == 0
            )
            try peer.call(ExchangeDelete(exchange: "none"), ExchangeDeleteOk.self)
            try peer.call(QueueUnbind(queue: "none", exchange: "none"), QueueUnbindOk.self)
            try peer.call(QueueUnbind(queue: "q", exchange: "none"), QueueUnbindOk.self)
            try peer.call(QueueUnbind(queue: "q", exchange: "amq.topic"), QueueUnbindOk.self)
            try peer.call(
                ExchangeUnbind(destination: "none", source: "amq.topic"),
                ExchangeUnbindOk.self
            )
            peer.send(
                Script()
                    .method(QueueDelete(queue: "none", noWait: true))
                    .method(ExchangeDelete(exchange: "none", noWait: true))
                    .method(QueueDeclare(queue: "quiet", noWait: true))
                    .method(ExchangeDeclare(exchange: "x", type: "fanout", noWait: true))
                    .method(QueueBind(queue: "quiet", exchange: "x", noWait: true))
                    .method(BasicConsume(queue: "quiet", consumerTag: "c", noWait: true))
                    .method(BasicCancel(consumerTag: "c", noWait: true))
                    .method(ConfirmSelect(noWait: true))
                    .method(QueuePurge(queue: "quiet", noWait: true))
                    .bytes
            )
            try peer.expectSilence()
            #expect(try broker.queue("quiet").state.bindings.count == 1)
        }
    }

    @Test("the queue without a name is the one the channel declared last")
    func lastQueue() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let named = try peer.declare("")
            #expect(named.queue.string.hasPrefix("amq.gen-"))
            try peer.bind("", to: "amq.direct")
            peer.publish("m", to: named.queue, exchange: "amq.direct")
            #expect(try peer.get("", noAck: true).content.text == "m")
            try peer.bind("", to: "amq.direct", "key")
            peer.publish("n", to: "key", exchange: "amq.direct")
            try peer.call(
                QueueDeclare(queue: "", passive: true),
                QueueDeclareOk.self
            )
            #expect(try peer.call(QueuePurge(queue: ""), QueuePurgeOk.self).messageCount == 1)
            let other = try peer.declare("")
            #expect(other.queue != named.queue)
            try peer.call(QueueDelete(queue: ""), QueueDeleteOk.self)
            #expect(broker.virtualHost.queue(named: named.queue) != nil)
            peer.send(BasicGet(queue: ""))
            try peer.expectChannelClosed(.notFound, at: BasicGet.id)
        }
    }

    @Test("deleting a queue tells its consumers, those who understand it")
    func consumersAreTold() throws {
        try DialogueBroker.play { broker in
            var manner = ScriptedPeer.Manner()
            manner.capabilities = [:]
            let told = try broker.connect()
            let untold = try broker.connect(manner)
            let other = try broker.connect()
            try other.declare("q")
            try told.consume("q", "t")
            try untold.consume("q", "u")
            other.publish("1", to: "q")
            other.publish("2", to: "q")
            try other.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            #expect(try told.expectDelivery().text == "1")
            #expect(try told.expect(BasicCancel.self).consumerTag == "t")
            #expect(try untold.expectDelivery().text == "2")
            try untold.expectSilence()
            // What was out can still be settled, and the tags are free again.
            told.ack(1)
            untold.nack(1)
            try other.declare("q")
            try told.consume("q", "t")
            try untold.consume("q", "u")
        }
    }
}
