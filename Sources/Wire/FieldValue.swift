/// One value in a field table or array, with its type on the wire (see `FieldType`).
public enum FieldValue: Hashable, Sendable {
    case bool(Bool)
    case int8(Int8)
    case uint8(UInt8)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case float(Float)
    case double(Double)
    /// `value` divided by ten to the power of `scale`.
    case decimal(scale: UInt8, value: UInt32)
    /// What clients send for a string; text by habit, any octets by definition.
    case longString([UInt8])
    case byteArray([UInt8])
    /// Seconds since 1970.
    case timestamp(UInt64)
    case table(FieldTable)
    case array([FieldValue])
    case void

    /// A long string of the UTF-8 form of `text`.
    public static func string(_ text: String) -> FieldValue {
        .longString(Array(text.utf8))
    }

    /// The number, whatever the width of the integer; `nil` for everything else, timestamps too.
    public var integer: Int64? {
        switch self {
        case .int8(let value): Int64(value)
        case .uint8(let value): Int64(value)
        case .int16(let value): Int64(value)
        case .uint16(let value): Int64(value)
        case .int32(let value): Int64(value)
        case .uint32(let value): Int64(value)
        case .int64(let value): value
        default: nil
        }
    }

    /// The text of a long string, with U+FFFD in place of what is not UTF-8; else `nil`.
    public var text: String? {
        if case .longString(let octets) = self {
            String(decoding: octets, as: UTF8.self)
        } else {
            nil
        }
    }

    /// The truth value, or `nil` when the field is not a boolean.
    public var boolean: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The type octet the value is written with.
    public var type: FieldType {
        switch self {
        case .bool: .bool
        case .int8: .int8
        case .uint8: .uint8
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        case .uint32: .uint32
        case .int64: .int64
        case .float: .float
        case .double: .double
        case .decimal: .decimal
        case .longString: .longString
        case .byteArray: .byteArray
        case .timestamp: .timestamp
        case .table: .table
        case .array: .array
        case .void: .void
        }
    }
}

extension FieldValue {
    /// Appends the type octet and the value.
    func encode(into writer: inout ByteWriter) {
        writer.writeUInt8(type.rawValue)
        switch self {
        case .bool(let value): writer.writeUInt8(value ? 1 : 0)
        case .int8(let value): writer.writeUInt8(UInt8(bitPattern: value))
        case .uint8(let value): writer.writeUInt8(value)
        case .int16(let value): writer.writeUInt16(UInt16(bitPattern: value))
        case .uint16(let value): writer.writeUInt16(value)
        case .int32(let value): writer.writeUInt32(UInt32(bitPattern: value))
        case .uint32(let value): writer.writeUInt32(value)
        case .int64(let value): writer.writeUInt64(UInt64(bitPattern: value))
        case .float(let value): writer.writeUInt32(value.bitPattern)
        case .double(let value): writer.writeUInt64(value.bitPattern)
        case .decimal(let scale, let value):
            writer.writeUInt8(scale)
            writer.writeUInt32(value)
        case .longString(let octets), .byteArray(let octets): writer.writeLongString(octets)
        case .timestamp(let seconds): writer.writeUInt64(seconds)
        case .table(let table): writer.writeTable(table)
        case .array(let values):
            let size = writer.reserveUInt32()
            for value in values { value.encode(into: &writer) }
            writer.patch(size)
        case .void: break
        }
    }
}
