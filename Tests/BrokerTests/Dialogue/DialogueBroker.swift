import TestSupport
import Testing
import Wire

@testable import Broker

/// A whole virtual host in a test: no sockets, no threads, its own time.
///
/// It plays the shell's part as the reactor does: batches of octets in, outbound segments to
/// sockets with as much room as the test says, and time that stands still until told to pass.
final class DialogueBroker {
    let virtualHost: VirtualHost
    let limits: Limits
    let log = RecordingLog()
    /// Brings messages back that are on disk only; whether it found anything to do.
    var page: (() -> Bool)?
    private var isPaging = false
    private(set) var now = Instant.zero + .seconds(1_000)
    private(set) var peers: [ScriptedPeer] = []
    private var lives: [Life] = []
    private let exchangeCount: Int

    /// Whether a connection's memory is still there: what it was given dies with it.
    private struct Life {
        weak var authenticator: TestAuthenticator?
    }

    static let seed = RandomSource.Seed(words: (11, 22, 33, 44))

    /// - Parameters:
    ///   - limits: Its bounds.
    ///   - restored: Brought back from a journal; a new one if `nil`.
    init(limits: Limits = Limits(), _ restored: VirtualHost? = nil) {
        self.limits = limits
        virtualHost =
            restored
            ?? VirtualHost.make(
                name: Array("/".utf8),
                limits: limits,
                seed: DialogueBroker.seed
            )
        exchangeCount = virtualHost.exchangeList().filter(\.isPredefined).count
    }

    /// Plays a scene, then checks that nothing of it is left.
    static func play(
        limits: Limits = Limits(),
        _ scene: (DialogueBroker) throws -> Void
    ) throws {
        let broker = DialogueBroker(limits: limits)
        do {
            try scene(broker)
        } catch {
            broker.end()
            throw error
        }
        broker.end()
    }

    /// Accepts a connection and says nothing yet.
    func accept() -> ScriptedPeer {
        let authenticator = TestAuthenticator()
        lives.append(Life(authenticator: authenticator))
        let connection = Connection.make(
            id: UInt64(peers.count + 1),
            peer: ConnectionPeer(
                host: "192.0.2.\(peers.count + 1)",
                port: 40_000,
                localHost: "192.0.2.200",
                localPort: 5672,
                isLoopback: false
            ),
            context: ConnectionContext(
                limits: limits,
                serverProperties: ["product": "dialogue"],
                authenticator: authenticator,
                log: log
            ),
            at: now,
            wallTime: WallTime(milliseconds: 0)
        )
        let peer = ScriptedPeer(connection, broker: self)
        peers.append(peer)
        return peer
    }

    /// Accepts a connection and goes through the handshake; channel 1 is open.
    func connect(_ manner: ScriptedPeer.Manner = .init()) throws -> ScriptedPeer {
        let peer = accept()
        try peer.shakeHands(manner)
        try peer.openChannel(1)
        return peer
    }

    /// Lets time pass, then looks at every connection as the shell does about twice a second.
    func advance(by duration: Duration) {
        now = now + duration
        batch { for peer in peers where !peer.isGone { peer.connection.handleTimeouts(at: now) } }
    }

    /// Takes further turns while timers are due that a turn left to the next one.
    func catchUp() {
        while virtualHost.nextDeadline <= now { batch {} }
    }

    /// Sets the clock before anybody has connected.
    func begin(at instant: Instant) { now = instant }

    /// One turn of the shell: input, pumping, sending until nothing more can leave.
    func batch(_ body: () -> Void) {
        virtualHost.begin(at: now)
        body()
        virtualHost.finishBatch()
        flush()
        servePages()
        for peer in peers { peer.noteEnd() }
    }

    /// Plays the pager's part, when there is one.
    private func servePages() {
        guard let page, !isPaging else { return }
        isPaging = true
        while page() {}
        isPaging = false
    }

    /// Sends what sockets take; a connection whose reading may go on gets its octets at once.
    private func flush() {
        while true {
            var flushes: [Connection] = []
            virtualHost.takeDirty(into: &flushes)
            if flushes.isEmpty { return }
            for connection in flushes {
                guard let peer = peers.first(where: { $0.connection == connection && !$0.isGone })
                else {
                    Issue.record("a connection that is gone wants to send")
                    return
                }
                let (count, outcome) = peer.takeFromSocket()
                if virtualHost.finishSending(connection, count: count, outcome: outcome) {
                    peer.process()
                }
            }
            virtualHost.finishBatch()
        }
    }

    /// The queue by this name, to look at its state.
    func queue(_ name: ShortString) throws -> Queue {
        try #require(virtualHost.queue(named: name), "no queue \(name)")
    }

    /// Everybody leaves, everything is deleted; whatever is then still there has leaked.
    func end() {
        for peer in peers { peer.hangUp() }
        let counters = log.errors.count
        batch {
            for queue in virtualHost.queueList() { virtualHost.delete(queue) }
            for exchange in virtualHost.exchangeList()
            where !exchange.state.name.isEmpty
                && !exchange.state.name.starts(with: Array("amq.".utf8))
                && exchange.state.kind != .management
            {
                // Deleting one may delete others with it.
                let name = ShortString(bytes: exchange.state.name) ?? ""
                if virtualHost.exchange(named: name) == exchange { virtualHost.delete(exchange) }
            }
        }
        #expect(log.errors.count == counters)
        #expect(virtualHost.state.connectionCount == 0)
        #expect(virtualHost.state.firstConnection == nil)
        #expect(virtualHost.state.queues.count == 0)
        #expect(virtualHost.state.exchanges.count == exchangeCount)
        #expect(virtualHost.state.replyAddresses.count == 0)
        #expect(virtualHost.state.dirty.count == 0)
        #expect(virtualHost.state.scheduledFirst == nil)
        #expect(virtualHost.state.confirmingFirst == nil)
        #expect(virtualHost.state.timers.count == 0)
        #expect(virtualHost.state.pool.liveBlocks == 0)
        #expect(virtualHost.state.pool.liveBytes == 0)
        #expect(lives.allSatisfy { $0.authenticator == nil }, "a connection was not destroyed")
        virtualHost.tearDown()
    }
}

/// Lets in whoever knows the one password.
final class TestAuthenticator: Authenticator {
    let mechanisms = ["PLAIN"]

    func authenticate(
        mechanism: String,
        response: [UInt8],
        peer: ConnectionPeer
    ) -> LoginOutcome {
        guard mechanism == "PLAIN" else { return .refused(user: "", reason: "mechanism") }
        let parts = response.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return .refused(user: "", reason: "response") }
        let user = String(decoding: parts[1], as: UTF8.self)
        guard parts[2].elementsEqual("secret".utf8) else {
            return .refused(user: user, reason: "password")
        }
        return .accepted(user: user)
    }
}

/// Keeps what the core had to say about clients.
///
/// The core under test runs on one thread, which is what makes the unchecked claim true.
final class RecordingLog: ConnectionLog, @unchecked Sendable {
    private(set) var openedCount = 0
    private(set) var closedCount = 0
    private(set) var errors: [ProtocolError] = []
    private(set) var refusals: [String] = []
    private(set) var waits: [ConnectionWait] = []

    func opened(peer: ConnectionPeer, user: String, virtualHost: String) { openedCount += 1 }

    func closed(peer: ConnectionPeer, user: String) { closedCount += 1 }

    func clientError(
        _ error: ProtocolError,
        peer: ConnectionPeer,
        user: String,
        channel: UInt16
    ) {
        errors.append(error)
    }

    func refusedLogin(user: String, reason: String, peer: ConnectionPeer, mechanism: String) {
        refusals.append("\(user): \(reason)")
    }

    func timedOut(_ wait: ConnectionWait, peer: ConnectionPeer, user: String) {
        waits.append(wait)
    }
}
