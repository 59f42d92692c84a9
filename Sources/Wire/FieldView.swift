/// One field of a table as it lies on the wire: its type and a view on its value.
///
/// As short-lived as the table it was read from. It lets a header be looked at without decoding
/// the table around it, which would allocate for every name and string.
@frozen
public struct FieldView {
    /// What the value is.
    public let type: FieldType
    /// The value's octets, without type octet and length.
    public let octets: ByteView

    /// Takes type octet, length where there is one, and value off `reader`.
    @inlinable
    init(from reader: inout ByteReader) throws(WireError) {
        let octet = try reader.readUInt8()
        guard let type = FieldType(rawValue: octet) else { throw .unknownFieldType(octet) }
        self.type = type
        if let size = type.fixedSize {
            octets = try reader.readView(size)
        } else {
            octets = try reader.readLongStringView()
        }
    }

    /// The number, whatever the width of the integer; `nil` for everything else, timestamps too.
    @inlinable
    public var integer: Int64? {
        switch type {
        case .int8: Int64(Int8(bitPattern: octets[0]))
        case .uint8: Int64(octets[0])
        case .int16: Int64(Int16(bitPattern: octets.loadUInt16(at: 0)))
        case .uint16: Int64(octets.loadUInt16(at: 0))
        case .int32: Int64(Int32(bitPattern: octets.loadUInt32(at: 0)))
        case .uint32: Int64(octets.loadUInt32(at: 0))
        case .int64, .int64Alternative: Int64(bitPattern: octets.loadUInt64(at: 0))
        default: nil
        }
    }

    /// Decodes the value.
    ///
    /// - Returns: The value; what it holds is copied.
    /// - Throws: `.truncated`, `.unknownFieldType` or `.nestedTooDeep`, of tables and arrays only.
    public func decode() throws(WireError) -> FieldValue {
        try decode(depth: 1)
    }

    /// Decodes the value of a field that lies in `depth` tables and arrays.
    func decode(depth: Int) throws(WireError) -> FieldValue {
        switch type {
        case .bool: .bool(octets[0] != 0)
        case .int8: .int8(Int8(bitPattern: octets[0]))
        case .uint8: .uint8(octets[0])
        case .int16: .int16(Int16(bitPattern: octets.loadUInt16(at: 0)))
        case .uint16: .uint16(octets.loadUInt16(at: 0))
        case .int32: .int32(Int32(bitPattern: octets.loadUInt32(at: 0)))
        case .uint32: .uint32(octets.loadUInt32(at: 0))
        case .int64, .int64Alternative: .int64(Int64(bitPattern: octets.loadUInt64(at: 0)))
        case .float: .float(Float(bitPattern: octets.loadUInt32(at: 0)))
        case .double: .double(Double(bitPattern: octets.loadUInt64(at: 0)))
        case .decimal: .decimal(scale: octets[0], value: octets.loadUInt32(at: 1))
        case .longString: .longString(octets.bytes)
        case .byteArray: .byteArray(octets.bytes)
        case .timestamp: .timestamp(octets.loadUInt64(at: 0))
        case .table: .table(try FieldTable(entriesIn: octets, depth: depth + 1))
        case .array: .array(try Self.values(in: octets, depth: depth + 1))
        case .void: .void
        }
    }

    private static func values(in octets: ByteView, depth: Int) throws(WireError) -> [FieldValue] {
        guard depth <= FieldTable.depthMax else { throw .nestedTooDeep }
        var reader = ByteReader(octets)
        var values: [FieldValue] = []
        while reader.remaining > 0 {
            values.append(try FieldView(from: &reader).decode(depth: depth))
        }
        return values
    }
}
