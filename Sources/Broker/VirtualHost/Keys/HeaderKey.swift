import Wire

/// The value of a header as something to compare messages by.
///
/// Two values are the same when their types are of one kind and their content is: whole numbers of
/// any width and timestamps by number, floats and doubles by number, strings and byte arrays by
/// octets, everything else by its octets on the wire (what Erlang compares, and with it RabbitMQ).
enum HeaderKey {
    /// Appends kind and content of a value.
    static func append(_ field: FieldView, to key: inout ByteScratch) {
        if let number = field.integer {
            append(UInt8(ascii: "I"), UInt64(bitPattern: number), to: &key)
            return
        }
        switch field.type {
        case .timestamp: append(UInt8(ascii: "I"), field.octets.loadUInt64(at: 0), to: &key)
        case .float:
            let number = Double(Float(bitPattern: field.octets.loadUInt32(at: 0)))
            append(UInt8(ascii: "d"), number.bitPattern, to: &key)
        case .double: append(UInt8(ascii: "d"), field.octets.loadUInt64(at: 0), to: &key)
        case .longString, .byteArray:
            key.append(UInt8(ascii: "S"))
            key.append(field.octets)
        default:
            key.append(field.type.rawValue)
            key.append(field.octets)
        }
    }

    /// Fixed, so that a message is of the same group after a restart.
    private static let hash = ByteHash(seed: 0x27d4_eb2f_1656_67c5)

    /// A hash of a value, never 0.
    static func hash(of field: FieldView) -> UInt64 {
        var key = ByteScratch()
        append(field, to: &key)
        return max(1, hash.hash(key.view))
    }

    /// What stands for a value where it is remembered.
    static func digest(of field: FieldView) -> ValueDigest {
        var key = ByteScratch()
        append(field, to: &key)
        return ValueDigest(of: key.view)
    }

    private static func append(_ kind: UInt8, _ bits: UInt64, to key: inout ByteScratch) {
        key.append(kind)
        key.append(bits.bigEndian)
    }

    /// The value of a header of a message; `nil` without it.
    ///
    /// - Parameters:
    ///   - name: Of the header.
    ///   - properties: Of the message, which have been read before.
    /// - Returns: The value; `nil` without the header.
    static func find(_ name: ShortString, in properties: ByteView) -> FieldView? {
        do throws(WireError) {
            guard let entries = try PropertyScan(properties).headerEntries else { return nil }
            return try find(name, inEntries: entries)
        } catch {
            // Such a message was refused before it came to a queue, unless it comes from a journal
            // or a dead-letter exchange; there it has no value.
            return nil
        }
    }

    /// The same in the entries of a headers table.
    ///
    /// - Parameters:
    ///   - name: Of the header.
    ///   - entries: As `PropertyScan.headerEntries` gives them.
    /// - Returns: The value; `nil` without the header.
    /// - Throws: What is wrong with the table.
    static func find(
        _ name: ShortString,
        inEntries entries: ByteView
    ) throws(WireError) -> FieldView? {
        var cursor = FieldTableCursor(entries: entries)
        while let (found, value) = try cursor.next() {
            if found == name.bytes { return value }
        }
        return nil
    }
}

/// What a message is compared by in a queue: its group, and its value against duplicates.
struct MessageKeys: Equatable, BitwiseCopyable {
    /// The hash of its group's value; 0 without a group.
    var group: UInt64 = 0
    /// `nil` when it cannot be a duplicate.
    var value: ValueDigest?

    static let none = MessageKeys()
}
