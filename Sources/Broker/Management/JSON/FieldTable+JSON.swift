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

    private static func decimal(_ scale: UInt8, _ value: UInt32) -> Double {
        var divisor = 1.0
        for _ in 0..<scale { divisor *= 10 }
        return Double(value) / divisor
    }
}
