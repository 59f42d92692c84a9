import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Prefetch")
struct PrefetchTests {
    private func publish(_ count: Int, _ peer: ScriptedPeer, to queue: ShortString = "q") {
        var script = Script()
        for number in 1...count { script = script.publish("\(number)", to: queue) }
        peer.send(script.bytes)
    }

    @Test("counts for each consumer started from then on")
    func perConsumer() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.declare("r")
            try peer.setPrefetch(2)
            try peer.consume("q", "two")
            try peer.setPrefetch(1)
            try peer.consume("r", "one")
            publish(5, peer)
            publish(5, peer, to: "r")
            let deliveries = try peer.deliveries()
            #expect(deliveries.map(\.method.consumerTag) == ["two", "two", "one"])
            peer.ack(3)
            #expect(try peer.deliveries().map(\.method.consumerTag) == ["one"])
            peer.ack(2, multiple: true)
            #expect(try peer.deliveries().map(\.method.consumerTag) == ["two", "two"])
        }
    }

    @Test("with global counts for all consumers of the channel together, at once")
    func perChannel() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            try peer.declare("r")
            try peer.setPrefetch(3, global: true)
            try peer.consume("q", "a")
            try peer.consume("r", "b")
            publish(3, peer)
            publish(3, peer, to: "r")
            #expect(try peer.deliveries().count == 3)
            peer.ack(1)
            #expect(try peer.deliveries().count == 1)
            try peer.setPrefetch(4, global: true)
            #expect(try peer.deliveries().count == 1)
            try peer.setPrefetch(1, global: true)
            peer.ack(2)
            try peer.expectSilence()
            try peer.setPrefetch(0, global: true)
            #expect(try peer.deliveries().count == 1)
        }
    }

    @Test("of both kinds hold together")
    func both() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(2)
            try peer.setPrefetch(3, global: true)
            try peer.consume("q", "a")
            try peer.consume("q", "b")
            publish(9, peer)
            let tags = try peer.deliveries().map(\.method.consumerTag)
            #expect(tags == ["a", "b", "a"])
            peer.ack(2)
            #expect(try peer.deliveries().map(\.method.consumerTag) == ["b"])
        }
    }

    @Test("of one kind ends that of the channel, for consumers there are as well")
    func ended() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(2, global: true)
            try peer.consume("q", "a")
            publish(6, peer)
            #expect(try peer.texts() == ["1", "2"])
            try peer.setPrefetch(1)
            #expect(try peer.texts() == ["3", "4", "5", "6"])
            try peer.consume("q", "b")
            publish(2, peer)
            #expect(try peer.deliveries().map(\.method.consumerTag) == ["a", "b"])
        }
    }

    @Test("does not count what basic.get fetches, nor what needs no ack but waits when full")
    func outside() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(1, global: true)
            publish(3, peer)
            try peer.get("q")
            try peer.get("q")
            try peer.consume("q", "c")
            #expect(try peer.texts() == ["3"])
            try peer.consume("q", "free", noAck: true)
            publish(3, peer)
            #expect(try peer.texts().isEmpty)
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            peer.ack(3)
            #expect(try peer.texts() == ["1", "2", "3"])
        }
    }

    @Test("makes room by every way of settling", arguments: 0...4)
    func everySettlement(kind: Int) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(1)
            try peer.consume("q", "c")
            publish(2, peer)
            #expect(try peer.texts() == ["1"])
            switch kind {
            case 0: peer.ack(1)
            case 1: peer.nack(1, requeue: false)
            case 2: peer.send(BasicReject(deliveryTag: 1, requeue: false))
            case 3: peer.ack(0, multiple: true)
            default:
                try peer.call(TxSelect(), TxSelectOk.self)
                peer.ack(1)
                try peer.expectSilence()
                try peer.call(TxCommit(), TxCommitOk.self)
            }
            #expect(try peer.texts() == ["2"])
        }
    }

    @Test("survives the consumer: deliveries of a cancelled one still count for the channel")
    func cancelled() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(2, global: true)
            try peer.consume("q", "a")
            publish(4, peer)
            #expect(try peer.texts() == ["1", "2"])
            try peer.call(BasicCancel(consumerTag: "a"), BasicCancelOk.self)
            try peer.consume("q", "b")
            try peer.expectSilence()
            peer.ack(1)
            #expect(try peer.texts() == ["3"])
        }
    }
}
