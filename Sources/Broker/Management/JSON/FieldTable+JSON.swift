import Wire

extension FieldTable {
    /// The table as RabbitMQ's HTTP API shows arguments: values lose their width on the wire.
    ///
    /// Of several entries with one name the first counts, as in a look-up.
    var json: JSONValue {
        var object = JSONObject()
        var seen: Set<ShortString> = []
        for entry in entries where seen.insert(entry.name).inserted {
            object.add(entry.name.string, entry.value.json)
        }
        return .object(object)
    }

    /// The members of an object; `nil` when a name is longer than a short string may be.
    init?(_ object: JSONObject) {
        self.init()
        for member in object.members {
            guard let name = ShortString(member.name), let value = FieldValue(member.value) else {
                return nil
            }
            set(name, value)
        }
    }
}

extension FieldValue {
    /// The value as JSON; octets that are no text become U+FFFD.
    var json: JSONValue {
        switch self {
        case .bool(let value): .bool(value)
        case .int8(let value): .integer(Int64(value))
        case .uint8(let value): .integer(Int64(value))
        case .int16(let value): .integer(Int64(value))
        case .uint16(let value): .integer(Int64(value))
        case .int32(let value): .integer(Int64(value))
        case .uint32(let value): .integer(Int64(value))
        case .int64(let value): .integer(value)
        case .float(let value): .double(Double(value))
        case .double(let value): .double(value)
        case .decimal(let scale, let value): .double(FieldValue.decimal(scale, value))
        case .longString(let octets), .byteArray(let octets): .text(octets)
        case .timestamp(let seconds): .count(seconds)
        case .table(let table): table.json
        case .array(let values): .array(values.map(\.json))
        case .void: .null
        }
    }

    /// A value of JSON; `nil` when a name in it is longer than a short string may be.
    init?(_ json: JSONValue) {
        switch json {
        case .null: self = .void
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int64(value)
        case .double(let value): self = .double(value)
        case .string(let text): self = .longString(Array(text.utf8))
        case .array(let values):
            let fields = values.compactMap(FieldValue.init(_:))
            guard fields.count == values.count else { return nil }
            self = .array(fields)
        case .object(let object):
            guard let table = FieldTable(object) else { return nil }
            self = .table(table)
        }
    }

    private static func decimal(_ scale: UInt8, _ value: UInt32) -> Double {
        var divisor = 1.0
        for _ in 0..<scale { divisor *= 10 }
        return Double(value) / divisor
    }
}
