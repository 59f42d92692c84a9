import Wire

/// One client connection: a state machine over octets, without a socket.
///
/// Life: `awaitingHeader`, the handshake (start, tune, open), `open`, then either side closes.
/// During the handshake only the accepting reactor knows the connection and no lock is needed;
/// its few answers collect in `greeting`. From `enter(_:)` on it belongs to a virtual host, and
/// everything here is called under that virtual host's lock, by whichever thread holds it.
typealias Connection = Handle<ConnectionState>

/// The state behind a `Connection` handle.
struct ConnectionState: ~Copyable {
    let id: UInt64
    let peer: ConnectionPeer
    let context: ConnectionContext
    var phase = ConnectionPhase.awaitingHeader
    var openedAt: Instant
    /// When a handshake or a close must have come to an end.
    var deadline: Instant?

    var user = ""
    var mechanism = ""
    var clientProperties: FieldTable = [:]
    var capabilities = ClientCapabilities()
    var channelMax = 0
    /// Largest frame payload accepted or sent plus 8, as negotiated.
    var frameMax: Int
    /// Largest body that may come in one frame, by frame and message size.
    var wholeBodySizeMax = 0
    /// Heartbeat interval in seconds; 0 is off.
    var heartbeatSeconds = 0
    var lastReceived: Instant
    var lastSent: Instant
    /// Connected since, for people.
    let connectedAt: WallTime

    var virtualHost: VirtualHost?
    /// The virtual host connection.open asked for; the shell resolves it.
    var requestedVirtualHost: ShortString?
    /// Answers of the handshake, before there is a virtual host.
    var greeting: [UInt8] = []
    var outbound = OutboundBuffer()
    /// From this many outbound octets on its consumers get no more deliveries.
    var outboundSizeHigh = Int.max
    /// From this many on nothing more is read from it.
    var outboundSizeMax = Int.max
    var isDirty = false
    /// Why nothing is read from it for now, whatever waits to be sent.
    var pauses: ReadingPauses = []
    /// Reading is paused, and its reactor wants to be told when it may go on.
    var isReadingHeld = false
    /// Where the shell finds it; the core only carries it.
    var address = ShellAddress()
    /// A flusher has taken its outbound segments and is sending, without the lock.
    var isSending = false
    /// The socket took less than it was given; wait until it is writable.
    var isSocketFull = false
    /// The poller has announced room while a flusher was sending.
    var becameWritableMeanwhile = false

    var channels = HandleTable<ChannelState>()
    var channelCount = 0
    var blockedConsumerCount = 0
    /// Channel and octets missing of a body frame whose first part has been taken.
    var partialBody: PartialBody?
    var exclusiveQueues: [Queue] = []
    var isToldBlocked = false

    var nextConnection: Connection?
    var previousConnection: Connection?

    var counters = ConnectionCounters()
    var sampled = ConnectionCounters()
    var receiveRate = 0.0
    var sendRate = 0.0

    /// Where a body frame stands that is longer than what was received.
    struct PartialBody: BitwiseCopyable {
        let channelNumber: UInt16
        var missing: Int
    }
}

/// Where the shell keeps a connection; opaque to the core.
struct ShellAddress: BitwiseCopyable {
    var reactor: UInt32 = 0
    var slot: UInt32 = 0
    var registration: UInt32 = 0
    var socket: Int32 = -1
}

/// Plain sums since the connection was accepted.
struct ConnectionCounters: BitwiseCopyable, Equatable {
    var receivedBytes: UInt64 = 0
    var sentBytes: UInt64 = 0
}

/// Where a connection is in its life.
enum ConnectionPhase: UInt8, BitwiseCopyable {
    /// The eight opening octets have not come yet.
    case awaitingHeader
    /// connection.start is sent.
    case starting
    /// connection.tune is sent.
    case tuning
    /// tune-ok has come.
    case opening
    case open
    /// Our connection.close is sent; only close-ok matters now.
    case closing
    /// Nothing more will be said; the socket goes once everything has been sent.
    case ended
    /// Their close is answered; they close the socket, or the deadline does.
    case closed
}

/// Both ends of a connection as people write them.
struct ConnectionPeer: Sendable, Equatable {
    let host: String
    let port: UInt16
    let localHost: String
    let localPort: UInt16
    let isLoopback: Bool

    /// As RabbitMQ names connections.
    var connectionName: String { "\(host):\(port) -> \(localHost):\(localPort)" }
}

/// What every connection is given: the server's bounds, its face, and who may come in.
struct ConnectionContext: Sendable {
    let limits: Limits
    let serverProperties: FieldTable
    let authenticator: any Authenticator
    let log: any ConnectionLog
}

/// Decides who a client is (SASL).
protocol Authenticator: Sendable {
    /// Mechanisms offered, in order, separated by spaces in connection.start.
    var mechanisms: [String] { get }

    /// Checks a start-ok's response.
    func authenticate(mechanism: String, response: [UInt8], peer: ConnectionPeer) -> LoginOutcome
}

/// How a login went.
enum LoginOutcome: Equatable, Sendable {
    /// The client is this user.
    case accepted(user: String)
    /// It is not let in. The reason is for the log alone: to the client, an unknown user and a
    /// wrong password look the same.
    case refused(user: String, reason: String)
}

/// Where the core says what people may want to know about a connection.
protocol ConnectionLog: Sendable {
    /// A client is in, at connection.open.
    func opened(peer: ConnectionPeer, user: String, virtualHost: String)
    /// A socket has been closed, whether or not its client ever was in.
    func closed(peer: ConnectionPeer, user: String)
    /// A client did something that cost it its channel or connection.
    func clientError(_ error: ProtocolError, peer: ConnectionPeer, user: String, channel: UInt16)
    /// A login was refused.
    func refusedLogin(user: String, reason: String, peer: ConnectionPeer, mechanism: String)
    /// A client was silent for too long and is dropped.
    func timedOut(_ wait: ConnectionWait, peer: ConnectionPeer, user: String)
}

/// What a connection waited for when its client was silent for too long.
enum ConnectionWait: String, Sendable {
    case handshake
    case closeOk = "close-ok"
    case heartbeat
}

/// What the client said it understands (start-ok, client-properties, capabilities).
struct ClientCapabilities {
    var consumerCancelNotify = false
    var authenticationFailureClose = false
    var connectionBlocked = false

    init() {}

    init(clientProperties: FieldTable) {
        guard case .table(let table)? = clientProperties["capabilities"] else { return }
        consumerCancelNotify = table["consumer_cancel_notify"]?.boolean ?? false
        authenticationFailureClose = table["authentication_failure_close"]?.boolean ?? false
        connectionBlocked = table["connection.blocked"]?.boolean ?? false
    }
}

extension Handle where State == ConnectionState {
    static func make(
        id: UInt64,
        peer: ConnectionPeer,
        context: ConnectionContext,
        at now: Instant,
        wallTime: WallTime
    ) -> Connection {
        Connection(
            ConnectionState(
                id: id,
                peer: peer,
                context: context,
                openedAt: now,
                deadline: now + context.limits.handshakeTimeout,
                frameMax: context.limits.handshakeFrameMax,
                lastReceived: now,
                lastSent: now,
                connectedAt: wallTime
            )
        )
    }

    /// Whether so much waits to be sent that its consumers get nothing more for now.
    @inline(__always)
    var isCongested: Bool { state.outbound.byteCount >= state.outboundSizeHigh }

    /// Whether as much waits to be sent as may.
    @inline(__always)
    var isOutboundFull: Bool { state.outbound.byteCount >= state.outboundSizeMax }

    /// Whether nothing more is read from it for now.
    @inline(__always)
    var isReadingPaused: Bool { isOutboundFull || !state.pauses.isEmpty }

    /// Makes sure it is flushed when the batch ends.
    @inline(__always)
    func markDirty() {
        guard !state.isDirty, let virtualHost = state.virtualHost else { return }
        state.isDirty = true
        virtualHost.state.dirty.append(self)
    }

    /// Sends a method.
    func send(_ method: some MethodArguments, channel: UInt16) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        guard let virtualHost = state.virtualHost else {
            state.greeting.append(contentsOf: encoder.bytes)
            return
        }
        state.outbound.append(encoder.bytes, pool: &virtualHost.state.pool)
        markDirty()
    }

    /// Sends a frame made before.
    func append(_ frame: [UInt8]) {
        guard let virtualHost = state.virtualHost else { return }
        state.outbound.append(frame, pool: &virtualHost.state.pool)
        markDirty()
    }

    /// Consumers that waited for room in the buffer get their turn back, once half of it is free.
    func relieveCongestion() {
        guard state.blockedConsumerCount > 0,
            state.outbound.byteCount <= state.outboundSizeHigh / 2
        else { return }
        state.channels.forEach { $0.unblockConsumers() }
    }
}
