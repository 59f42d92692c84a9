import Wire

@testable import Broker

/// A virtual host with clients in this process and a management handler that looks at it.
///
/// The core and the handler are the real ones; only the sockets are missing.
final class InspectedBroker {
    let domain: VirtualHostDomain
    let registry = VirtualHostRegistry()
    private(set) var handler: ManagementHandler
    /// The one clock of everything here.
    var now = Instant(nanoseconds: 1_000_000_000_000)
    private var connections: [Connection] = []
    private let context = ConnectionContext(
        limits: Limits(),
        serverProperties: [:],
        authenticator: Authentication(),
        log: ServerLog(Logger(level: .error))
    )

    init(sliceCountMax: Int = 1_000) {
        let virtualHost = VirtualHost.make(
            name: Array("/".utf8),
            limits: Limits(),
            seed: RandomSource.Seed(words: (1, 2, 3, 4))
        )
        domain = VirtualHostDomain(virtualHost)
        registry.add(domain)
        handler = ManagementHandler(
            server: ServerDescription(
                product: "brokerd",
                version: "1",
                node: "brokerd@test",
                processID: 7,
                processorCount: 2,
                listeners: []
            ),
            registry: registry,
            startedAt: now,
            residentBytes: { 4_096 },
            finish: { domain in
                domain.virtualHost.finishBatch()
                domain.lock.unlock()
            }
        )
        handler.sliceCountMax = sliceCountMax
    }

    deinit {
        for connection in connections { drop(connection) }
        domain.virtualHost.tearDown()
    }

    /// What happens between two slices from now on.
    func betweenSlices(_ action: @escaping @Sendable () -> Void) { handler.pause = action }

    // MARK: Clients

    /// A client that has said its hellos, from port 40,000 on.
    func connect() -> Connection {
        let connection = Connection.make(
            id: UInt64(connections.count + 1),
            peer: ConnectionPeer(
                host: "127.0.0.1",
                port: UInt16(40_000 + connections.count),
                localHost: "127.0.0.1",
                localPort: 5_672,
                isLoopback: true
            ),
            context: context,
            at: now,
            wallTime: WallTime(milliseconds: 1_795_235_712_593)
        )
        connections.append(connection)
        connection.state.user = "guest"
        connection.state.mechanism = "PLAIN"
        connection.state.channelMax = 2_047
        connection.state.frameMax = 131_072
        domain.virtualHost.begin(at: now)
        connection.enter(domain.virtualHost)
        return connection
    }

    /// The client goes away.
    func drop(_ connection: Connection) {
        connections.removeAll { $0 == connection }
        _ = output(of: connection)
        connection.leave()
        connection.destroyConnection()
    }

    /// The client sends a method.
    func send(_ method: some MethodArguments, on channel: UInt16 = 1, _ connection: Connection) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        receive(encoder.bytes, connection)
    }

    /// The client publishes.
    func publish(
        _ body: String = "hello",
        exchange: ShortString = "",
        key: ShortString,
        properties: BasicProperties = BasicProperties(),
        on channel: UInt16 = 1,
        _ connection: Connection
    ) {
        var encoder = FrameEncoder()
        encoder.appendMethod(BasicPublish(exchange: exchange, routingKey: key), channel: channel)
        encoder.appendContent(
            Array(body.utf8),
            properties: properties,
            channel: channel,
            frameMax: 131_072
        )
        receive(encoder.bytes, connection)
    }

    private func receive(_ bytes: [UInt8], _ connection: Connection) {
        domain.lock.withLock {
            domain.virtualHost.begin(at: now)
            connection.state.counters.receivedBytes += UInt64(bytes.count)
            let consumed = ByteView.with(bytes) { connection.receive($0) }
            precondition(consumed == bytes.count, "a client here sends whole frames")
            domain.virtualHost.finishBatch()
        }
    }

    /// Everything the broker wrote to a client since the last time.
    func output(of connection: Connection) -> [UInt8] {
        var flushes: [Connection] = []
        var bytes: [UInt8] = []
        domain.virtualHost.takeDirty(into: &flushes)
        for flushed in flushes {
            var count = 0
            for index in 0..<flushed.state.outbound.sending.count {
                let segment = flushed.state.outbound.sending[index]
                let size = segment.end - segment.start
                let octets = UnsafeRawBufferPointer(
                    start: segment.base + segment.start,
                    count: size
                )
                if flushed == connection { bytes += octets }
                count += size
            }
            _ = domain.virtualHost.finishSending(flushed, count: count, outcome: .sent)
        }
        return bytes
    }

    /// The broker's frames to a client since the last time.
    func frames(to connection: Connection) throws -> [Frame] {
        var decoder = FrameDecoder()
        decoder.append(output(of: connection))
        var frames: [Frame] = []
        while let frame = try decoder.next(frameMax: 131_072) { frames.append(frame) }
        return frames
    }

    // MARK: Requests

    /// Asks the handler directly.
    func ask(
        _ target: String,
        headers: FieldTable? = nil,
        body: String = ""
    ) -> ManagementResponse {
        var properties = BasicProperties()
        properties.headers = headers
        return handler.respond(
            to: ManagementMessage(
                target: Array(target.utf8),
                body: Array(body.utf8),
                properties: properties,
                user: "guest",
                virtualHost: Array("/".utf8),
                replyTo: []
            ),
            at: now,
            wallTime: WallTime(milliseconds: 1_795_235_714_600)
        )
    }

    /// The body of a 200.
    func text(_ target: String) -> String {
        let response = ask(target)
        let body = String(decoding: response.body, as: UTF8.self)
        return response.status == 200 ? body : "\(response.status) \(body)"
    }
}
