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
    /// The offset in `bytes` of the first property: 2 but for needless words of flags.
    @usableFromInline
    let start: Int

    /// Scans the part of a content header that follows the body size.
    ///
    /// - Parameter bytes: Flags and properties, to the end of the header frame's payload.
    /// - Throws: `.truncated`, `.leftOver`, `.unknownProperty`.
    @inlinable
    public init(_ bytes: ByteView) throws(WireError) {
        var reader = ByteReader(bytes)
        flags = try reader.readPropertyFlags()
        start = reader.position
        self.bytes = bytes
        let end = Self.end(of: flags, in: bytes, from: start)
        guard end <= bytes.count else { throw .truncated }
        guard end == bytes.count else { throw .leftOver(octets: bytes.count - end) }
    }

    /// Whether the property is there.
    @inlinable
    public func has(_ property: Property) -> Bool { flags & property.flag != 0 }

    /// The offsets of a property in `bytes`, its length octets included; `nil` when not there.
    @inlinable
    public func range(of property: Property) -> Range<Int>? {
        guard has(property) else { return nil }
        let before = flags & ~(property.flag | (property.flag - 1))
        let lower = Self.end(of: before, in: bytes, from: start)
        return lower..<Self.end(of: property.flag, in: bytes, from: lower)
    }

    /// The octets of a property, those of its length included; `nil` when it is not there.
    @inlinable
    public func octets(of property: Property) -> ByteView? {
        guard let range = range(of: property) else { return nil }
        return bytes.slice(from: range.lowerBound, count: range.count)
    }

    /// 1 for transient, 2 for persistent, or whatever else was sent; `nil` when not there.
    @inlinable
    public var deliveryMode: UInt8? { octets(of: .deliveryMode)?[0] }

    /// The priority, any octet; `nil` when not there.
    @inlinable
    public var priority: UInt8? { octets(of: .priority)?[0] }

    /// Seconds since 1970; `nil` when not there.
    @inlinable
    public var timestamp: UInt64? { octets(of: .timestamp)?.loadUInt64(at: 0) }

    /// The octets of a short string property; `nil` when it is not there or not a short string.
    @inlinable
    public func shortString(_ property: Property) -> ByteView? {
        guard property.isShortString, let octets = octets(of: property) else { return nil }
        return octets.slice(from: 1, count: octets.count - 1)
    }

    /// The address to reply to.
    @inlinable
    public var replyTo: ByteView? { shortString(.replyTo) }

    /// The time to live in milliseconds, as text.
    @inlinable
    public var expiration: ByteView? { shortString(.expiration) }

    /// The user the message says it comes from.
    @inlinable
    public var userID: ByteView? { shortString(.userID) }

    /// The entries of the headers table, without its length: food for a `FieldTableCursor`.
    @inlinable
    public var headerEntries: ByteView? {
        guard let octets = octets(of: .headers) else { return nil }
        return octets.slice(from: 4, count: octets.count - 4)
    }

    /// Decodes the headers table; `nil` when not there.
    ///
    /// - Throws: `.truncated`, `.unknownFieldType`, `.nestedTooDeep`.
    public func headers() throws(WireError) -> FieldTable? {
        guard let entries = headerEntries else { return nil }
        return try FieldTable(entriesIn: entries, depth: 1)
    }
}

extension PropertyScan {
    /// Where the properties named by `flags` end when they begin at `start`.
    ///
    /// Written out rather than looped, since it runs for every published message and most carry
    /// none but the delivery mode.
    ///
    /// - Returns: An offset in `bytes`, or one beyond their end when they are cut short.
    @inlinable
    static func end(of flags: UInt16, in bytes: ByteView, from start: Int) -> Int {
        var end = start
        if flags & 0xE000 != 0 {
            if flags & Property.contentType.flag != 0 { end = shortStringEnd(bytes, end) }
            if flags & Property.contentEncoding.flag != 0 { end = shortStringEnd(bytes, end) }
            if flags & Property.headers.flag != 0 { end = tableEnd(bytes, end) }
        }
        if flags & Property.deliveryMode.flag != 0 { end += 1 }
        if flags & Property.priority.flag != 0 { end += 1 }
        guard flags & 0x07FC != 0 else { return end }
        if flags & Property.correlationID.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.replyTo.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.expiration.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.messageID.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.timestamp.flag != 0 { end += 8 }
        if flags & Property.type.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.userID.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.appID.flag != 0 { end = shortStringEnd(bytes, end) }
        if flags & Property.clusterID.flag != 0 { end = shortStringEnd(bytes, end) }
        return end
    }

    @inlinable
    @inline(__always)
    static func shortStringEnd(_ bytes: ByteView, _ start: Int) -> Int {
        start < bytes.count ? start + 1 + Int(bytes[start]) : bytes.count + 1
    }

    @inlinable
    @inline(__always)
    static func tableEnd(_ bytes: ByteView, _ start: Int) -> Int {
        start <= bytes.count - 4 ? start + 4 + Int(bytes.loadUInt32(at: start)) : bytes.count + 1
    }
}
