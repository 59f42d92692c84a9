import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Refusals")
struct MethodErrorTests {
    /// A queue and an exchange of the other client, and some of one's own, for every case.
    private func furnish(_ peer: ScriptedPeer, _ other: ScriptedPeer) throws {
        try other.declare("locked", exclusive: true)
        try other.declare("watched")
        try other.consume("watched", "w", exclusive: true)
        try other.declare("busy")
        try other.consume("busy", "b")
        try other.declare("single", ["x-single-active-consumer": .bool(true)])
        try other.declareExchange("internal", internal: true)
        try other.declareExchange("used")
        try other.declare("held", ["x-max-length": .int32(5)])
        try other.bind("held", to: "used", "k")
        other.publish("m", to: "held")
        try peer.declare("own", exclusive: true)
    }

    @Test("of this kind close the channel and nothing else", arguments: Refusal.ofChannel)
    func channelScope(_ refusal: Refusal) throws {
        #expect(refusal.code.scope == .channel)
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try furnish(peer, other)
            try peer.openChannel(2)
            try peer.openChannel(3)
            let script = Script().raw(refusal.script.bytes).method(QueueDeclare(queue: "ignored"))
            peer.send(script.bytes)
            let close = try lastClose(peer)
            #expect(close.replyCode == refusal.code.value, "\(close.replyText)")
            #expect(close.replyText.string.hasPrefix("\(refusal.code.name) - "))
            #expect(MethodID(classID: close.classID, methodID: close.methodID) == refusal.method)
            #expect(broker.log.errors.count == 1)
            try peer.setPrefetch(1, on: 3)
            peer.send(ChannelCloseOk())
            try peer.openChannel(1)
            #expect(broker.virtualHost.queue(named: "ignored") == nil)
            try other.declare("own too")
        }
    }

    /// Answers to what came before the refusal may precede it.
    private func lastClose(_ peer: ScriptedPeer) throws -> ChannelClose {
        while let frame = try peer.takeFrame(on: 1) {
            guard frame.type == .method else { continue }
            let method = try ByteView.with(frame.payload) { view throws(WireError) in
                try Method.decode(view)
            }
            guard case .channelClose(let close) = method else { continue }
            #expect(try !peer.has(on: 1))
            return close
        }
        throw Surprise(description: "no channel.close")
    }

    @Test("of this kind close the connection, and no other", arguments: Refusal.ofConnection)
    func connectionScope(_ refusal: Refusal) throws {
        #expect(refusal.code.scope == .connection)
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try furnish(peer, other)
            try peer.openChannel(2)
            let script = Script().raw(refusal.script.bytes).method(QueueDeclare(queue: "ignored"))
            peer.send(script.bytes)
            try peer.expectConnectionClosed(refusal.code, at: refusal.method)
            #expect(broker.log.errors.count == 1)
            #expect(broker.virtualHost.queue(named: "ignored") == nil)
            #expect(broker.virtualHost.queue(named: "own") == nil)
            try other.declare("own too")
        }
    }
}
