import Testing
import Wire

@testable import Broker

@Suite("Server log")
struct ServerLogTests {
    private let lines = LineCollector()
    private let clock = SteppedClock()
    private let peer = ConnectionPeer(
        host: "127.0.0.1",
        port: 40000,
        localHost: "127.0.0.1",
        localPort: 5672,
        isLoopback: true
    )

    @Test("tells a lost connection from a lost channel by its level")
    func errors() {
        let log = serverLog(level: .info)
        let error = ProtocolError(.notFound, "no queue 'a b' in vhost '/'")
        log.clientError(error, peer: peer, user: "guest", channel: 0)
        log.clientError(error, peer: peer, user: "guest", channel: 7)
        let shared =
            "user=guest error=\"NOT_FOUND - no queue 'a b' in vhost '/'\" code=404\n"
        let connection = "connection=\"127.0.0.1:40000 -> 127.0.0.1:5672\""
        #expect(
            lines.lines.map { $0.dropFirst(25) } == [
                "warning connection error \(connection) \(shared)",
                "info channel error \(connection) channel=7 \(shared)",
            ]
        )
    }

    @Test("says nothing of connections that come and go, but for those who look for it")
    func quiet() {
        for (level, expected) in [(LogLevel.info, 0), (.debug, 2)] {
            let before = lines.lines.count
            let log = serverLog(level: level)
            log.opened(peer: peer, user: "guest", virtualHost: "/")
            log.closed(peer: peer, user: "guest")
            #expect(lines.lines.count - before == expected)
        }
    }

    @Test("writes a bounded number of lines a second of each kind, and then how many it held back")
    func bounded() {
        let log = serverLog(level: .info)
        func refuse() {
            log.refusedLogin(user: "x", reason: "wrong password", peer: peer, mechanism: "PLAIN")
        }
        for _ in 0..<100 { refuse() }
        #expect(lines.lines.count == ServerLog.lineCountMax)
        #expect(!lines.text.contains("held_back"))
        log.timedOut(.heartbeat, peer: peer, user: "x")
        #expect(lines.lines.count == ServerLog.lineCountMax + 1)
        clock.advance(by: .seconds(1))
        refuse()
        #expect(lines.lines.last?.hasSuffix("held_back=\(100 - ServerLog.lineCountMax)\n") == true)
    }

    @Test("writes what a client calls itself so that it stays one value of one line")
    func hostileName() {
        let log = serverLog(level: .info)
        log.refusedLogin(
            user: "x\n2026-01-01T00:00:00.000Z info ready",
            reason: "unknown user",
            peer: peer,
            mechanism: "PLAIN"
        )
        #expect(lines.text.filter { $0 == "\n" }.count == 1)
        #expect(lines.text.contains(#"user="x\n2026-01-01T00:00:00.000Z info ready""#))
    }

    @Test("says of which queue dead letters are not kept, and what that needs")
    func fallback() {
        serverLog(level: .info).keepsNoDeadLetters(queue: "jobs", virtualHost: "/")
        let facts = "queue=jobs vhost=/ strategy=at-most-once needs=\"x-overflow=reject-publish\""
        #expect(
            lines.lines.map { $0.dropFirst(25) } == ["warning dead letters are not kept \(facts)\n"]
        )
    }

    private func serverLog(level: LogLevel) -> ServerLog {
        ServerLog(lines.logger(level: level)) { [clock] in clock.now }
    }
}

/// A clock that a test moves.
private final class SteppedClock: @unchecked Sendable {
    private let lock = Lock()
    private var instant = Instant(nanoseconds: 1_000_000_000)

    var now: Instant { lock.withLock { instant } }

    func advance(by duration: Duration) { lock.withLock { instant += duration } }
}
