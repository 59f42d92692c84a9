import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Publisher confirms")
struct ConfirmTests {
    @Test("come as one cumulative ack for each batch")
    func coalesced() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            try peer.declare("q")
            var script = Script()
            for number in 0..<5 { script = script.publish("\(number)", to: "q") }
            peer.send(script.bytes)
            let ack = try peer.expect(BasicAck.self)
            #expect(ack == BasicAck(deliveryTag: 5, multiple: true))
            peer.publish("alone", to: "q")
            #expect(try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 6, multiple: false))
            try peer.expectSilence()
            #expect(peer.connection.state.channels[1]?.state.counters.confirmed == 6)
        }
    }

    @Test("number from the confirm.select, whatever was published before")
    func numbering() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.publish("before", to: "q")
            try peer.selectConfirms()
            try peer.selectConfirms()
            peer.publish("after", to: "q")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            try peer.expectSilence()
        }
    }

    @Test("of unroutable messages are acks, after the return when mandatory")
    func unroutable() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            peer.publish("dropped", to: "nowhere")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            peer.publish("returned", to: "nowhere", mandatory: true)
            let method = try peer.expect(BasicReturn.self)
            #expect(method.replyCode == 312)
            #expect(method.routingKey == "nowhere")
            #expect(try peer.expectContent().text == "returned")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            try peer.expectSilence()
        }
    }

    @Test("answer a refusal with a nack between the acks of its neighbours, in order")
    func refusals() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            try peer.declare("full", ["x-max-length": .int32(2), "x-overflow": "reject-publish"])
            try peer.declare("other")
            let script = Script()
                .publish("1", to: "full").publish("2", to: "full")
                .publish("3", to: "full").publish("4", to: "other")
                .publish("5", to: "other").publish("6", to: "full")
                .publish("7", to: "full").publish("8", to: "other")
            peer.send(script.bytes)
            #expect(try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 2, multiple: true))
            #expect(try peer.expect(BasicNack.self).deliveryTag == 3)
            #expect(try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 5, multiple: true))
            #expect(try peer.expect(BasicNack.self).deliveryTag == 6)
            #expect(try peer.expect(BasicNack.self).deliveryTag == 7)
            #expect(try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 8, multiple: false))
            try peer.expectSilence()
            #expect(try peer.drain("full") == ["1", "2"])
        }
    }

    @Test("are sent before close-ok when the channel is closed in the same batch")
    func closedInTheSameBatch() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            try peer.declare("q")
            peer.send(
                Script()
                    .publish("1", to: "q").publish("2", to: "q")
                    .method(ChannelClose(replyCode: 200, classID: 0, methodID: 0))
                    .method(ChannelOpen())
                    .bytes
            )
            #expect(try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 2, multiple: true))
            try peer.expect(ChannelCloseOk.self)
            try peer.expect(ChannelOpenOk.self)
            try peer.expectSilence()
        }
    }

    @Test("do not outlive a channel that an error and its answer end in the same batch")
    func failedInTheSameBatch() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.selectConfirms(on: 2)
            try peer.selectConfirms()
            try peer.declare("q")
            peer.send(
                Script()
                    .publish("other channel", to: "q", on: 2)
                    .publish("1", to: "q")
                    .publish("no such exchange", to: "q", exchange: "missing")
                    .method(ChannelCloseOk())
                    .method(ChannelOpen())
                    .bytes
            )
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            let close = try peer.expect(ChannelClose.self)
            #expect(close.replyCode == 404)
            try peer.expect(ChannelOpenOk.self)
            #expect(try peer.expect(BasicAck.self, on: 2).deliveryTag == 1)
            try peer.expectSilence()
        }
    }

    @Test("that are owed when the connection closes go to nobody")
    func connectionClosedInTheSameBatch() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try other.selectConfirms()
            try peer.openChannel(2)
            try peer.selectConfirms()
            try peer.selectConfirms(on: 2)
            try peer.declare("q")
            broker.batch {
                other.feed(Script().publish("kept", to: "q").bytes)
                peer.feed(
                    Script()
                        .publish("1", to: "q").publish("2", to: "q", on: 2)
                        .method(
                            ConnectionClose(replyCode: 200, classID: 0, methodID: 0),
                            on: 0
                        )
                        .bytes
                )
            }
            try peer.expect(ConnectionCloseOk.self, on: 0)
            #expect(try other.expect(BasicAck.self).deliveryTag == 1)
            #expect(try other.drain("q") == ["kept", "1", "2"])
        }
    }
}
