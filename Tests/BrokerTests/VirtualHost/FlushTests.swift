import Testing
import Wire

@testable import Broker

/// The poller announces room in a socket once, on whichever thread; sending may be on another.
@Suite("Flushing")
struct FlushTests {
    @Test("a full socket waits for the poller's word")
    func full() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let virtualHost = broker.virtualHost
            begin(broker, answering: peer)
            #expect(takeDirty(virtualHost) == [peer.connection])
            _ = virtualHost.finishSending(peer.connection, count: 0, outcome: .full)
            #expect(takeDirty(virtualHost) == [])

            virtualHost.socketIsWritable(peer.connection)
            #expect(takeDirty(virtualHost) == [peer.connection])
            finish(peer)
        }
    }

    @Test("room announced while somebody sends is not lost")
    func announcedMeanwhile() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let virtualHost = broker.virtualHost
            begin(broker, answering: peer)
            #expect(takeDirty(virtualHost) == [peer.connection])
            virtualHost.socketIsWritable(peer.connection)
            _ = virtualHost.finishSending(peer.connection, count: 0, outcome: .full)
            #expect(takeDirty(virtualHost) == [peer.connection])
            finish(peer)
        }
    }

    @Test("room announced before the sending began says nothing about its end")
    func announcedBefore() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let virtualHost = broker.virtualHost
            begin(broker, answering: peer)
            #expect(takeDirty(virtualHost) == [peer.connection])
            virtualHost.socketIsWritable(peer.connection)
            _ = virtualHost.finishSending(peer.connection, count: 0, outcome: .full)
            #expect(takeDirty(virtualHost) == [peer.connection])
            _ = virtualHost.finishSending(peer.connection, count: 0, outcome: .full)
            #expect(takeDirty(virtualHost) == [])
            virtualHost.socketIsWritable(peer.connection)
            #expect(takeDirty(virtualHost) == [peer.connection])
            finish(peer)
        }
    }

    /// Begins a batch in which the peer is told something.
    private func begin(_ broker: DialogueBroker, answering peer: ScriptedPeer) {
        broker.virtualHost.begin(at: broker.now)
        peer.connection.send(BasicQosOk(), channel: 1)
    }

    /// Reports that the socket took the rest.
    private func finish(_ peer: ScriptedPeer) {
        let rest = peer.connection.state.outbound.byteCount
        guard let virtualHost = peer.connection.state.virtualHost else { return }
        _ = virtualHost.finishSending(peer.connection, count: rest, outcome: .sent)
        #expect(takeDirty(virtualHost) == [])
    }

    private func takeDirty(_ virtualHost: VirtualHost) -> [Connection] {
        var connections: [Connection] = []
        virtualHost.takeDirty(into: &connections)
        return connections
    }
}
