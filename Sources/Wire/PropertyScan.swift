/// Where each property lies in the property bytes of a content header, found without allocating.
///
/// The broker passes property bytes through as they came and only peeks at what a feature needs.
/// As short-lived as the bytes scanned. The length of the headers table is checked here, its
/// content is not: `headers()` or a `FieldTableCursor` does that.
@frozen
public struct PropertyScan {
    /// The property bytes, from the flags on.
    public let bytes: ByteView
    /// One bit for each property that is there; see `Property.flag`.
    public let flags: UInt16
    /// `starts[n]` is where property n begins and n - 1 ends, whether or not they are there.
    @usableFromInline
    let starts: InlineArray<15, UInt32>

    /// Scans the part of a content header that follows the body size.
    ///
    /// - Parameter bytes: Flags and properties, to the end of the header frame's payload.
    /// - Throws: `.truncated`, `.leftOver`, `.unknownProperty`.
    @inlinable
    public init(_ bytes: ByteView) throws(WireError) {
        var reader = ByteReader(bytes)
        let flags = try reader.readPropertyFlags()
        var starts = InlineArray<15, UInt32>(repeating: UInt32(reader.position))
        if flags != 0 {
            for property in Property.allCases {
                starts[property.rawValue] = UInt32(reader.position)
                if flags & property.flag != 0 { try reader.skip(property.form) }
            }
            starts[14] = UInt32(reader.position)
        }
        try reader.finish()
        self.bytes = bytes
        self.flags = flags
        self.starts = starts
    }

    /// Whether the property is there.
    @inlinable
    public func has(_ property: Property) -> Bool { flags & property.flag != 0 }

    /// The offsets of a property in `bytes`, its length octets included; `nil` when not there.
    @inlinable
    public func range(of property: Property) -> Range<Int>? {
        guard has(property) else { return nil }
        return Int(starts[property.rawValue])..<Int(starts[property.rawValue + 1])
    }

    /// 1 for transient, 2 for persistent, whatever else was sent; `nil` when not there.
    @inlinable
    public var deliveryMode: UInt8? { range(of: .deliveryMode).map { bytes[$0.lowerBound] } }

    /// The priority, any octet; `nil` when not there.
    @inlinable
    public var priority: UInt8? { range(of: .priority).map { bytes[$0.lowerBound] } }

    /// Seconds since 1970; `nil` when not there.
    @inlinable
    public var timestamp: UInt64? {
        range(of: .timestamp).map { bytes.loadUInt64(at: $0.lowerBound) }
    }

    /// The octets of a short string property; `nil` when it is not there or not a short string.
    @inlinable
    public func shortString(_ property: Property) -> ByteView? {
        guard property.form == .shortString, let range = range(of: property) else { return nil }
        return bytes.slice(from: range.lowerBound + 1, count: range.count - 1)
    }

    /// The address to reply to.
    @inlinable
    public var replyTo: ByteView? { shortString(.replyTo) }

    /// The time to live in milliseconds, as text.
    @inlinable
    public var expiration: ByteView? { shortString(.expiration) }

    /// The user who says to have sent the message.
    @inlinable
    public var userID: ByteView? { shortString(.userID) }

    /// The entries of the headers table, without its length: food for a `FieldTableCursor`.
    @inlinable
    public var headerEntries: ByteView? {
        guard let range = range(of: .headers) else { return nil }
        return bytes.slice(from: range.lowerBound + 4, count: range.count - 4)
    }

    /// Decodes the headers table; `nil` when not there.
    ///
    /// - Throws: `.truncated`, `.unknownFieldType`, `.nestedTooDeep`.
    public func headers() throws(WireError) -> FieldTable? {
        guard let entries = headerEntries else { return nil }
        return try FieldTable(entriesIn: entries, depth: 1)
    }
}

extension ByteReader {
    /// Moves past one property.
    @inlinable
    mutating func skip(_ form: Property.Form) throws(WireError) {
        switch form {
        case .octet: _ = try advance(1)
        case .timestamp: _ = try advance(8)
        case .shortString: _ = try advance(Int(try readUInt8()))
        case .table: _ = try advance(Int(try readUInt32()))
        }
    }
}
