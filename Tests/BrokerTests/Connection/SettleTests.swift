import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Settling")
struct SettleTests {
    private func publish(_ count: Int, _ peer: ScriptedPeer) {
        var script = Script()
        for number in 1...count { script = script.publish("\(number)", to: "q") }
        peer.send(script.bytes)
    }

    @Test("requeued messages go back to their old place, redelivered, whatever the order")
    func oldPlace() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish(6, peer)
            for _ in 1...5 { try peer.get("q") }
            for tag: UInt64 in [4, 1, 3] { peer.nack(tag) }
            peer.ack(2)
            peer.send(BasicReject(deliveryTag: 5, requeue: false))
            let first = try peer.get("q", noAck: true)
            #expect(first.content.text == "1")
            #expect(first.method.redelivered)
            #expect(first.method.deliveryTag == 6)
            let last = try (0..<3).map { _ in try peer.get("q", noAck: true).content.text }
            #expect(last == ["3", "4", "6"])
            #expect(try broker.queue("q").state.unackedCount == 0)
        }
    }

    @Test("multiple settles every open delivery up to the tag, and tag 0 all of them")
    func multiple() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish(6, peer)
            for _ in 1...6 { try peer.get("q") }
            peer.ack(2)
            peer.ack(4, multiple: true)
            let queue = try broker.queue("q")
            #expect(queue.state.unackedCount == 2)
            peer.ack(0, multiple: true)
            #expect(queue.state.unackedCount == 0)
            #expect(queue.state.counters.acked == 6)
            peer.ack(0, multiple: true)
            try peer.expectSilence()
            peer.ack(6, multiple: true)
            try peer.expectChannelClosed(.preconditionFailed, at: BasicAck.id)
        }
    }

    @Test("multiple is 406 at a tag that is settled, though some below it are not")
    func multipleAtSettled() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish(5, peer)
            for _ in 1...5 { try peer.get("q") }
            peer.ack(3)
            peer.ack(3, multiple: true)
            try peer.expectChannelClosed(.preconditionFailed, at: BasicAck.id)
            try peer.openChannel(1)
            #expect(try peer.drain("q") == ["1", "2", "4", "5"])
        }
    }

    @Test("recover puts all unsettled deliveries back, and a consumer gets them again")
    func recover() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.setPrefetch(3)
            try peer.consume("q", "c")
            publish(4, peer)
            #expect(try peer.texts() == ["1", "2", "3"])
            peer.ack(2)
            #expect(try peer.texts() == ["4"])
            peer.send(BasicRecover(requeue: true))
            try peer.expect(BasicRecoverOk.self)
            let deliveries = try peer.deliveries()
            #expect(deliveries.map(\.text) == ["1", "3", "4"])
            #expect(deliveries.map(\.method.redelivered) == [true, true, true])
            #expect(deliveries.map(\.tag) == [5, 6, 7])
            peer.send(BasicRecoverAsync(requeue: true))
            #expect(try peer.texts() == ["1", "3", "4"])
        }
    }

    @Test("a queue deleted with deliveries out lets them be settled, and is then gone")
    func deletedQueue() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.consume("q", "c")
            publish(3, peer)
            _ = try peer.deliveries()
            let before = broker.virtualHost.state.pool.liveBlocks
            #expect(before >= 3)
            #expect(
                try peer.call(QueueDelete(queue: "q"), BasicCancel.self)
                    == BasicCancel(consumerTag: "c", noWait: true)
            )
            #expect(try peer.expect(QueueDeleteOk.self).messageCount == 0)
            peer.ack(1)
            peer.nack(2)
            peer.nack(3, requeue: false)
            #expect(broker.virtualHost.state.pool.liveBlocks == before - 3)
            try peer.declare("q")
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
        }
    }

    @Test("a cancelled consumer's deliveries stay out until they are settled")
    func cancelled() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.consume("q", "c")
            publish(2, peer)
            _ = try peer.deliveries()
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            try peer.call(BasicCancel(consumerTag: "unknown"), BasicCancelOk.self)
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            peer.nack(1)
            #expect(try peer.get("q").content.text == "1")
            peer.ack(0, multiple: true)
            #expect(try broker.queue("q").state.unackedCount == 0)
        }
    }

    @Test("purge removes what is ready and nothing that is out")
    func purge() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish(5, peer)
            try peer.get("q")
            try peer.get("q")
            peer.nack(1)
            #expect(try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self).messageCount == 4)
            peer.nack(2)
            #expect(try peer.drain("q") == ["2"])
        }
    }
}
