import Wire

/// The bytes by which the headers exchange compares a header with the condition of a binding.
///
/// Two fields compare equal when their keys are the same bytes: the name's number, which of the
/// entries of that name it is, and the value in a form that has lost what RabbitMQ's comparison
/// ignores (rabbit_exchange_type_headers compares decoded Erlang terms with `==`). Numbers of
/// all widths, timestamps and whole-numbered floats are one; so are strings and byte arrays. In
/// nested tables and arrays the types count.
enum HeaderCondition {
    private enum Form: UInt8 {
        case present
        case integer
        case largeInteger
        case fraction
        case decimal
        case octets
        case bool
        case emptyCollection
        case table
        case array
        case void
    }

    /// Appends the key of a field.
    ///
    /// - Parameters:
    ///   - field: The value as it lies in a table.
    ///   - name: The number of the header's name.
    ///   - occurrence: How many entries of that name lie before this one.
    ///   - key: Where to append.
    /// - Throws: What is wrong with a nested table or array.
    static func append(
        _ field: FieldView,
        name: UInt32,
        occurrence: UInt16,
        to key: inout ByteScratch
    ) throws(WireError) {
        key.append(name)
        key.append(occurrence)
        if let integer = field.integer {
            append(.integer, UInt64(bitPattern: integer), to: &key)
            return
        }
        switch field.type {
        case .longString, .byteArray:
            key.append(Form.octets.rawValue)
            key.append(field.octets)
        case .bool:
            key.append(Form.bool.rawValue)
            key.append(UInt8(field.octets[0] == 0 ? 0 : 1))
        case .timestamp:
            appendWhole(field.octets.loadUInt64(at: 0), to: &key)
        case .float:
            append(Double(Float(bitPattern: field.octets.loadUInt32(at: 0))), to: &key)
        case .double:
            append(Double(bitPattern: field.octets.loadUInt64(at: 0)), to: &key)
        case .decimal:
            key.append(Form.decimal.rawValue)
            key.append(field.octets)
        case .table, .array:
            try appendCollection(field, to: &key)
        default:
            key.append(Form.void.rawValue)
        }
    }

    /// Appends the key of the condition that the header is there, whatever its value.
    static func appendPresence(name: UInt32, occurrence: UInt16, to key: inout ByteScratch) {
        key.append(name)
        key.append(occurrence)
        key.append(Form.present.rawValue)
    }

    private static func append(_ form: Form, _ bits: UInt64, to key: inout ByteScratch) {
        key.append(form.rawValue)
        key.append(bits)
    }

    private static func appendWhole(_ value: UInt64, to key: inout ByteScratch) {
        append(value > UInt64(Int64.max) ? .largeInteger : .integer, value, to: &key)
    }

    private static func append(_ value: Double, to key: inout ByteScratch) {
        if let whole = Int64(exactly: value) {
            append(.integer, UInt64(bitPattern: whole), to: &key)
        } else if let whole = UInt64(exactly: value) {
            append(.largeInteger, whole, to: &key)
        } else {
            append(.fraction, value.bitPattern, to: &key)
        }
    }

    /// Decodes and encodes again, so that types with two octets become one.
    private static func appendCollection(
        _ field: FieldView,
        to key: inout ByteScratch
    ) throws(WireError) {
        // In Erlang both empty collections are the empty list.
        guard !field.octets.isEmpty else { return key.append(Form.emptyCollection.rawValue) }
        var writer = ByteWriter()
        writer.writeTable(["": try field.decode()])
        key.append(field.type == .table ? Form.table.rawValue : Form.array.rawValue)
        ByteView.with(writer.bytes) { key.append($0) }
    }
}
