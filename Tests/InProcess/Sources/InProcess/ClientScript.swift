import Wire

/// What a client sends, frame by frame.
public struct ClientScript {
    /// The frames, encoded.
    public private(set) var frames: [[UInt8]] = []

    public init() {}

    /// All frames, one after the other.
    public var bytes: [UInt8] { Array(frames.joined()) }

    /// Adds a method.
    public mutating func method(_ method: some MethodArguments, channel: UInt16) {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        frames.append(encoder.bytes)
    }

    /// Adds octets as they are.
    public mutating func octets(_ octets: [UInt8]) { frames.append(octets) }

    /// Adds the protocol header and the handshake up to connection.open.
    public mutating func open(frameMax: UInt32 = 131_072, heartbeat: UInt16 = 0) {
        octets(ProtocolHeader.bytes)
        let capabilities: FieldTable = [
            "consumer_cancel_notify": .bool(true), "connection.blocked": .bool(true),
        ]
        method(
            ConnectionStartOk(
                clientProperties: ["capabilities": .table(capabilities)],
                response: Array("\0guest\0guest".utf8)
            ),
            channel: 0
        )
        method(
            ConnectionTuneOk(channelMax: 2047, frameMax: frameMax, heartbeat: heartbeat),
            channel: 0
        )
        method(ConnectionOpen(), channel: 0)
    }

    /// Adds a publish with its content.
    public mutating func publish(
        _ publish: BasicPublish,
        properties: BasicProperties = BasicProperties(),
        body: [UInt8],
        channel: UInt16,
        frameMax: Int = 131_072
    ) {
        method(publish, channel: channel)
        var header = ByteWriter()
        header.writeUInt16(60)
        header.writeUInt16(0)
        header.writeUInt64(UInt64(body.count))
        properties.encode(into: &header)
        frame(.header, header.bytes, channel: channel)
        var offset = 0
        while offset < body.count {
            let end = min(body.count, offset + frameMax - Frame.overhead)
            frame(.body, Array(body[offset..<end]), channel: channel)
            offset = end
        }
    }

    private mutating func frame(_ type: FrameType, _ payload: [UInt8], channel: UInt16) {
        var encoder = FrameEncoder()
        encoder.append(Frame(type: type, channel: channel, payload: payload))
        frames.append(encoder.bytes)
    }
}
