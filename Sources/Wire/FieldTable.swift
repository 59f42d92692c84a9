/// A field table (AMQP 0-9-1 §4.2.5.5), in the order of its entries on the wire.
///
/// A name may come more than once: all entries are kept and written back, and look-up takes the
/// first, as RabbitMQ does (rabbit_misc, table_lookup). Two tables are equal when their entries
/// are, order included.
public struct FieldTable: Hashable, Sendable {
    /// A name and its value.
    public struct Entry: Hashable, Sendable {
        public var name: ShortString
        public var value: FieldValue

        /// Pairs a name with a value.
        public init(name: ShortString, value: FieldValue) {
            self.name = name
            self.value = value
        }
    }

    /// The entries in wire order.
    public var entries: [Entry]

    /// How deep tables and arrays may lie in each other, the outermost table counted.
    ///
    /// RabbitMQ bounds nesting only by the size of the frame; no client is known to come near
    /// this, and the bound is what keeps decoding within the stack.
    public static let depthMax = 64

    /// Wraps entries in their order.
    public init(_ entries: [Entry] = []) {
        self.entries = entries
    }

    /// Whether there are no entries.
    public var isEmpty: Bool { entries.isEmpty }

    /// The first value under `name`.
    ///
    /// Setting replaces the first entry of that name or appends one; setting `nil` removes all.
    public subscript(name: ShortString) -> FieldValue? {
        get { entries.first { $0.name == name }?.value }
        set {
            if let newValue { set(name, newValue) } else { remove(name) }
        }
    }

    /// Replaces the value of the first entry called `name`, or appends an entry.
    public mutating func set(_ name: ShortString, _ value: FieldValue) {
        if let index = entries.firstIndex(where: { $0.name == name }) {
            entries[index].value = value
        } else {
            entries.append(Entry(name: name, value: value))
        }
    }

    /// Removes every entry called `name` and gives back the first value.
    @discardableResult
    public mutating func remove(_ name: ShortString) -> FieldValue? {
        let value = self[name]
        entries.removeAll { $0.name == name }
        return value
    }
}

extension FieldTable {
    /// Decodes a table.
    ///
    /// - Parameter bytes: The table with its 4 octets of length, and nothing after it.
    /// - Throws: `.truncated`, `.leftOver`, `.unknownFieldType`, `.nestedTooDeep`.
    public init(decoding bytes: ByteView) throws(WireError) {
        var reader = ByteReader(bytes)
        self = try reader.readTable()
        try reader.finish()
    }

    /// Decodes the entries of a table that lies at `depth`, the outermost being 1.
    init(entriesIn octets: ByteView, depth: Int) throws(WireError) {
        guard depth <= Self.depthMax else { throw .nestedTooDeep }
        var entries: [Entry] = []
        var cursor = FieldTableCursor(entries: octets)
        while let (name, field) = try cursor.next() {
            let value = try field.decode(depth: depth)
            entries.append(Entry(name: ShortString(unchecked: name.bytes), value: value))
        }
        self.entries = entries
    }

    /// Appends the table with its length.
    public func encode(into writer: inout ByteWriter) {
        writer.writeTable(self)
    }

    /// Appends the entries without the length before them.
    func encodeEntries(into writer: inout ByteWriter) {
        for entry in entries {
            writer.writeShortString(entry.name)
            entry.value.encode(into: &writer)
        }
    }
}

extension FieldTable: ExpressibleByDictionaryLiteral {
    /// Lists the entries in the order written; names may repeat.
    public init(dictionaryLiteral elements: (ShortString, FieldValue)...) {
        entries = elements.map { Entry(name: $0.0, value: $0.1) }
    }
}
