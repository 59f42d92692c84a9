/// A JSON value (RFC 8259); the members of an object keep the order they were added in.
///
/// Inspection answers are built from these rather than by `JSONEncoder`, because columns and sort
/// keys are chosen by the request, and because a list of 100,000 queues is written one object at
/// a time.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object in order; whoever adds them keeps the names unique.
struct JSONObject: Equatable, Sendable {
    struct Member: Equatable, Sendable {
        let name: String
        let value: JSONValue
    }

    private(set) var members: [Member] = []

    init() {}

    init(_ members: [(String, JSONValue)]) {
        self.members = members.map { Member(name: $0.0, value: $0.1) }
    }

    /// The value of a member, or `nil` when there is none.
    subscript(name: String) -> JSONValue? {
        members.first { $0.name == name }?.value
    }

    mutating func add(_ name: String, _ value: JSONValue) {
        members.append(Member(name: name, value: value))
    }

    mutating func add(contentsOf other: JSONObject) {
        members.append(contentsOf: other.members)
    }
}

extension JSONValue {
    /// A counter; what does not fit a signed 64-bit number stops there.
    static func count(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }

    static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }

    /// A number, written without a fraction where it has none.
    static func number(_ value: Double) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .double(value)
    }

    /// Text, with U+FFFD in place of what is not UTF-8.
    static func text(_ bytes: [UInt8]) -> JSONValue {
        .string(String(decoding: bytes, as: UTF8.self))
    }

    /// The value at a dotted path (`message_stats.publish`), or `nil` where the path leads nowhere.
    func value(at path: [String]) -> JSONValue? {
        var value = self
        for name in path {
            guard case .object(let object) = value, let member = object[name] else { return nil }
            value = member
        }
        return value
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements))
    }
}
