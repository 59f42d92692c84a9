import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Heartbeats")
struct HeartbeatTests {
    private func connect(_ broker: DialogueBroker, heartbeat: UInt16) throws -> ScriptedPeer {
        var manner = ScriptedPeer.Manner()
        manner.heartbeat = heartbeat
        return try broker.connect(manner)
    }

    private let beat = Script().frame(.heartbeat, [], on: 0).bytes

    @Test("are sent in every half interval in which nothing else was")
    func sent() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 10)
            broker.advance(by: .milliseconds(4_999))
            try peer.expectSilence()
            broker.advance(by: .milliseconds(1))
            let frame = try peer.takeFrame()
            #expect(frame == Frame(type: .heartbeat, channel: 0, payload: []))
            broker.advance(by: .seconds(3))
            try peer.setPrefetch(1)
            broker.advance(by: .seconds(3))
            try peer.expectSilence()
            broker.advance(by: .seconds(2))
            #expect(try peer.takeFrame()?.type == .heartbeat)
            try peer.expectSilence()
        }
    }

    @Test("that do not come for two intervals end the connection without a word")
    func missed() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 10)
            let other = try broker.connect()
            try peer.declare("mine", exclusive: true)
            broker.advance(by: .seconds(20))
            #expect(!peer.isClosed)
            broker.advance(by: .milliseconds(1))
            #expect(peer.isClosed)
            while let frame = try peer.takeFrame() { #expect(frame.type == .heartbeat) }
            peer.hangUp()
            other.send(QueueDeclare(queue: "mine", passive: true))
            try other.expectChannelClosed(.notFound, at: QueueDeclare.id)
        }
    }

    @Test("or anything else, even part of a frame, keep the connection alive")
    func anyOctet() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 10)
            broker.advance(by: .seconds(19))
            peer.send(beat)
            broker.advance(by: .seconds(19))
            peer.send(Array(beat.prefix(1)))
            broker.advance(by: .seconds(19))
            #expect(!peer.isClosed)
            peer.send(Array(beat.dropFirst()))
            broker.advance(by: .seconds(21))
            #expect(peer.isClosed)
        }
    }

    @Test("are not missed of a publisher that was held back")
    func unblocked() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 10)
            try peer.declare("q")
            broker.batch { broker.virtualHost.blockPublishers("no space") }
            peer.publish("one", to: "q")
            for _ in 0..<60 { broker.advance(by: .seconds(1)) }
            broker.batch { _ = broker.virtualHost.unblockPublishers() }
            broker.advance(by: .milliseconds(500))
            #expect(!peer.isClosed)
            broker.advance(by: .seconds(20))
            #expect(peer.isClosed)
        }
    }

    @Test("are off at 0")
    func off() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 0)
            broker.advance(by: .seconds(1_000_000))
            #expect(!peer.isClosed)
            try peer.expectSilence()
        }
    }

    @Test("are not heaped up for a client that does not read")
    func notHeapedUp() throws {
        try DialogueBroker.play { broker in
            let peer = try connect(broker, heartbeat: 10)
            peer.socketRoom = 0
            for _ in 0..<100 {
                broker.advance(by: .seconds(6))
                peer.send(beat)
            }
            #expect(!peer.isClosed)
            #expect(peer.connection.state.outbound.byteCount == beat.count)
        }
    }

    @Test("are not missed from a client whose input is held back")
    func heldBack() throws {
        var limits = Limits()
        limits.outboundSizeMax = 10_000
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try connect(broker, heartbeat: 10)
            peer.socketRoom = 0
            let body = [UInt8](repeating: 1, count: 20_000)
            peer.send(Script().publish(body, to: "nowhere", mandatory: true).bytes)
            #expect(peer.connection.isReadingPaused)
            broker.advance(by: .seconds(100))
            #expect(!peer.isClosed)
            peer.read(nil)
            try peer.expect(BasicReturn.self)
        }
    }
}
