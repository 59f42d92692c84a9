/// What a frame carries (AMQP 0-9-1 §4.2.3).
@frozen
public enum FrameType: UInt8, CaseIterable, Sendable {
    case method = 1
    case header = 2
    case body = 3
    case heartbeat = 8
}

/// One frame: type octet, 2 octets of channel, 4 of payload size, the payload, 0xCE.
public struct Frame: Hashable, Sendable {
    public var type: FrameType
    public var channel: UInt16
    public var payload: [UInt8]

    /// The octet every frame ends with.
    public static let end: UInt8 = 0xCE
    /// What a frame adds to its payload, in octets: 7 before it and 1 after it.
    public static let overhead = FrameHeader.size + 1
    /// The smallest frame-max a peer may insist on, in octets (AMQP 0-9-1 §1.2 frame-min-size).
    public static let minMax = 4096

    /// Puts `payload` on `channel`.
    public init(type: FrameType, channel: UInt16, payload: [UInt8]) {
        self.type = type
        self.channel = channel
        self.payload = payload
    }
}

/// The seven octets before a frame's payload.
@frozen
public struct FrameHeader: Hashable, Sendable {
    public let type: FrameType
    public let channel: UInt16
    /// In octets, without header and end octet.
    public let payloadSize: Int

    /// The size of every frame header, in octets.
    public static let size = 7

    /// Reads a frame header off the front of `view`, which has at least seven octets.
    ///
    /// - Parameters:
    ///   - view: The first octets of a frame; fewer than seven trap.
    ///   - frameMax: The largest frame agreed on, in octets. A payload of that size still
    ///     passes, 8 octets more than agreed, because RabbitMQ lets it pass.
    /// - Throws: `.unknownFrameType`, `.frameTooLarge`; both are 501.
    @inlinable
    public init(_ view: ByteView, frameMax: Int) throws(WireError) {
        guard let type = FrameType(rawValue: view[0]) else { throw .unknownFrameType(view[0]) }
        let size = Int(view.loadUInt32(at: 3))
        guard size <= frameMax else { throw .frameTooLarge(payload: size, max: frameMax) }
        self.type = type
        channel = view.loadUInt16(at: 1)
        payloadSize = size
    }
}
