import Testing
import Wire

@testable import Broker

@Suite("Handshake")
struct HandshakeTests {
    @Test("leads from the protocol header to open-ok")
    func succeeds() throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            try peer.shakeHands()
            #expect(peer.connection.state.phase == .open)
            #expect(broker.virtualHost.state.connectionCount == 1)
            try peer.expectSilence()
        }
    }

    @Test("gives the same answers whole, octet by octet, and with requests following at once")
    func pipelined() throws {
        let manner = ScriptedPeer.Manner()
        let script = Script()
            .method(manner.startOk, on: 0)
            .method(manner.tuneOk, on: 0)
            .method(ConnectionOpen(virtualHost: "/"), on: 0)
            .method(ChannelOpen())
            .method(QueueDeclare(queue: "q"))
            .publish("hello", to: "q")
            .method(BasicGet(queue: "q", noAck: true))
        let bytes = ProtocolHeader.bytes + script.bytes
        var answers: [[UInt8]] = []
        for sizes in [[], [Int](repeating: 1, count: bytes.count), [8, 500, 3]] {
            try DialogueBroker.play { broker in
                let peer = broker.accept()
                peer.send(bytes, inPiecesOf: sizes)
                answers.append(peer.received)
                try peer.expect(ConnectionStart.self, on: 0)
                try peer.expect(ConnectionTune.self, on: 0)
                try peer.expect(ConnectionOpenOk.self, on: 0)
                try peer.expect(ChannelOpenOk.self)
                try peer.expect(QueueDeclareOk.self)
                try peer.expect(BasicGetOk.self)
                #expect(try peer.expectContent().text == "hello")
            }
        }
        #expect(answers[0] == answers[1])
        #expect(answers[0] == answers[2])
    }
}
