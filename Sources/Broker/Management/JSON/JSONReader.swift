/// Reads JSON text (RFC 8259): the body of a request.
///
/// An integer that does not fit 64 bits becomes a fraction. Of several members by one name the
/// last counts, as in RabbitMQ.
struct JSONReader {
    private let octets: [UInt8]
    private var index = 0
    private var depth = 0

    /// How deep arrays and objects may lie in each other.
    static let depthMax = 64

    /// What is wrong with a text, and where.
    struct Failure: Error, Equatable {
        let offset: Int
    }

    /// Reads a whole text.
    static func read(_ octets: [UInt8]) throws(Failure) -> JSONValue {
        var reader = JSONReader(octets: octets)
        let value = try reader.readValue()
        reader.skipBlanks()
        guard reader.index == octets.count else { throw reader.failure }
        return value
    }

    private init(octets: [UInt8]) { self.octets = octets }

    private var failure: Failure { Failure(offset: index) }

    private var next: UInt8? { index < octets.count ? octets[index] : nil }

    private mutating func skipBlanks() {
        while let octet = next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { index += 1 }
    }

    /// Takes an octet if it comes next, behind white space.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
        guard take(character) else { throw failure }
    }

    private mutating func readValue() throws(Failure) -> JSONValue {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"):
            return .object(try nested { r throws(Failure) in try r.readObject() })
        case UInt8(ascii: "["): return .array(try nested { r throws(Failure) in try r.readArray() })
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: return try readNumber()
        }
    }

    private mutating func nested<Result>(
        _ body: (inout JSONReader) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { throw failure }
        index += 1
        return try body(&self)
    }

    private mutating func readWord(
        _ word: String,
        _ value: JSONValue
    ) throws(Failure) -> JSONValue {
        guard octets[index...].starts(with: word.utf8) else { throw failure }
        index += word.utf8.count
        return value
    }

    private mutating func readObject() throws(Failure) -> JSONObject {
        var members: [(String, JSONValue)] = []
        var places: [String: Int] = [:]
        if take("}") { return JSONObject() }
        repeat {
            skipBlanks()
            let name = try readString()
            try expect(":")
            let value = try readValue()
            if let place = places[name] {
                members[place].1 = value
            } else {
                places[name] = members.count
                members.append((name, value))
            }
        } while take(",")
        try expect("}")
        return JSONObject(members)
    }

    private mutating func readArray() throws(Failure) -> [JSONValue] {
        var values: [JSONValue] = []
        if take("]") { return values }
        repeat { values.append(try readValue()) } while take(",")
        try expect("]")
        return values
    }

    // MARK: - Numbers

    private mutating func readNumber() throws(Failure) -> JSONValue {
        let start = index
        if next == UInt8(ascii: "-") { index += 1 }
        let whole = takeDigits()
        let hasLeadingZero = whole > 1 && octets[index - whole] == UInt8(ascii: "0")
        guard whole > 0, !hasLeadingZero else { throw failure }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            guard takeDigits() > 0 else { throw failure }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            guard takeDigits() > 0 else { throw failure }
        }
        let text = String(decoding: octets[start..<index], as: UTF8.self)
        if isInteger, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw failure }
        return .double(number)
    }

    private mutating func takeDigits() -> Int {
        let start = index
        while let octet = next, 0x30...0x39 ~= octet { index += 1 }
        return index - start
    }

    // MARK: - Strings

    private mutating func readString() throws(Failure) -> String {
        guard next == UInt8(ascii: "\"") else { throw failure }
        index += 1
        var text: [UInt8] = []
        while let octet = next {
            index += 1
            switch octet {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw failure }
                return string
            case UInt8(ascii: "\\"): text += try readEscape()
            case 0..<0x20: throw failure
            default: text.append(octet)
            }
        }
        throw failure
    }

    private mutating func readEscape() throws(Failure) -> [UInt8] {
        guard let octet = next else { throw failure }
        index += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [octet]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            guard let scalar = Unicode.Scalar(try readCodePoint()) else { throw failure }
            return Array(String(Character(scalar)).utf8)
        default: throw failure
        }
    }

    /// The number behind `\u`, of two such escapes where they are a surrogate pair.
    private mutating func readCodePoint() throws(Failure) -> UInt32 {
        let first = try readHexadecimal()
        guard 0xD800..<0xDC00 ~= first, octets[index...].starts(with: "\\u".utf8) else {
            return first
        }
        index += 2
        let second = try readHexadecimal()
        guard 0xDC00..<0xE000 ~= second else { throw failure }
        return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private mutating func readHexadecimal() throws(Failure) -> UInt32 {
        guard index + 4 <= octets.count else { throw failure }
        let digits = String(decoding: octets[index..<index + 4], as: UTF8.self)
        guard !digits.hasPrefix("+"), !digits.hasPrefix("-"),
            let value = UInt32(digits, radix: 16)
        else { throw failure }
        index += 4
        return value
    }
}
