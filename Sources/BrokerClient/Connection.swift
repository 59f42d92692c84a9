import Wire

/// A connection to an AMQP 0-9-1 broker.
///
/// It lives until `close()`, until the broker ends it, or until the last reference to it and its
/// channels is gone. It does not reconnect: that needs to know what the application had declared
/// and what may be sent twice, which only the application knows.
///
/// Any number of tasks may use a connection and its channels at the same time. A consumer that
/// leaves deliveries unread (`ConnectionOptions.unreadDeliveriesMax`) stops the reading of the
/// whole connection until it catches up, so several consumers on one connection are to be read
/// concurrently.
public final class Connection: Sendable {
    let session: Session

    private init(session: Session) {
        self.session = session
    }

    deinit {
        session.abandon()
    }

    /// Connects, logs in and opens the virtual host.
    ///
    /// - Parameter options: Where and as whom.
    /// - Returns: A connection ready for channels.
    /// - Throws: `.unreachable`, `.accessRefused`, `.timedOut`, `.protocolViolation`,
    ///   `.connectionLost`, or `.connectionClosed` with the broker's reason, which is 530
    ///   (not-allowed) for a virtual host that does not exist.
    public static func open(_ options: ConnectionOptions) async throws(ClientError) -> Connection {
        let result = await withCheckedContinuation { continuation in
            let isStarted = NativeThread.start {
                continuation.resume(returning: establish(options))
            }
            guard !isStarted else { return }
            continuation.resume(
                returning: .failure(.unreachable("the system has no thread left for a connection"))
            )
        }
        return Connection(session: try result.get())
    }

    /// Everything that blocks in opening a connection.
    private static func establish(_ options: ConnectionOptions) -> Result<Session, ClientError> {
        do throws(ClientError) {
            let timeout = options.timeout.nanoseconds
            let socket = try Socket.connect(
                host: options.host,
                port: options.port,
                deadline: MonotonicClock.now + timeout
            )
            var handshake = Handshake(
                socket: socket,
                options: options,
                deadline: MonotonicClock.now + timeout
            )
            let opening = try handshake.run()
            let session = Session(socket: socket, options: options, opening: opening)
            try session.start()
            return .success(session)
        } catch {
            return .failure(error)
        }
    }

    /// Opens a channel.
    ///
    /// - Throws: `.channelsExhausted`, or why the connection has ended.
    public func openChannel() async throws(ClientError) -> Channel {
        let state = try session.lock.withLock { () throws(ClientError) in
            try session.makeChannel()
        }
        _ = try await session.call(ChannelOpen(), on: state, expecting: ChannelOpenOk.self)
        return Channel(connection: self, state: state)
    }

    /// Says goodbye (connection.close) and waits for the answer, at most for the time limit.
    ///
    /// What was sent before is sent out first. Streams of deliveries end without an error. Closing
    /// a closed connection does nothing.
    public func close() async {
        await session.close(code: .success, text: "goodbye")
    }

    /// Gives the broker a new password or token for the connection (connection.update-secret).
    ///
    /// - Parameters:
    ///   - secret: The new password.
    ///   - reason: Shown in the broker's log.
    /// - Throws: Why the connection has ended.
    public func updateSecret(_ secret: [UInt8], reason: ShortString) async throws(ClientError) {
        let channel = try session.lock.withLock { () throws(ClientError) -> ChannelState in
            if case .ended(let error) = session.phase { throw error }
            guard let channel = session.channels[0] else { throw .closed }
            return channel
        }
        _ = try await session.call(
            ConnectionUpdateSecret(newSecret: secret, reason: reason),
            on: channel,
            expecting: ConnectionUpdateSecretOk.self
        )
    }

    /// What the broker said about itself: product, version, capabilities.
    public var serverProperties: FieldTable { session.serverProperties }

    /// Largest frame agreed on, in octets.
    public var frameMax: Int { session.tuning.frameMax }

    /// Heartbeat interval agreed on, in seconds; 0 is none.
    public var heartbeatSeconds: UInt16 { session.tuning.heartbeatSeconds }

    /// Why the broker does not read from publishers at the moment; `nil` while it does.
    public var blockedReason: String? { session.lock.withLock { session.blockedReason } }

    /// Whether the connection has ended, and with what.
    public var end: ClientError? {
        session.lock.withLock {
            if case .ended(let error) = session.phase { error } else { nil }
        }
    }

    /// Changes that concern the whole connection, for one reader; the newest 64 are kept.
    ///
    /// The sequence ends with the connection.
    public var notices: AsyncStream<ConnectionNotice> { session.notices }
}

/// Something the broker says about the whole connection.
public enum ConnectionNotice: Hashable, Sendable {
    /// The broker is short of a resource and stopped reading from publishers.
    case blocked(reason: String)
    /// The broker reads again.
    case unblocked
}
