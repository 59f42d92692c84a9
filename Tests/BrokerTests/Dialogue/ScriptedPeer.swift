import Wire

@testable import Broker

/// A client that says what its script says, and looks at every octet it gets.
final class ScriptedPeer {
    let connection: Connection
    private unowned let broker: DialogueBroker
    /// Octets handed to the connection and not consumed yet, as the shell keeps them.
    private(set) var leftover: [UInt8] = []
    /// All octets that ever came.
    private(set) var received: [UInt8] = []
    /// Octets the socket still takes; `nil` is no end of them.
    var socketRoom: Int?
    /// The connection has been destroyed.
    private(set) var isGone = false
    /// The server has closed the socket.
    private(set) var isClosed = false
    private var decoder = FrameDecoder()
    private(set) var frames: [Frame] = []
    private var haveSkippedHeader = false
    var frameMax = 131_072
    /// The server reads nothing from it for now.
    var isReadingHeld: Bool { connection.state.isReadingHeld }
    /// Octets the server holds for it.
    var waitingSize: Int { connection.state.outbound.byteCount }

    /// How a client goes through the handshake.
    struct Manner {
        var password = "secret"
        var user = "guest"
        var virtualHost: ShortString = "/"
        var frameMax: UInt32 = 131_072
        var channelMax: UInt16 = 2047
        var heartbeat: UInt16 = 0
        var capabilities: FieldTable = [
            "consumer_cancel_notify": .bool(true), "authentication_failure_close": .bool(true),
            "connection.blocked": .bool(true),
        ]

        var startOk: ConnectionStartOk {
            ConnectionStartOk(
                clientProperties: ["capabilities": .table(capabilities)],
                mechanism: "PLAIN",
                response: [0] + Array(user.utf8) + [0] + Array(password.utf8),
                locale: "en_US"
            )
        }

        var tuneOk: ConnectionTuneOk {
            ConnectionTuneOk(channelMax: channelMax, frameMax: frameMax, heartbeat: heartbeat)
        }
    }

    init(_ connection: Connection, broker: DialogueBroker) {
        self.connection = connection
        self.broker = broker
    }

    // MARK: Saying

    /// Sends octets as one batch, cut as `sizes` says (the rest in one piece).
    func send(_ bytes: [UInt8], inPiecesOf sizes: [Int] = []) {
        broker.batch { feed(bytes, inPiecesOf: sizes) }
    }

    /// Hands octets to the connection; the caller has begun the batch.
    func feed(_ bytes: [UInt8], inPiecesOf sizes: [Int] = []) {
        var rest = bytes[...]
        for size in sizes where !rest.isEmpty {
            leftover += rest.prefix(size)
            rest = rest.dropFirst(size)
            process()
        }
        leftover += rest
        process()
    }

    /// Sends one method as a batch of its own.
    func send(_ method: some MethodArguments, on channel: UInt16 = 1) {
        send(Script().method(method, on: channel).bytes)
    }

    /// Offers the connection what it has not taken yet, as the shell does.
    func process() {
        while !isGone {
            let isReadingHeld = connection.state.isReadingHeld
            if isReadingHeld { return }
            let count = ByteView.with(leftover) { connection.receive($0) }
            leftover.removeFirst(count)
            if connection.state.virtualHost != nil, connection.isReadingPaused {
                connection.state.isReadingHeld = true
            }
            guard let name = connection.state.requestedVirtualHost else { break }
            if name.bytes == broker.virtualHost.state.name {
                broker.virtualHost.begin(at: broker.now)
                connection.enter(broker.virtualHost)
            } else {
                connection.refuseVirtualHost()
            }
        }
        takeGreeting()
    }

    // MARK: The socket

    private func takeGreeting() {
        guard connection.state.virtualHost == nil, !connection.state.greeting.isEmpty else {
            return
        }
        received += connection.state.greeting
        decoder.append(connection.state.greeting)
        connection.state.greeting = []
    }

    /// Takes as much of the outbound segments as the socket has room for.
    func takeFromSocket() -> (count: Int, outcome: SendOutcome) {
        var count = 0
        for index in 0..<connection.state.outbound.sending.count {
            let segment = connection.state.outbound.sending[index]
            let size = segment.end - segment.start
            let taken = min(size, socketRoom.map { $0 - count } ?? size)
            let view = ByteView(base: segment.base + segment.start, count: taken)
            received += view.bytes
            decoder.append(view)
            count += taken
            if taken < size {
                socketRoom = 0
                return (count, .full)
            }
        }
        if let room = socketRoom { socketRoom = room - count }
        return (count, .sent)
    }

    /// Reads `count` octets off the socket, which makes room for as many; `nil` reads on for ever.
    func read(_ count: Int?) {
        socketRoom = count.map { $0 + (socketRoom ?? 0) }
        broker.batch { broker.virtualHost.socketIsWritable(connection) }
    }

    /// Notes that the server has closed: it has ended and all it said has left.
    func noteEnd() {
        guard !isGone, connection.state.phase == .ended else { return }
        if connection.state.virtualHost == nil || connection.state.outbound.isEmpty {
            isClosed = true
        }
    }

    /// Closes the socket without a word.
    func hangUp() {
        guard !isGone else { return }
        broker.batch {
            connection.leave()
            connection.destroyConnection()
            isGone = true
        }
    }

    // MARK: Hearing

    /// Cuts what came into frames.
    func decodeFrames() throws {
        while let frame = try decoder.next(frameMax: frameMax) { frames.append(frame) }
    }

    /// Takes the oldest frame there is; heartbeats count.
    func takeFrame() throws -> Frame? {
        try decodeFrames()
        return frames.isEmpty ? nil : frames.removeFirst()
    }

    /// Takes the oldest frame of a channel, passing over those of others.
    func takeFrame(on channel: UInt16) throws -> Frame? {
        try decodeFrames()
        guard let index = frames.firstIndex(where: { $0.channel == channel }) else { return nil }
        return frames.remove(at: index)
    }
}
