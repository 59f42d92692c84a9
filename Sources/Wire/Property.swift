/// One of the 14 properties of class basic (AMQP 0-9-1 §1.8).
///
/// A structure rather than an enumeration, because its members then inline into the broker.
@frozen
public struct Property: Hashable, Sendable {
    /// The property's place in the wire order, from 0.
    public let index: Int

    @inlinable
    init(index: Int) {
        self.index = index
    }

    /// The bit in the property flags that says the property is there.
    @inlinable
    public var flag: UInt16 { 0x8000 >> UInt16(truncatingIfNeeded: index) }

    /// Whether the value is a short string; the others are octets, a timestamp and a table.
    @inlinable
    public var isShortString: Bool {
        flag
            & ~(Self.headers.flag | Self.deliveryMode.flag | Self.priority.flag
            | Self.timestamp.flag)
            != 0
    }

    @inlinable public static var contentType: Property { Property(index: 0) }
    @inlinable public static var contentEncoding: Property { Property(index: 1) }
    @inlinable public static var headers: Property { Property(index: 2) }
    @inlinable public static var deliveryMode: Property { Property(index: 3) }
    @inlinable public static var priority: Property { Property(index: 4) }
    @inlinable public static var correlationID: Property { Property(index: 5) }
    @inlinable public static var replyTo: Property { Property(index: 6) }
    @inlinable public static var expiration: Property { Property(index: 7) }
    @inlinable public static var messageID: Property { Property(index: 8) }
    @inlinable public static var timestamp: Property { Property(index: 9) }
    @inlinable public static var type: Property { Property(index: 10) }
    @inlinable public static var userID: Property { Property(index: 11) }
    @inlinable public static var appID: Property { Property(index: 12) }
    @inlinable public static var clusterID: Property { Property(index: 13) }

    /// Every property, in wire order.
    public static let all: [Property] = (0..<14).map { Property(index: $0) }
}

extension ByteReader {
    /// Takes the property flags: 2 octets, and more words while the continuation bit is set.
    ///
    /// Class basic has 14 properties and so needs one word. RabbitMQ ignores the two spare bits
    /// and would misread what follows them; a flag that names no property is refused here,
    /// because the size of its value cannot be known.
    ///
    /// - Returns: The flags, as in `Property.flag`.
    /// - Throws: `.truncated`, `.unknownProperty`.
    @inlinable
    public mutating func readPropertyFlags() throws(WireError) -> UInt16 {
        let flags = try readUInt16()
        if flags & 0x0003 == 0 { return flags }
        return try readMorePropertyFlags(after: flags)
    }

    @usableFromInline
    mutating func readMorePropertyFlags(after flags: UInt16) throws(WireError) -> UInt16 {
        let continuation: UInt16 = 0x0001
        guard flags & 0x0002 == 0 else { throw .unknownProperty(flags: flags) }
        var word = flags
        while word & continuation != 0 {
            word = try readUInt16()
            guard word & ~continuation == 0 else { throw .unknownProperty(flags: word) }
        }
        return flags & ~continuation
    }
}
