/// The properties of a message (AMQP 0-9-1 §1.8, class basic); `nil` is "not sent".
///
/// An empty headers table is not the same as none.
public struct BasicProperties: Hashable, Sendable {
    /// MIME type of the body.
    public var contentType: ShortString?
    /// MIME encoding of the body.
    public var contentEncoding: ShortString?
    /// Application headers; what a headers exchange looks at.
    public var headers: FieldTable?
    /// 1 transient, 2 persistent.
    public var deliveryMode: UInt8?
    /// Higher is more urgent, in a queue with `x-max-priority`.
    public var priority: UInt8?
    /// Names the request an answer belongs to.
    public var correlationID: ShortString?
    /// Where to send the answer: a queue name.
    public var replyTo: ShortString?
    /// Time to live in milliseconds, as decimal digits.
    public var expiration: ShortString?
    /// The application's name for the message.
    public var messageID: ShortString?
    /// Seconds since 1970.
    public var timestamp: UInt64?
    /// The application's name for the kind of message.
    public var type: ShortString?
    /// The user who publishes; RabbitMQ checks it.
    public var userID: ShortString?
    /// The application that publishes.
    public var appID: ShortString?
    /// Not used since AMQP 0-8, but passed on.
    public var clusterID: ShortString?

    /// No properties at all.
    public init() {}
}

extension BasicProperties {
    /// Decodes the part of a content header that follows the body size.
    ///
    /// - Parameter bytes: Flags and properties, and nothing after them.
    /// - Throws: `.truncated`, `.leftOver`, `.unknownProperty`, or what a field table throws.
    public init(decoding bytes: ByteView) throws(WireError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }

    /// Takes flags and properties off `reader`.
    init(from reader: inout ByteReader) throws(WireError) {
        let flags = try reader.readPropertyFlags()
        func has(_ property: Property) -> Bool { flags & property.flag != 0 }
        if has(.contentType) { contentType = try reader.readShortString() }
        if has(.contentEncoding) { contentEncoding = try reader.readShortString() }
        if has(.headers) { headers = try reader.readTable() }
        if has(.deliveryMode) { deliveryMode = try reader.readUInt8() }
        if has(.priority) { priority = try reader.readUInt8() }
        if has(.correlationID) { correlationID = try reader.readShortString() }
        if has(.replyTo) { replyTo = try reader.readShortString() }
        if has(.expiration) { expiration = try reader.readShortString() }
        if has(.messageID) { messageID = try reader.readShortString() }
        if has(.timestamp) { timestamp = try reader.readUInt64() }
        if has(.type) { type = try reader.readShortString() }
        if has(.userID) { userID = try reader.readShortString() }
        if has(.appID) { appID = try reader.readShortString() }
        if has(.clusterID) { clusterID = try reader.readShortString() }
    }

    /// The flags of the properties that are set.
    public var flags: UInt16 {
        var flags: UInt16 = 0
        func note(_ property: Property, _ isSet: Bool) { if isSet { flags |= property.flag } }
        note(.contentType, contentType != nil)
        note(.contentEncoding, contentEncoding != nil)
        note(.headers, headers != nil)
        note(.deliveryMode, deliveryMode != nil)
        note(.priority, priority != nil)
        note(.correlationID, correlationID != nil)
        note(.replyTo, replyTo != nil)
        note(.expiration, expiration != nil)
        note(.messageID, messageID != nil)
        note(.timestamp, timestamp != nil)
        note(.type, type != nil)
        note(.userID, userID != nil)
        note(.appID, appID != nil)
        note(.clusterID, clusterID != nil)
        return flags
    }

    /// Appends flags and properties.
    public func encode(into writer: inout ByteWriter) {
        writer.writeUInt16(flags)
        if let contentType { writer.writeShortString(contentType) }
        if let contentEncoding { writer.writeShortString(contentEncoding) }
        if let headers { writer.writeTable(headers) }
        if let deliveryMode { writer.writeUInt8(deliveryMode) }
        if let priority { writer.writeUInt8(priority) }
        if let correlationID { writer.writeShortString(correlationID) }
        if let replyTo { writer.writeShortString(replyTo) }
        if let expiration { writer.writeShortString(expiration) }
        if let messageID { writer.writeShortString(messageID) }
        if let timestamp { writer.writeUInt64(timestamp) }
        if let type { writer.writeShortString(type) }
        if let userID { writer.writeShortString(userID) }
        if let appID { writer.writeShortString(appID) }
        if let clusterID { writer.writeShortString(clusterID) }
    }

    /// Flags and properties as bytes.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }
}
