import BrokerClient
import Glibc
import Wire

/// A server on a free port of this machine that follows a script with one client.
///
/// The script runs on a thread of its own and blocks; `finish` waits for its end and throws what
/// it threw, so that a client that departs from the script fails the test.
final class ScriptedServer: Sendable {
    typealias Script = @Sendable (Dialogue) throws -> Void

    /// Why a script could not go on.
    struct Departure: Error, CustomStringConvertible {
        let description: String
    }

    let port: UInt16
    private let outcome: Task<Void, any Error>

    init(_ script: @escaping Script) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard isListening else { throw Departure(description: "no port to listen on") }
        port = UInt16(bigEndian: address.sin_port)
        let (stream, sink) = AsyncThrowingStream<Never, any Error>.makeStream()
        outcome = Task { for try await _ in stream {} }
        Self.startThread {
            do {
                let connection = accept(listener, nil, nil)
                close(listener)
                defer { close(connection) }
                try script(Dialogue(descriptor: connection))
                sink.finish()
            } catch {
                sink.finish(throwing: error)
            }
        }
    }

    /// How to reach the server; without heartbeats unless a test wants them.
    var options: ConnectionOptions {
        var options = ConnectionOptions()
        options.port = port
        options.heartbeatSeconds = 0
        // Far longer than a busy machine takes; tests of the times themselves set shorter ones.
        options.timeout = .seconds(300)
        options.closeTimeout = .seconds(300)
        return options
    }

    /// Waits for the end of the script.
    func finish() async throws {
        try await outcome.value
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void;
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            argument
        )
        pthread_detach(thread)
    }

    /// Runs `script` after the handshake with channel 1, and `body` against it.
    static func dialogue(
        _ script: @escaping Script,
        options change: (inout ConnectionOptions) -> Void = { _ in },
        _ body: (Channel) async throws -> Void
    ) async throws {
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            try script(peer)
        }
        var options = server.options
        change(&options)
        let connection = try await Connection.open(options)
        try await body(try await connection.openChannel())
        await connection.close()
        try await server.finish()
    }
}

/// The server's side of one connection, frame by frame; used by one thread.
final class Dialogue {
    private let descriptor: Int32
    private var decoder = FrameDecoder()
    /// Largest frame either side sends, in octets.
    private let frameMax = 131_072

    init(descriptor: Int32) {
        self.descriptor = descriptor
        // A client that does not send what the script expects must not hang the test.
        var limit = timeval(tv_sec: 300, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    }

    // MARK: Octets

    func sendBytes(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // A client that hung up shows in what the script expects next.
            guard count > 0 else { return }
            offset += count
        }
    }

    /// Reads once; `nil` at the end of the stream.
    func receiveBytes() throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0, errno == EAGAIN {
            throw ScriptedServer.Departure(description: "the client sent nothing for 300 seconds")
        }
        guard count > 0 else { return nil }
        return Array(buffer.prefix(count))
    }

    // MARK: Frames

    func send(_ method: some MethodArguments, on channel: UInt16 = 1) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        sendBytes(encoder.bytes)
    }

    /// Sends a method with content, the body cut into frames of at most `frameMax` octets.
    func send(
        _ method: some MethodArguments,
        _ message: Message,
        on channel: UInt16 = 1,
        frameMax: Int = 4096
    ) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        encoder.appendContent(
            message.body,
            properties: message.properties,
            channel: channel,
            frameMax: frameMax
        )
        sendBytes(encoder.bytes)
    }

    func nextFrame() throws -> Frame? {
        while true {
            if let frame = try decoder.next(frameMax: frameMax) { return frame }
            guard let bytes = try receiveBytes() else { return nil }
            decoder.append(bytes)
        }
    }

    /// The next frame has to be this method.
    @discardableResult
    func expect<Arguments: MethodArguments>(
        _ type: Arguments.Type,
        on channel: UInt16 = 1
    ) throws -> Arguments {
        guard let frame = try nextFrame() else {
            throw ScriptedServer.Departure(description: "end of stream instead of \(type.id)")
        }
        let method = try ByteView.with(frame.payload) { try Method.decode($0) }
        guard frame.channel == channel, let arguments = method.arguments as? Arguments else {
            throw ScriptedServer.Departure(
                description: "\(method.name) on channel \(frame.channel) instead of \(type.id)"
            )
        }
        return arguments
    }

    /// The next frames have to be a published message.
    func expectPublish(on channel: UInt16 = 1) throws -> (BasicPublish, Message) {
        let publish = try expect(BasicPublish.self, on: channel)
        guard let header = try nextFrame(), header.type == .header else {
            throw ScriptedServer.Departure(description: "basic.publish without a header")
        }
        let content = try ByteView.with(header.payload) { try ContentHeader(decoding: $0) }
        var body: [UInt8] = []
        while body.count < Int(content.bodySize) {
            guard let frame = try nextFrame(), frame.type == .body else {
                throw ScriptedServer.Departure(description: "a body that ends too early")
            }
            body += frame.payload
        }
        return (publish, Message(body, properties: content.properties))
    }

    /// The client has to hang up without sending anything more.
    func expectEnd() throws {
        if let frame = try nextFrame() {
            throw ScriptedServer.Departure(description: "\(frame.type) instead of the end")
        }
    }

    // MARK: Scenes

    /// Reads the protocol header and sends connection.start.
    @discardableResult
    func start(mechanisms: String = "AMQPLAIN PLAIN") throws -> ConnectionStartOk {
        var header: [UInt8] = []
        while header.count < ProtocolHeader.size {
            guard let bytes = try receiveBytes() else {
                throw ScriptedServer.Departure(description: "end of stream in the protocol header")
            }
            header += bytes
        }
        guard header == ProtocolHeader.bytes else {
            throw ScriptedServer.Departure(description: "protocol header \(header)")
        }
        let start = ConnectionStart(
            serverProperties: ["product": .string("script")],
            mechanisms: Array(mechanisms.utf8)
        )
        send(start, on: 0)
        return try expect(ConnectionStartOk.self, on: 0)
    }

    /// The whole handshake.
    func accept(
        tune: ConnectionTune = ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60)
    ) throws {
        try start()
        send(tune, on: 0)
        try expect(ConnectionTuneOk.self, on: 0)
        try expect(ConnectionOpen.self, on: 0)
        send(ConnectionOpenOk(), on: 0)
    }

    /// The handshake and channel 1.
    func acceptWithChannel() throws {
        try accept()
        try expect(ChannelOpen.self)
        send(ChannelOpenOk())
    }

    /// The client says goodbye.
    func expectGoodbye() throws {
        try expect(ConnectionClose.self, on: 0)
        send(ConnectionCloseOk(), on: 0)
    }

    /// Sends a delivery of consumer "c".
    func deliver(_ tag: UInt64, _ body: String, on channel: UInt16 = 1) {
        let deliver = BasicDeliver(
            consumerTag: "c",
            deliveryTag: tag,
            redelivered: false,
            exchange: "x",
            routingKey: "k"
        )
        send(deliver, Message(body), on: channel)
    }

    /// Answers basic.consume with the consumer tag "c".
    func acceptConsumer() throws {
        try expect(BasicConsume.self)
        send(BasicConsumeOk(consumerTag: "c"))
    }
}
