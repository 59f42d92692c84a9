import Testing
import Wire

@testable import Broker

/// What happens to clients that say nothing, and that the log names what was waited for.
@Suite("Silent clients")
struct SilenceTests {
    @Test("are dropped when they do not open the connection in time")
    func handshake() throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            broker.advance(by: broker.limits.handshakeTimeout - .milliseconds(1))
            #expect(!peer.isClosed && broker.log.waits.isEmpty)
            broker.advance(by: .milliseconds(1))
            #expect(peer.isClosed)
            #expect(broker.log.waits == [.handshake])
        }
    }

    @Test("are dropped after two heartbeat intervals without an octet")
    func heartbeat() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect(.init(heartbeat: 10))
            broker.advance(by: .seconds(20))
            #expect(!peer.isClosed && broker.log.waits.isEmpty)
            broker.advance(by: .milliseconds(500))
            #expect(peer.isClosed)
            broker.advance(by: .seconds(60))
            #expect(broker.log.waits == [.heartbeat])
        }
    }

    @Test("are dropped when they do not answer connection.close")
    func closeOk() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(ChannelOpen())
            broker.advance(by: broker.limits.closeTimeout)
            #expect(peer.isClosed)
            broker.advance(by: broker.limits.closeTimeout)
            #expect(broker.log.waits == [.closeOk])
        }
    }

    @Test("without heartbeats may stay as long as they like")
    func noHeartbeat() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect(.init(heartbeat: 0))
            broker.advance(by: .seconds(1_000_000))
            #expect(!peer.isClosed && broker.log.waits.isEmpty)
        }
    }
}
