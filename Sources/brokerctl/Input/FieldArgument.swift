import FoundationEssentials
import Wire

/// Reads `name=value` and `name:type=value`, as given to -H and --argument.
enum FieldArgument {
    /// The types that can be named, and what each becomes on the wire.
    static let typesHelp =
        "NAME=VALUE is text; NAME:TYPE=VALUE names another type: int, uint, float, bool, time "
        + "(seconds since 1970), bytes (hexadecimal), json (a table or array), null, text"

    /// Arguments RabbitMQ defines as numbers, so that their type need not be written.
    private static let integerNames: Set<String> = [
        "x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority",
        "x-delivery-limit", "x-priority", "x-consumer-timeout", "x-quorum-initial-group-size",
        "x-max-in-memory-length", "x-max-in-memory-bytes", "x-stream-max-segment-size-bytes",
        "x-cache-size", "x-cache-ttl",
    ]
    private static let boolNames: Set<String> = [
        "x-single-active-consumer", "x-cancel-on-ha-failover", "x-message-deduplication",
    ]

    /// Why an argument cannot be read; follows the name of the option.
    struct Malformed: Error, Equatable {
        let reason: String
    }

    /// Reads one argument.
    static func parse(_ text: String) throws(Malformed) -> (name: ShortString, value: FieldValue) {
        guard let equals = text.firstIndex(of: "=") else {
            throw Malformed(reason: "takes NAME=VALUE, not '\(text)'")
        }
        var left = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        var type = impliedType(of: left)
        if let colon = left.lastIndex(of: ":") {
            type = String(left[left.index(after: colon)...])
            left = String(left[..<colon])
        }
        guard let name = ShortString(left), !name.isEmpty else {
            throw Malformed(reason: "needs a name of 1 to 255 octets before the '='")
        }
        guard let field = try field(value, type: type) else {
            throw Malformed(reason: "'\(left)': '\(value)' is not of type \(type)")
        }
        return (name, field)
    }

    /// Reads all arguments of an option into a table.
    static func table(
        _ invocation: Invocation,
        option: String
    ) throws(UsageError) -> FieldTable {
        var table = FieldTable()
        for text in invocation.values(option) {
            do throws(Malformed) {
                let (name, value) = try parse(text)
                table[name] = value
            } catch {
                throw UsageError("--\(option) \(error.reason)", path: invocation.path)
            }
        }
        return table
    }

    private static func impliedType(of name: String) -> String {
        if integerNames.contains(name) { return "int" }
        if boolNames.contains(name) { return "bool" }
        return "text"
    }

    private static func field(_ value: String, type: String) throws(Malformed) -> FieldValue? {
        switch type {
        case "text", "str", "string": .string(value)
        case "int", "long": Int64(value).map { .int64($0) }
        case "uint": UInt32(value).map { .uint32($0) }
        case "float", "double": Double(value).map { .double($0) }
        case "bool": value == "true" ? .bool(true) : value == "false" ? .bool(false) : nil
        case "time", "timestamp": UInt64(value).map { .timestamp($0) }
        case "bytes": bytes(value).map { .byteArray($0) }
        case "json": JSONField.decode(value)
        case "null", "void": value.isEmpty ? .void : nil
        default: throw Malformed(reason: "knows no type '\(type)'; \(typesHelp)")
        }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8]? {
        guard hexadecimal.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var rest = hexadecimal[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}

/// A JSON document as a field value: objects become tables, whole numbers 64-bit integers.
private struct JSONField: Decodable {
    let value: FieldValue

    static func decode(_ text: String) -> FieldValue? {
        do {
            return try JSONDecoder().decode(JSONField.self, from: Data(text.utf8)).value
        } catch {
            // The caller reports that the text is not of this type.
            return nil
        }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let object = Self.attempt({ try decoder.container(keyedBy: Name.self) }) {
            var table = FieldTable()
            for key in object.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
                guard let name = ShortString(key.stringValue) else {
                    throw DecodingError.dataCorruptedError(
                        forKey: key,
                        in: object,
                        debugDescription: "a name in a table has at most 255 octets"
                    )
                }
                table[name] = try object.decode(JSONField.self, forKey: key).value
            }
            value = .table(table)
            return
        }
        if var array = Self.attempt({ try decoder.unkeyedContainer() }) {
            var values: [FieldValue] = []
            while !array.isAtEnd { values.append(try array.decode(JSONField.self).value) }
            value = .array(values)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            value = .void
        } else if let bool = Self.attempt({ try single.decode(Bool.self) }) {
            value = .bool(bool)
        } else if let integer = Self.attempt({ try single.decode(Int64.self) }) {
            value = .int64(integer)
        } else if let number = Self.attempt({ try single.decode(Double.self) }) {
            value = .double(number)
        } else {
            value = .string(try single.decode(String.self))
        }
    }

    /// A decoder tells what a value is by failing at what it is not.
    private static func attempt<Result>(_ body: () throws -> Result) -> Result? {
        do { return try body() } catch { return nil }
    }
}
