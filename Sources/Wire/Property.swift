/// The properties of class basic, in wire order (AMQP 0-9-1 §1.8; Java's names are RabbitMQ's).
///
/// The raw value is the property's place: its flag is bit 15 minus that.
@frozen
public enum Property: Int, CaseIterable, Sendable {
    case contentType
    case contentEncoding
    case headers
    case deliveryMode
    case priority
    case correlationID
    case replyTo
    case expiration
    case messageID
    case timestamp
    case type
    case userID
    case appID
    case clusterID

    /// The bit that says the property is there.
    @inlinable
    public var flag: UInt16 { 0x8000 >> UInt16(rawValue) }

    /// How a property lies on the wire.
    @usableFromInline
    enum Form {
        case octet
        case timestamp
        case shortString
        case table
    }

    @inlinable
    var form: Form {
        switch self {
        case .deliveryMode, .priority: .octet
        case .timestamp: .timestamp
        case .headers: .table
        default: .shortString
        }
    }

    /// The lowest flag bit: another word of flags follows.
    @usableFromInline
    static let continuation: UInt16 = 0x0001
}

extension ByteReader {
    /// Takes the property flags: 2 octets, and more words while the continuation bit is set.
    ///
    /// Class basic has 14 properties and so needs one word. RabbitMQ ignores the two spare bits
    /// and would misread what follows them; a flag that names no property is refused here,
    /// because the size of its value cannot be known.
    ///
    /// - Returns: The flags of `Property`.
    /// - Throws: `.truncated`, `.unknownProperty`.
    @inlinable
    public mutating func readPropertyFlags() throws(WireError) -> UInt16 {
        let flags = try readUInt16()
        if flags & 0x0003 == 0 { return flags }
        return try readMorePropertyFlags(after: flags)
    }

    @usableFromInline
    mutating func readMorePropertyFlags(after flags: UInt16) throws(WireError) -> UInt16 {
        guard flags & 0x0002 == 0 else { throw .unknownProperty(flags: flags) }
        var word = flags
        while word & Property.continuation != 0 {
            word = try readUInt16()
            guard word & ~Property.continuation == 0 else { throw .unknownProperty(flags: word) }
        }
        return flags & ~Property.continuation
    }
}
