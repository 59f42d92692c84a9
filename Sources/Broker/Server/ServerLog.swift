import Wire

/// What the core reports of its connections and queues, as log lines, bounded in number.
///
/// One client in a loop of failing requests must not fill a disk or hold up the reactors: of each
/// kind at most `lineCountMax` lines a second are written, and the next one says how many were
/// held back.
final class ServerLog: ConnectionLog, QueueLog, @unchecked Sendable {
    /// Lines of one kind in a second.
    static let lineCountMax = 20

    private let log: Logger
    private let clock: @Sendable () -> Instant
    private let lock = Lock()
    private var channelErrors = LogThrottle(countMax: lineCountMax, per: .seconds(1))
    private var connectionErrors = LogThrottle(countMax: lineCountMax, per: .seconds(1))
    private var refusedLogins = LogThrottle(countMax: lineCountMax, per: .seconds(1))
    private var strategies = LogThrottle(countMax: lineCountMax, per: .seconds(1))
    private var timeouts = LogThrottle(countMax: lineCountMax, per: .seconds(1))

    init(_ log: Logger, clock: @escaping @Sendable () -> Instant = SystemClock.now) {
        self.log = log
        self.clock = clock
    }

    func opened(peer: ConnectionPeer, user: String, virtualHost: String) {
        log.debug(
            "connection opened",
            ["connection": peer.connectionName, "user": user, "vhost": virtualHost]
        )
    }

    func closed(peer: ConnectionPeer, user: String) {
        log.debug("connection closed", ["connection": peer.connectionName, "user": user])
    }

    func clientError(_ error: ProtocolError, peer: ConnectionPeer, user: String, channel: UInt16) {
        let code = "\(error.code.rawValue)"
        let name = peer.connectionName
        if channel == 0 {
            guard let heldBack = admit(\.connectionErrors) else { return }
            let facts: LogFacts = [
                "connection": name, "user": user, "error": error.text, "code": code,
            ]
            log.warning("connection error", facts.afterHoldingBack(heldBack))
        } else {
            guard let heldBack = admit(\.channelErrors) else { return }
            let facts: LogFacts = [
                "connection": name, "channel": "\(channel)", "user": user, "error": error.text,
                "code": code,
            ]
            log.info("channel error", facts.afterHoldingBack(heldBack))
        }
    }

    func refusedLogin(user: String, reason: String, peer: ConnectionPeer, mechanism: String) {
        guard let heldBack = admit(\.refusedLogins) else { return }
        let facts: LogFacts = [
            "connection": peer.connectionName, "user": user, "reason": reason,
            "mechanism": mechanism,
        ]
        log.warning("login refused", facts.afterHoldingBack(heldBack))
    }

    func timedOut(_ wait: ConnectionWait, peer: ConnectionPeer, user: String) {
        guard let heldBack = admit(\.timeouts) else { return }
        let facts: LogFacts = [
            "connection": peer.connectionName, "user": user, "waited_for": wait.rawValue,
        ]
        log.warning("client silent", facts.afterHoldingBack(heldBack))
    }

    func keepsNoDeadLetters(queue: String, virtualHost: String) {
        guard let heldBack = admit(\.strategies) else { return }
        let facts: LogFacts = [
            "queue": queue, "vhost": virtualHost, "strategy": "at-most-once",
            "needs": "x-overflow=reject-publish",
        ]
        log.warning("dead letters are not kept", facts.afterHoldingBack(heldBack))
    }

    private func admit(_ throttle: ReferenceWritableKeyPath<ServerLog, LogThrottle>) -> Int? {
        let now = clock()
        return lock.withLock { self[keyPath: throttle].admit(at: now) }
    }
}
