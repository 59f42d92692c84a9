/// A set of octets, as a character class of a pattern is one.
struct ByteSet: Equatable {
    private var bits = SIMD4<UInt64>()

    static let all = ByteSet().inverted

    init() {}

    init(_ octets: some Sequence<UInt8>) {
        for octet in octets { insert(octet) }
    }

    func contains(_ octet: UInt8) -> Bool { bits[Int(octet >> 6)] >> UInt64(octet & 63) & 1 != 0 }

    mutating func insert(_ octet: UInt8) { bits[Int(octet >> 6)] |= 1 << UInt64(octet & 63) }

    mutating func formUnion(_ other: ByteSet) { bits |= other.bits }

    var inverted: ByteSet {
        var set = self
        set.bits = ~bits
        return set
    }

    /// With the other case of every letter in it, as ISO Latin-1 pairs them.
    var caseless: ByteSet {
        var set = self
        for octet in UInt8.min...UInt8.max where contains(octet) {
            if let other = Self.otherCase(octet) { set.insert(other) }
        }
        return set
    }

    /// A letter in its other case; `nil` for what has none in ISO Latin-1.
    private static func otherCase(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x41...0x5A, 0xC0...0xD6, 0xD8...0xDE: octet + 0x20
        case 0x61...0x7A, 0xE0...0xF6, 0xF8...0xFE: octet - 0x20
        default: nil
        }
    }

    /// Whether two octets are the same, or the same letter where case does not count.
    static func isSame(_ left: UInt8, _ right: UInt8, caseless: Bool) -> Bool {
        left == right || caseless && otherCase(left) == right
    }
}

/// The classes that have names, over ISO Latin-1 as Erlang's `re` has them.
extension ByteSet {
    static let digits = ByteSet(0x30...0x39)
    static let lower = union(
        ByteSet(0x61...0x7A),
        ByteSet([0xAA, 0xB5, 0xBA]),
        ByteSet(0xDF...0xF6),
        ByteSet(0xF8...0xFF)
    )
    static let upper = union(ByteSet(0x41...0x5A), ByteSet(0xC0...0xD6), ByteSet(0xD8...0xDE))
    static let alphanumeric = union(lower, upper, digits)
    static let word = union(alphanumeric, ByteSet([UInt8(ascii: "_")]))
    static let space = ByteSet([0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20])
    static let horizontalSpace = ByteSet([0x09, 0x20, 0xA0])
    static let verticalSpace = ByteSet([0x0A, 0x0B, 0x0C, 0x0D, 0x85])
    static let notNewline = ByteSet([0x0A]).inverted
    private static let graphic = union(ByteSet(0x21...0x7E), ByteSet(0xA0...0xFF))

    /// The class a name between `[:` and `:]` stands for; `nil` for an unknown one.
    static func named(_ name: String) -> ByteSet? {
        switch name {
        case "alpha": union(lower, upper)
        case "lower": lower
        case "upper": upper
        case "alnum": alphanumeric
        case "ascii": all
        case "blank": ByteSet([0x09, 0x20])
        case "cntrl": union(ByteSet(0x00...0x1F), ByteSet(0x7F...0x9F))
        case "digit": digits
        case "graph": graphic
        case "print": union(graphic, ByteSet([0x20]))
        case "punct": union(graphic.inverted, alphanumeric).inverted
        case "space": space
        case "word": word
        case "xdigit": union(digits, ByteSet(0x41...0x46), ByteSet(0x61...0x66))
        default: nil
        }
    }

    private static func union(_ sets: ByteSet...) -> ByteSet {
        sets.reduce(into: ByteSet()) { $0.formUnion($1) }
    }
}
