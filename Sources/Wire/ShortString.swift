/// A string of at most 255 octets (AMQP 0-9-1 §4.2.5.3): a name, a routing key, a property.
///
/// It wraps octets, not text, because names may be any octets on the wire and have to come back
/// as they were sent. Order and equality are those of the octets.
@frozen
public struct ShortString: Hashable, Sendable {
    /// The octets, at most `countMax`.
    public let bytes: [UInt8]

    /// The largest number of octets, since the length is one octet.
    public static let countMax = 255

    /// Wraps octets that are known to be few enough.
    @usableFromInline
    init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The empty string.
    public init() {
        bytes = []
    }

    /// Wraps `bytes`, or gives `nil` when there are more than 255.
    public init?(bytes: [UInt8]) {
        guard bytes.count <= Self.countMax else { return nil }
        self.bytes = bytes
    }

    /// Copies the bytes of `view`, or gives `nil` when there are more than 255.
    public init?(_ view: ByteView) {
        guard view.count <= Self.countMax else { return nil }
        bytes = view.bytes
    }

    /// Wraps the UTF-8 form of `string`, or gives `nil` when it has more than 255 octets.
    public init?(_ string: String) {
        self.init(bytes: Array(string.utf8))
    }

    /// The UTF-8 form of `string`, cut to at most 252 octets and "..." when it is too long.
    ///
    /// That is what RabbitMQ does to reply texts, except that a character is never cut in two:
    /// clients that decode the text would fail on it.
    public init(shortening string: String) {
        let utf8 = Array(string.utf8)
        guard utf8.count > Self.countMax else {
            bytes = utf8
            return
        }
        var count = 252
        while count > 0, utf8[count] & 0xC0 == 0x80 { count -= 1 }
        bytes = Array(utf8.prefix(count)) + Array("...".utf8)
    }

    /// The number of octets.
    public var count: Int { bytes.count }

    /// Whether there is no octet.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The text, with U+FFFD in place of what is not UTF-8.
    public var string: String { String(decoding: bytes, as: UTF8.self) }
}

extension ShortString: ExpressibleByStringLiteral {
    /// Wraps a literal, which traps when it has more than 255 octets.
    public init(stringLiteral literal: String) {
        let utf8 = Array(literal.utf8)
        precondition(utf8.count <= Self.countMax, "a short string has at most 255 octets")
        self.init(unchecked: utf8)
    }
}

extension ShortString: CustomStringConvertible {
    /// The text, as in `string`.
    public var description: String { string }
}

extension ShortString: Comparable {
    /// Orders by octets.
    public static func < (left: ShortString, right: ShortString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
