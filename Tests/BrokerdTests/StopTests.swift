import Glibc
import Testing
import Wire

@Suite("brokerd at its end", .timeLimit(.minutes(5)))
struct StopTests {
    @Test("closes its connections with 320 and exits with 0", arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) throws {
        let (daemon, port) = try Daemon.ready()
        let clients = [try RawClient.opened(port: port), try RawClient.opened(port: port)]
        daemon.send(signal)
        for client in clients {
            guard case .connectionClose(let close)? = try client.nextMethod() else {
                Issue.record("no connection.close")
                return
            }
            #expect(close.replyCode == 320)
            #expect(close.replyText.string.hasPrefix("CONNECTION_FORCED - "))
            client.leave()
        }
        #expect(daemon.exitCode() == 0)
        let text = daemon.errorText()
        #expect(text.contains(" info stopping connections=2\n"))
        #expect(text.hasSuffix(" info stopped\n"))
    }

    @Test("does not wait longer than the shutdown timeout for a client that does not answer")
    func deafClient() throws {
        let (daemon, port) = try Daemon.ready(["--shutdown-timeout", "1ms"])
        let client = try RawClient.opened(port: port)
        defer { withExtendedLifetime(client) {} }
        daemon.send(SIGTERM)
        #expect(daemon.exitCode() == 0)
    }

    @Test("refuses newcomers while it waits, and stops at once at a second signal, with 1")
    func secondSignal() throws {
        let (daemon, port) = try Daemon.ready(["--shutdown-timeout", "1h"])
        let deaf = try RawClient.opened(port: port)
        defer { withExtendedLifetime(deaf) {} }
        daemon.send(SIGTERM)
        guard case .connectionClose? = try deaf.nextMethod() else {
            Issue.record("no connection.close")
            return
        }
        let isRefused = RawClient(port: port) == nil
        #expect(isRefused)
        daemon.send(SIGINT)
        #expect(daemon.exitCode() == 1)
        #expect(daemon.errorText().contains(" warning stopped at once connections=1\n"))
    }

    @Test("goes on after SIGHUP, and when nobody reads its log any more")
    func hangUp() throws {
        let (daemon, port) = try Daemon.ready()
        daemon.send(SIGHUP)
        #expect(daemon.line(containing: " info signal ignored signal=SIGHUP") != nil)
        daemon.closeError()
        daemon.send(SIGHUP)
        let client = try RawClient.opened(port: port)
        daemon.send(SIGTERM)
        #expect(try client.nextMethod()?.id == ConnectionClose.id)
        client.leave()
        #expect(daemon.exitCode() == 0)
    }

    @Test("stops with 74 and a sentence when its files may not grow any more, not by a signal")
    func fileSizeLimit() throws {
        let (daemon, port) = try Daemon.ready(fileBlocksMax: 1_000)
        let client = try RawClient.opened(port: port)
        try client.tell(ChannelOpen())
        try client.tell(QueueDeclare(queue: "q", durable: true))
        let line = try #require(daemon.line(containing: "journal cannot be written, stopping"))
        #expect(line.contains("File too large"))
        #expect(daemon.exitCode() == 74)
    }
}
