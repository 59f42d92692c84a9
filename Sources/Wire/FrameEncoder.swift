/// Appends frames to one run of bytes.
///
/// The broker writes deliveries by hand; everything else, and the client, goes through here.
public struct FrameEncoder {
    private var writer: ByteWriter

    /// Starts empty, with room for `capacity` octets.
    public init(capacity: Int = 0) {
        writer = ByteWriter(capacity: capacity)
    }

    /// The frames so far.
    public var bytes: [UInt8] { writer.bytes }

    /// Forgets the frames so far and keeps the memory.
    public mutating func removeAll() {
        writer.removeAll()
    }

    /// Appends any frame as it is, for tests that need a wrong one too.
    public mutating func append(_ frame: Frame) {
        appendFrame(frame.type, channel: frame.channel) { $0.writeBytes(frame.payload) }
    }

    /// Appends a method frame.
    public mutating func appendMethod(_ method: some MethodArguments, channel: UInt16) {
        appendFrame(.method, channel: channel) { method.encode(into: &$0) }
    }

    /// Appends a content header frame and the body, in as many frames as it takes.
    ///
    /// An empty body has no body frame.
    ///
    /// - Parameters:
    ///   - body: The whole body.
    ///   - properties: What describes it.
    ///   - channel: The channel the method before it went to.
    ///   - frameMax: The largest frame the peer accepts, in octets, at least `Frame.minMax`.
    public mutating func appendContent(
        _ body: [UInt8],
        properties: BasicProperties,
        channel: UInt16,
        frameMax: Int
    ) {
        precondition(frameMax > Frame.overhead, "frame-max leaves no room for a payload")
        let header = ContentHeader(bodySize: UInt64(body.count), properties: properties)
        appendFrame(.header, channel: channel) { header.encode(into: &$0) }
        let partMax = frameMax - Frame.overhead
        var offset = 0
        while offset < body.count {
            let end = min(offset + partMax, body.count)
            appendFrame(.body, channel: channel) { $0.writeBytes(body[offset..<end]) }
            offset = end
        }
    }

    /// Appends a heartbeat frame (AMQP 0-9-1 §4.2.7).
    public mutating func appendHeartbeat() {
        appendFrame(.heartbeat, channel: 0) { _ in }
    }

    private mutating func appendFrame(
        _ type: FrameType,
        channel: UInt16,
        payload: (inout ByteWriter) -> Void
    ) {
        writer.writeUInt8(type.rawValue)
        writer.writeUInt16(channel)
        let size = writer.reserveUInt32()
        payload(&writer)
        writer.patch(size)
        writer.writeUInt8(Frame.end)
    }
}
