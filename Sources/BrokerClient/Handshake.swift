import Wire

/// The client's side of opening a connection (AMQP 0-9-1 §2.2.4), done on one thread before
/// anything else happens.
struct Handshake {
    /// What the handshake leads to.
    struct Opening {
        let tuning: Tuning
        let serverProperties: FieldTable
        /// Holds what the broker may have sent after open-ok.
        let decoder: FrameDecoder
    }

    private let socket: Socket
    private let options: ConnectionOptions
    private let deadline: UInt64
    private var decoder = FrameDecoder()
    private var hasSentLogin = false
    private var received = 0

    init(socket: Socket, options: ConnectionOptions, deadline: UInt64) {
        self.socket = socket
        self.options = options
        self.deadline = deadline
    }

    /// Runs the dialogue; blocks.
    ///
    /// - Throws: `.accessRefused` for a refused login, `.connectionClosed` when the broker closes
    ///   for another reason such as an unknown virtual host, `.timedOut`, `.connectionLost`,
    ///   `.protocolViolation` when the peer does not speak AMQP 0-9-1.
    mutating func run() throws(ClientError) -> Opening {
        try write(ProtocolHeader.bytes)
        guard case .connectionStart(let start) = try next() else { throw unexpected("start") }
        let mechanisms = String(decoding: start.mechanisms, as: UTF8.self).split(separator: " ")
        guard mechanisms.contains("PLAIN") else {
            throw .accessRefused("\(options.address) offers no PLAIN login")
        }
        hasSentLogin = true
        try send(
            ConnectionStartOk(
                clientProperties: ClientProperties.table(for: options),
                mechanism: "PLAIN",
                response: [0] + Array(options.user.utf8) + [0] + Array(options.password.utf8)
            )
        )
        guard case .connectionTune(let tune) = try next() else { throw unexpected("tune") }
        let tuning = Self.agree(on: tune, options)
        try send(
            ConnectionTuneOk(
                channelMax: tuning.channelMax,
                frameMax: UInt32(tuning.frameMax),
                heartbeat: tuning.heartbeatSeconds
            )
        )
        hasSentLogin = false
        try send(ConnectionOpen(virtualHost: options.virtualHost))
        guard case .connectionOpenOk = try next() else { throw unexpected("open-ok") }
        return Opening(
            tuning: tuning,
            serverProperties: start.serverProperties,
            decoder: decoder
        )
    }

    /// The smaller of two limits, where 0 is none.
    static func agree(on tune: ConnectionTune, _ options: ConnectionOptions) -> Tuning {
        func smaller<Number: BinaryInteger>(_ theirs: Number, _ ours: Number) -> Number {
            if theirs == 0 { ours } else if ours == 0 { theirs } else { min(theirs, ours) }
        }
        let frameMax = smaller(tune.frameMax, max(options.frameMax, UInt32(Frame.minMax)))
        // A heartbeat of 0 is a wish, not a limit: whoever asks for none gets none.
        let heartbeat =
            options.heartbeatSeconds == 0 ? 0 : smaller(tune.heartbeat, options.heartbeatSeconds)
        return Tuning(
            channelMax: max(1, smaller(tune.channelMax, options.channelMax)),
            frameMax: Int(frameMax),
            heartbeatSeconds: heartbeat
        )
    }

    private func send(_ method: some MethodArguments) throws(ClientError) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: 0)
        try write(encoder.bytes)
    }

    private func write(_ bytes: [UInt8]) throws(ClientError) {
        // A peer that has hung up may have said why: reading comes first, and reports it.
        _ = socket.write(bytes)
    }

    /// The next method on channel 0.
    private mutating func next() throws(ClientError) -> Method {
        while true {
            if let method = try decodeNext() {
                if case .connectionClose(let close) = method { throw refusal(close) }
                return method
            }
            try receive()
        }
    }

    /// A method that is there already, heartbeats skipped.
    private mutating func decodeNext() throws(ClientError) -> Method? {
        do throws(WireError) {
            while let frame = try decoder.next(frameMax: Int(options.frameMax)) {
                guard frame.type == .method else { continue }
                return try ByteView.with(frame.payload) { view throws(WireError) in
                    try Method.decode(view)
                }
            }
            return nil
        } catch {
            throw .protocolViolation("\(options.address) does not speak AMQP 0-9-1: \(error)")
        }
    }

    private mutating func receive() throws(ClientError) {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let input = bytes.withUnsafeMutableBytes { socket.read(into: $0, deadline: deadline) }
        switch input {
        case .bytes(let count):
            bytes.removeLast(bytes.count - count)
            try checkFirst(bytes)
            received += count
            decoder.append(bytes)
        case .timedOut:
            throw .timedOut("the AMQP handshake with \(options.address)")
        case .end, .failed:
            // A broker without authentication_failure_close just hangs up on a bad login.
            if hasSentLogin {
                throw .accessRefused(
                    "\(options.address) hung up after the login of '\(options.user)'"
                )
            }
            throw .connectionLost("\(options.address) hung up during the AMQP handshake")
        }
    }

    /// A server that does not like our protocol header answers with its own.
    private func checkFirst(_ bytes: [UInt8]) throws(ClientError) {
        guard received == 0, bytes.first != FrameType.method.rawValue else { return }
        throw .protocolViolation("\(options.address) does not speak AMQP 0-9-1")
    }

    private func refusal(_ close: ConnectionClose) -> ClientError {
        if close.replyCode == ReplyCode.accessRefused.value {
            return .accessRefused(close.replyText.string)
        }
        return .connectionClosed(
            CloseReason(
                code: close.replyCode,
                text: close.replyText,
                classID: close.classID,
                methodID: close.methodID
            )
        )
    }

    private func unexpected(_ awaited: String) -> ClientError {
        .protocolViolation("\(options.address) did not send connection.\(awaited) when due")
    }
}
