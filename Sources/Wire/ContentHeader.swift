/// The payload of a content header frame (AMQP 0-9-1 §4.2.6.1).
public struct ContentHeader: Hashable, Sendable {
    /// The class of the method before it: 60, basic, is the only one with content.
    public var classID: UInt16
    /// Unused and 0; RabbitMQ does not look at it.
    public var weight: UInt16
    /// The size of the body in octets, over all body frames.
    public var bodySize: UInt64
    public var properties: BasicProperties

    /// The class that carries content.
    public static let basicClassID: UInt16 = 60

    /// Announces a body of `bodySize` octets.
    public init(bodySize: UInt64, properties: BasicProperties = BasicProperties()) {
        classID = Self.basicClassID
        weight = 0
        self.bodySize = bodySize
        self.properties = properties
    }

    /// Decodes a header frame's payload.
    ///
    /// - Throws: `.unexpectedContentClass` (505) for another class than basic, or what decoding
    ///   the properties throws (501).
    public init(decoding payload: ByteView) throws(WireError) {
        let view = try ContentHeaderView(payload)
        classID = view.classID
        weight = view.weight
        bodySize = view.bodySize
        properties = try BasicProperties(decoding: view.propertyBytes)
    }

    /// Appends the payload of a header frame.
    public func encode(into writer: inout ByteWriter) {
        writer.writeUInt16(classID)
        writer.writeUInt16(weight)
        writer.writeUInt64(bodySize)
        properties.encode(into: &writer)
    }
}

/// A content header whose properties stay as they lie; as short-lived as the payload it views.
@frozen
public struct ContentHeaderView {
    public let classID: UInt16
    public let weight: UInt16
    /// The size of the body in octets, over all body frames.
    public let bodySize: UInt64
    /// Flags and properties, not looked at yet.
    public let propertyBytes: ByteView

    /// Reads the fixed part of a header frame's payload.
    ///
    /// - Throws: `.truncated` (501), `.unexpectedContentClass` (505).
    @inlinable
    public init(_ payload: ByteView) throws(WireError) {
        guard payload.count >= 14 else { throw .truncated }
        classID = payload.loadUInt16(at: 0)
        weight = payload.loadUInt16(at: 2)
        bodySize = payload.loadUInt64(at: 4)
        propertyBytes = payload.slice(from: 12, count: payload.count - 12)
        guard classID == 60 else { throw .unexpectedContentClass(classID) }
    }
}
