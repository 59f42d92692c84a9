import Testing
import Wire

@testable import BrokerClient

@Suite("Connection", .timeLimit(.minutes(5)))
struct ConnectionTests {
    private func openError(_ options: ConnectionOptions) async -> ClientError? {
        do throws(ClientError) {
            await (try Connection.open(options)).close()
            return nil
        } catch {
            return error
        }
    }

    @Test("the handshake sends login, capabilities, agreed limits and the virtual host")
    func handshake() async throws {
        let server = try ScriptedServer { peer in
            let startOk = try peer.start()
            let login = Array("\0me\0secret".utf8)
            guard startOk.mechanism == "PLAIN", startOk.response == login,
                startOk.clientProperties["connection_name"] == .string("test"),
                case .table(let capabilities) = startOk.clientProperties["capabilities"]
            else { throw ScriptedServer.Departure(description: "start-ok \(startOk)") }
            for name: ShortString in [
                "publisher_confirms", "consumer_cancel_notify", "basic.nack",
                "connection.blocked", "authentication_failure_close",
                "exchange_exchange_bindings",
            ] where capabilities[name] != .bool(true) {
                throw ScriptedServer.Departure(description: "no capability \(name)")
            }
            peer.send(ConnectionTune(channelMax: 10, frameMax: 8192, heartbeat: 30), on: 0)
            let tuneOk = try peer.expect(ConnectionTuneOk.self, on: 0)
            guard tuneOk == ConnectionTuneOk(channelMax: 10, frameMax: 8192, heartbeat: 20) else {
                throw ScriptedServer.Departure(description: "tune-ok \(tuneOk)")
            }
            let open = try peer.expect(ConnectionOpen.self, on: 0)
            guard open.virtualHost == "v" else {
                throw ScriptedServer.Departure(description: "open \(open)")
            }
            peer.send(ConnectionOpenOk(), on: 0)
            try peer.expectGoodbye()
        }
        var options = server.options
        options.user = "me"
        options.password = "secret"
        options.virtualHost = "v"
        options.heartbeatSeconds = 20
        options.connectionName = "test"
        let connection = try await Connection.open(options)
        #expect(connection.frameMax == 8192)
        #expect(connection.heartbeatSeconds == 20)
        #expect(connection.serverProperties["product"]?.text == "script")
        await connection.close()
        #expect(connection.end == .closed)
        try await server.finish()
    }

    @Test("nobody listening is unreachable, and the address is named")
    func unreachable() async throws {
        // After its script the server listens no more, and its port is one nobody else has.
        let server = try ScriptedServer { _ in }
        _ = await openError(server.options)
        try await server.finish()
        guard case .unreachable(let text) = await openError(server.options) else {
            Issue.record("somebody listens")
            return
        }
        #expect(text.contains("127.0.0.1:\(server.port)"))
    }

    @Test("a refused login is told apart from a refused virtual host")
    func refused() async throws {
        let login = try ScriptedServer { peer in
            try peer.start()
            peer.send(
                ConnectionClose(replyCode: 403, replyText: "no", classID: 10, methodID: 11),
                on: 0
            )
        }
        #expect(await openError(login.options) == .accessRefused("no"))
        let host = try ScriptedServer { peer in
            try peer.start()
            peer.send(ConnectionTune(), on: 0)
            try peer.expect(ConnectionTuneOk.self, on: 0)
            try peer.expect(ConnectionOpen.self, on: 0)
            peer.send(
                ConnectionClose(replyCode: 530, replyText: "none", classID: 10, methodID: 40),
                on: 0
            )
        }
        let reason = CloseReason(code: 530, text: "none", method: ConnectionOpen.id)
        #expect(await openError(host.options) == .connectionClosed(reason))
    }

    @Test("a server that hangs up on the login has refused it")
    func hangsUp() async throws {
        let server = try ScriptedServer { try $0.start() }
        guard case .accessRefused = await openError(server.options) else {
            Issue.record("not taken for a refused login")
            return
        }
        try await server.finish()
    }

    @Test(
        "a server of another kind is recognised",
        arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "AMQP\u{0}\u{1}\u{0}\u{0}"]
    )
    func otherProtocol(_ answer: String) async throws {
        let server = try ScriptedServer { $0.sendBytes(Array(answer.utf8)) }
        guard case .protocolViolation = await openError(server.options) else {
            Issue.record("not recognised")
            return
        }
    }

    @Test("a server that says nothing runs into the time limit")
    func silent() async throws {
        let server = try ScriptedServer { peer in while try peer.receiveBytes() != nil {} }
        var options = server.options
        options.timeout = .milliseconds(50)
        guard case .timedOut = await openError(options) else {
            Issue.record("no time limit")
            return
        }
        try await server.finish()
    }

    @Test("the broker's reason for closing reaches every waiting and later call")
    func closedByBroker() async throws {
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            try peer.expect(QueueDeclare.self)
            peer.send(
                ConnectionClose(replyCode: 320, replyText: "bye", classID: 0, methodID: 0),
                on: 0
            )
            try peer.expect(ConnectionCloseOk.self, on: 0)
        }
        let connection = try await Connection.open(server.options)
        let channel = try await connection.openChannel()
        let reason = ClientError.connectionClosed(CloseReason(code: 320, text: "bye"))
        await #expect(throws: reason) { try await channel.declareQueue("q") }
        await #expect(throws: reason) { try await channel.declareQueue("q") }
        await #expect(throws: reason) { try await connection.openChannel() }
        #expect(connection.end == reason)
        try await server.finish()
    }

    @Test("a connection that breaks fails the waiting call")
    func broken() async throws {
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            try peer.expect(QueueDeclare.self)
        }
        let channel = try await Connection.open(server.options).openChannel()
        do {
            try await channel.declareQueue("q")
            Issue.record("answered by nobody")
        } catch ClientError.connectionLost {
            #expect(channel.end != nil)
        }
    }

    @Test("heartbeats are sent when there is nothing else to send, and silence ends the connection")
    func heartbeats() async throws {
        let server = try ScriptedServer { peer in
            try peer.accept(tune: ConnectionTune(heartbeat: 1))
            let frame = try peer.nextFrame()
            guard frame?.type == .heartbeat, frame?.channel == 0 else {
                throw ScriptedServer.Departure(description: "no heartbeat")
            }
            while try peer.nextFrame()?.type == .heartbeat {}
        }
        var options = server.options
        options.heartbeatSeconds = 60
        let connection = try await Connection.open(options)
        for await _ in connection.notices {}
        guard case .connectionLost(let text) = connection.end else {
            Issue.record("silence was not noticed")
            return
        }
        #expect(text.contains("silent for 2 seconds"))
        try await server.finish()
    }

    @Test("blocked and unblocked are visible")
    func blocked() async throws {
        let server = try ScriptedServer { peer in
            try peer.accept()
            peer.send(ConnectionBlocked(reason: "low on disk"), on: 0)
            try peer.expect(ConnectionUpdateSecret.self, on: 0)
            peer.send(ConnectionUnblocked(), on: 0)
            peer.send(ConnectionUpdateSecretOk(), on: 0)
            try peer.expectGoodbye()
        }
        let connection = try await Connection.open(server.options)
        var notices = connection.notices.makeAsyncIterator()
        #expect(await notices.next() == .blocked(reason: "low on disk"))
        #expect(connection.blockedReason == "low on disk")
        try await connection.updateSecret(Array("new".utf8), reason: "rotation")
        #expect(connection.blockedReason == nil)
        #expect(await notices.next() == .unblocked)
        await connection.close()
        #expect(await notices.next() == nil)
        try await server.finish()
    }

    @Test("a goodbye that is not answered ends at the time limit")
    func goodbyeUnanswered() async throws {
        let server = try ScriptedServer { peer in
            try peer.accept()
            try peer.expect(ConnectionClose.self, on: 0)
            try peer.expectEnd()
        }
        var options = server.options
        options.closeTimeout = .milliseconds(200)
        let connection = try await Connection.open(options)
        await connection.close()
        #expect(connection.end != nil)
        try await server.finish()
    }

    @Test("the number of channels is bounded, and closed ones are free again")
    func channels() async throws {
        let server = try ScriptedServer { peer in
            try peer.accept(tune: ConnectionTune(channelMax: 2))
            for number: UInt16 in [1, 2] {
                try peer.expect(ChannelOpen.self, on: number)
                peer.send(ChannelOpenOk(), on: number)
            }
            try peer.expect(ChannelClose.self, on: 1)
            peer.send(ChannelCloseOk(), on: 1)
            try peer.expect(ChannelOpen.self, on: 1)
            peer.send(ChannelOpenOk(), on: 1)
            try peer.expectGoodbye()
        }
        let connection = try await Connection.open(server.options)
        let first = try await connection.openChannel()
        _ = try await connection.openChannel()
        await #expect(throws: ClientError.channelsExhausted(2)) {
            try await connection.openChannel()
        }
        await first.close()
        #expect(try await connection.openChannel().number == 1)
        await connection.close()
        try await server.finish()
    }
}
