import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Closing")
struct CloseTests {
    @Test("a client that closes gets close-ok, and everything it held is given back before")
    func byClient() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("shared")
            try peer.declare("mine", exclusive: true)
            try peer.consume("shared", "c")
            peer.publish("held", to: "shared")
            try peer.expectDelivery()
            peer.send(
                Script()
                    .method(ConnectionClose(replyCode: 200, classID: 0, methodID: 0), on: 0)
                    .publish("too late", to: "shared")
                    .frame(.body, [1, 2, 3], on: 77)
                    .bytes
            )
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectSilence()
            #expect(peer.connection.state.phase == .closed)
            #expect(!peer.isClosed, "the client closes the socket")
            let got = try other.get("shared", noAck: true)
            #expect(got.method.redelivered)
            #expect(got.content.text == "held")
            #expect(got.method.messageCount == 0)
            other.send(QueueDeclare(queue: "mine", passive: true))
            try other.expectChannelClosed(.notFound, at: QueueDeclare.id)
        }
    }

    @Test("a client that never closes its socket after close-ok loses it in the end")
    func lingeringClient() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(ConnectionClose(replyCode: 200, classID: 0, methodID: 0), on: 0)
            broker.advance(by: .seconds(29))
            #expect(!peer.isClosed)
            broker.advance(by: .seconds(1))
            #expect(peer.isClosed)
        }
    }

    @Test("a server that closes waits for close-ok and ignores what comes before it")
    func byServer() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            // Long silence first: the wait is counted from the close, not from the last octet.
            broker.advance(by: .seconds(3_600))
            broker.batch {
                peer.connection.closeByServer(ProtocolError(.connectionForced, "shutdown"))
            }
            peer.publish("ignored", to: "q")
            broker.advance(by: .seconds(29))
            #expect(!peer.isClosed)
            try peer.expectConnectionClosed(.connectionForced)
            #expect(try broker.queue("q").state.ready.isEmpty)
        }
    }

    @Test("a server that closes and gets no answer gives up after the close timeout")
    func unanswered() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q"), on: 9)
            let close = try peer.expect(ConnectionClose.self, on: 0)
            #expect(close.replyCode == ReplyCode.channelError.value)
            broker.advance(by: .seconds(29))
            #expect(!peer.isClosed)
            broker.advance(by: .seconds(1))
            #expect(peer.isClosed)
        }
    }

    @Test("a server that closes in the middle of a long body still finds the answer behind it")
    func byServerWithinBody() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            let bytes = Script().publish([UInt8](repeating: 3, count: 50_000), to: "q").bytes
            peer.send(Array(bytes.prefix(20_000)))
            #expect(peer.leftover.isEmpty)
            broker.batch {
                peer.connection.closeByServer(ProtocolError(.connectionForced, "shutdown"))
            }
            try peer.expect(ConnectionClose.self, on: 0)
            peer.send(
                Script().raw(Array(bytes.dropFirst(20_000))).method(ConnectionCloseOk(), on: 0)
                    .bytes
            )
            #expect(peer.isClosed)
        }
    }

    @Test("closes that cross each other end the connection")
    func crossing() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            broker.batch {
                peer.connection.closeByServer(ProtocolError(.connectionForced, "shutdown"))
                peer.feed(
                    Script()
                        .method(ConnectionClose(replyCode: 200, classID: 0, methodID: 0), on: 0)
                        .bytes
                )
            }
            try peer.expect(ConnectionClose.self, on: 0)
            try peer.expect(ConnectionCloseOk.self, on: 0)
            peer.send(ConnectionCloseOk(), on: 0)
            #expect(peer.isClosed)
        }
    }

    @Test("a channel the server closed ignores everything but the answer")
    func channelByServer() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            peer.publish("kept", to: "q", on: 2)
            peer.send(BasicGet(queue: "missing"))
            peer.send(
                Script()
                    .publish("ignored", to: "q")
                    .method(BasicGet(queue: "missing"))
                    .method(QueueDeclare(queue: "ignored"))
                    .frame(.body, [1])
                    .method(ChannelOpen())
                    .bytes
            )
            try peer.expectChannelClosed(.notFound, at: BasicGet.id)
            try peer.expectSilence()
            peer.send(QueueDeclare(queue: "ignored", passive: true), on: 2)
            try peer.expectChannelClosed(.notFound, at: QueueDeclare.id, on: 2)
            try peer.openChannel(1)
            #expect(try peer.drain("q") == ["kept"])
        }
    }

    @Test("channel closes that cross each other leave the number free")
    func channelCrossing() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(
                Script()
                    .method(BasicGet(queue: "missing"))
                    .method(ChannelClose(replyCode: 200, classID: 0, methodID: 0))
                    .bytes
            )
            try peer.expect(ChannelClose.self)
            try peer.expect(ChannelCloseOk.self)
            peer.send(ChannelCloseOk())
            try peer.openChannel(1)
        }
    }

    @Test("a channel the client closes gives back consumers and deliveries at their old places")
    func channelByClient() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            try peer.setPrefetch(2)
            try peer.consume("q", "c")
            #expect(try peer.texts() == ["1", "2"])
            try peer.get("q")
            try peer.call(
                ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                ChannelCloseOk.self
            )
            #expect(try broker.queue("q").state.consumers.isEmpty)
            #expect(try peer.drain("q", on: 2) == ["1", "2", "3", "4", "5"])
        }
    }

    @Test("a socket that breaks with half a message and an open transaction leaves nothing")
    func brokenSocket() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q", autoDelete: true)
            try peer.consume("q", "c")
            peer.publish("unsettled", to: "q", on: 2)
            try peer.expectDelivery()
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.publish("in transaction", to: "q")
            peer.ack(1)
            peer.send(
                Array(
                    Script().publish([UInt8](repeating: 1, count: 90_000), to: "q", on: 2)
                        .bytes.prefix(40_000)
                )
            )
            peer.socketRoom = 0
            peer.hangUp()
            #expect(broker.virtualHost.state.queues.count == 0)
            #expect(broker.virtualHost.state.pool.liveBlocks == 0)
        }
    }
}
