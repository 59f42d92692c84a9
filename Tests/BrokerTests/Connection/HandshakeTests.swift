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

    @Test(
        "answers any other protocol header with its own, and closes",
        arguments: [
            Array("HTTP/1.1".utf8), Array("GET".utf8), [65, 77, 81, 80, 0, 1, 0, 0],
            [65, 77, 81, 80, 3, 1, 0, 0], [0], [65, 77, 81, 81],
        ] as [[UInt8]]
    )
    func otherHeader(header: [UInt8]) throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(header, inPiecesOf: [1, 2])
            #expect(peer.received == ProtocolHeader.bytes)
            #expect(peer.isClosed)
        }
    }

    @Test(
        "accepts the older headers that RabbitMQ accepts",
        arguments: [[1, 1, 0, 9], [1, 1, 8, 0]]
    )
    func olderHeader(version: [UInt8]) throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(Array("AMQP".utf8) + version)
            try peer.expect(ConnectionStart.self, on: 0)
        }
    }

    @Test("offers what it has: version, mechanisms, locale, limits")
    func offers() throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(ProtocolHeader.bytes)
            let start = try peer.expect(ConnectionStart.self, on: 0)
            #expect(start.versionMajor == 0)
            #expect(start.versionMinor == 9)
            #expect(start.mechanisms == Array("PLAIN".utf8))
            #expect(start.locales == Array("en_US".utf8))
            #expect(start.serverProperties["product"] != nil)
            let tune = try peer.call(ScriptedPeer.Manner().startOk, ConnectionTune.self, on: 0)
            #expect(tune == ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60))
        }
    }

    @Test("refuses a login with 403 where the client understands it, else by closing")
    func refusedLogin() throws {
        try DialogueBroker.play { broker in
            var manner = ScriptedPeer.Manner()
            manner.password = "wrong"
            let told = broker.accept()
            told.send(ProtocolHeader.bytes)
            try told.expect(ConnectionStart.self, on: 0)
            told.send(manner.startOk, on: 0)
            try told.expectConnectionClosed(.accessRefused)
            manner.capabilities = [:]
            let untold = broker.accept()
            untold.send(ProtocolHeader.bytes)
            try untold.expect(ConnectionStart.self, on: 0)
            untold.send(manner.startOk, on: 0)
            try untold.expectSilence()
            #expect(untold.isClosed)
            #expect(broker.log.refusals.count == 2)
            #expect(broker.log.openedCount == 0)
        }
    }

    @Test(
        "refuses to be tuned to what it does not offer",
        arguments: [
            ConnectionTuneOk(channelMax: 0, frameMax: 131_072, heartbeat: 0),
            ConnectionTuneOk(channelMax: 2048, frameMax: 131_072, heartbeat: 0),
            ConnectionTuneOk(channelMax: 1, frameMax: 0, heartbeat: 0),
            ConnectionTuneOk(channelMax: 1, frameMax: 4095, heartbeat: 0),
            ConnectionTuneOk(channelMax: 1, frameMax: 131_073, heartbeat: 0),
        ]
    )
    func badTune(tuneOk: ConnectionTuneOk) throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(ProtocolHeader.bytes)
            try peer.expect(ConnectionStart.self, on: 0)
            try peer.call(ScriptedPeer.Manner().startOk, ConnectionTune.self, on: 0)
            peer.send(tuneOk, on: 0)
            try peer.expectConnectionClosed(.notAllowed)
        }
    }

    @Test("knows no other virtual host")
    func missingVirtualHost() throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(ProtocolHeader.bytes)
            try peer.expect(ConnectionStart.self, on: 0)
            try peer.call(ScriptedPeer.Manner().startOk, ConnectionTune.self, on: 0)
            peer.send(ScriptedPeer.Manner().tuneOk, on: 0)
            peer.send(ConnectionOpen(virtualHost: "elsewhere"), on: 0)
            try peer.expectConnectionClosed(.notAllowed, at: ConnectionOpen.id)
        }
    }

    @Test("takes a frame of another order, kind or channel for an error, in every state")
    func outOfOrder() throws {
        let manner = ScriptedPeer.Manner()
        let steps: [[UInt8]] = [
            Script().method(manner.startOk, on: 0).bytes,
            Script().method(manner.tuneOk, on: 0).bytes,
        ]
        let wrong: [(Script, ReplyCode)] = [
            (Script().method(ChannelOpen()), .unexpectedFrame),
            (Script().frame(.body, [1], on: 0), .unexpectedFrame),
            (Script().method(ConnectionCloseOk(), on: 0), .commandInvalid),
            (Script().method(QueueDeclare(queue: "q"), on: 0), .commandInvalid),
            (Script().raw([9, 0, 0, 0, 0, 0, 0, 0xCE]), .frameError),
            (Script().raw([8, 0, 0, 0, 0, 0, 0, 0xCD]), .frameError),
            (Script().raw([1, 0, 0, 0xFF, 0, 0, 0]), .frameError),
            (Script().frame(.method, [0, 10], on: 0), .frameError),
        ]
        for stepCount in 0...2 {
            for (script, code) in wrong {
                try DialogueBroker.play { broker in
                    let peer = broker.accept()
                    peer.send(ProtocolHeader.bytes)
                    try peer.expect(ConnectionStart.self, on: 0)
                    for step in steps.prefix(stepCount) { peer.send(step) }
                    if stepCount > 0 { try peer.expect(ConnectionTune.self, on: 0) }
                    peer.send(script.bytes)
                    if stepCount == 0 {
                        // Nobody has logged in: the socket closes without a word.
                        try peer.expectSilence()
                        #expect(peer.isClosed)
                    } else {
                        let close = try peer.expect(ConnectionClose.self, on: 0)
                        #expect(close.replyCode == code.value, "\(stepCount): \(close)")
                    }
                }
            }
        }
    }

    @Test("lets heartbeats pass, and a client that closes in the middle of it")
    func heartbeatAndClose() throws {
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            peer.send(ProtocolHeader.bytes)
            try peer.expect(ConnectionStart.self, on: 0)
            peer.send(Script().frame(.heartbeat, [], on: 0).bytes)
            try peer.call(ScriptedPeer.Manner().startOk, ConnectionTune.self, on: 0)
            peer.send(
                ConnectionClose(replyCode: 200, classID: 0, methodID: 0),
                on: 0
            )
            try peer.expect(ConnectionCloseOk.self, on: 0)
        }
    }

    @Test("must come to its end within its time, however far it has come", arguments: 0...3)
    func tooSlow(stepCount: Int) throws {
        let manner = ScriptedPeer.Manner()
        let steps: [[UInt8]] = [
            ProtocolHeader.bytes, Script().method(manner.startOk, on: 0).bytes,
            Script().method(manner.tuneOk, on: 0).bytes,
        ]
        try DialogueBroker.play { broker in
            let peer = broker.accept()
            for step in steps.prefix(stepCount) {
                broker.advance(by: .seconds(3))
                peer.send(step)
            }
            broker.advance(by: .milliseconds(9_999 - 3_000 * stepCount))
            #expect(!peer.isClosed)
            broker.advance(by: .milliseconds(1))
            #expect(peer.isClosed)
        }
    }

    @Test("bounds the channels of a connection, and counts those that closed")
    func channelMax() throws {
        try DialogueBroker.play { broker in
            var manner = ScriptedPeer.Manner()
            manner.channelMax = 2
            let peer = try broker.connect(manner)
            for _ in 0..<5 {
                try peer.openChannel(60_000)
                try peer.call(
                    ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                    ChannelCloseOk.self,
                    on: 60_000
                )
            }
            try peer.openChannel(2)
            peer.send(ChannelOpen(), on: 3)
            try peer.expectConnectionClosed(.notAllowed, at: ChannelOpen.id)
        }
    }
}
