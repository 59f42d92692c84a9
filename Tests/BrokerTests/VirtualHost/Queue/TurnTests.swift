import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Turns of consumers")
struct TurnTests {
    private func publish(_ range: ClosedRange<Int>, _ peer: ScriptedPeer) {
        var script = Script()
        for number in range { script = script.publish("\(number)", to: "q") }
        peer.send(script.bytes)
    }

    @Test("go round, one message each, whether they wait for messages or messages for them")
    func roundRobin() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            for channel in UInt16(2)...4 {
                try peer.openChannel(channel)
                try peer.consume("q", "c", noAck: true, on: channel)
            }
            publish(1...7, peer)
            #expect(try peer.texts(on: 2) == ["1", "4", "7"])
            #expect(try peer.texts(on: 3) == ["2", "5"])
            #expect(try peer.texts(on: 4) == ["3", "6"])
        }
    }

    @Test("go on behind the one that had the last")
    func goOn() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            publish(1...4, peer)
            // The first takes all there is; then both take turns.
            try peer.consume("q", "a", noAck: true)
            #expect(try peer.texts() == ["1", "2", "3", "4"])
            try peer.consume("q", "b", noAck: true, on: 2)
            publish(5...8, peer)
            #expect(try peer.texts().count == 2)
            #expect(try peer.texts(on: 2).count == 2)
        }
    }

    @Test("come to a lower priority only when no higher one has room")
    func priorities() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            let priorities: [(UInt16, Int32)] = [(2, 0), (3, 10), (4, -5), (5, 10)]
            for (channel, priority) in priorities {
                try peer.openChannel(channel)
                try peer.setPrefetch(2, on: channel)
                try peer.consume("q", "c", priority: priority, on: channel)
            }
            publish(1...9, peer)
            #expect(try peer.texts(on: 3) == ["1", "3"])
            #expect(try peer.texts(on: 5) == ["2", "4"])
            #expect(try peer.texts(on: 2) == ["5", "6"])
            #expect(try peer.texts(on: 4) == ["7", "8"])
            peer.ack(2, multiple: true, on: 4)
            #expect(try peer.texts(on: 4) == ["9"])
            peer.ack(1, on: 3)
            peer.ack(3, on: 4)
            publish(10...10, peer)
            #expect(try peer.texts(on: 3) == ["10"])
        }
    }

    @Test("pass over a consumer without credit and come back to it when it has some")
    func blocked() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            try peer.setPrefetch(1)
            try peer.consume("q", "slow")
            try peer.consume("q", "quick", noAck: true, on: 2)
            publish(1...6, peer)
            #expect(try peer.texts() == ["1"])
            #expect(try peer.texts(on: 2) == ["2", "3", "4", "5", "6"])
            peer.ack(1)
            publish(7...8, peer)
            #expect(try peer.texts().count == 1)
            #expect(try peer.texts(on: 2).count == 1)
        }
    }

    @Test("all belong to a single active consumer, even with its window full, until it goes")
    func singleActive() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-single-active-consumer": .bool(true)])
            try peer.setPrefetch(1)
            try peer.consume("q", "first")
            try peer.openChannel(2)
            try peer.openChannel(3)
            try peer.consume("q", "second", on: 2)
            try peer.consume("q", "third", priority: 5, on: 3)
            publish(1...3, peer)
            #expect(try peer.texts() == ["1"])
            try peer.expectSilence()
            try peer.call(BasicCancel(consumerTag: "first"), BasicCancelOk.self)
            // The one with the highest priority is next; what is out stays out.
            #expect(try peer.texts(on: 3) == ["2", "3"])
            peer.nack(1)
            let back = try peer.expectDelivery(on: 3)
            #expect(back.text == "1")
            #expect(back.method.redelivered)
            try peer.call(
                ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                ChannelCloseOk.self,
                on: 3
            )
            #expect(try peer.texts(on: 2) == ["1", "2", "3"])
        }
    }

    @Test("are for one consumer alone when it is exclusive, until it goes")
    func exclusive() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q")
            try peer.consume("q", "c", exclusive: true)
            other.send(BasicConsume(queue: "q"))
            try other.expectChannelClosed(.accessRefused, at: BasicConsume.id)
            peer.hangUp()
            try other.openChannel(1)
            try other.consume("q", "c")
        }
    }
}
