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
    /// Where what the broker looks at begins; without meaning for what is not there.
    @usableFromInline
    let headersStart: Int
    @usableFromInline
    let deliveryModeStart: Int
    @usableFromInline
    let priorityStart: Int
    @usableFromInline
    let replyToStart: Int
    @usableFromInline
    let expirationStart: Int
    @usableFromInline
    let userIDStart: Int

    /// Scans the part of a content header that follows the body size.
    ///
    /// Written out rather than looped, since it runs for every published message that differs from
    /// the one before.
    ///
    /// - Parameter bytes: Flags and properties, to the end of the header frame's payload.
    /// - Throws: `.truncated`, `.leftOver`, `.unknownProperty`.
    @inlinable
    public init(_ bytes: ByteView) throws(WireError) {
        var reader = ByteReader(bytes)
        let flags = try reader.readPropertyFlags()
        start = reader.position
        self.bytes = bytes
        self.flags = flags
        var end = start
        if flags & Property.contentType.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        if flags & Property.contentEncoding.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        headersStart = end
        if flags & Property.headers.flag != 0 { end = Self.tableEnd(bytes, end) }
        deliveryModeStart = end
        if flags & Property.deliveryMode.flag != 0 { end += 1 }
        priorityStart = end
        if flags & Property.priority.flag != 0 { end += 1 }
        if flags & Property.correlationID.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        replyToStart = end
        if flags & Property.replyTo.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        expirationStart = end
        if flags & Property.expiration.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        if flags & Property.messageID.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        if flags & Property.timestamp.flag != 0 { end += 8 }
        if flags & Property.type.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        userIDStart = end
        if flags & Property.userID.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        if flags & Property.appID.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        if flags & Property.clusterID.flag != 0 { end = Self.shortStringEnd(bytes, end) }
        guard end <= bytes.count else { throw .truncated }
        guard end == bytes.count else { throw .leftOver(octets: bytes.count - end) }
    }

    /// Whether the property is there.
    @inlinable
    public func has(_ property: Property) -> Bool { flags & property.flag != 0 }

    /// The offsets of a property in `bytes`, its length octets included; `nil` when not there.
    public func range(of property: Property) -> Range<Int>? {
        guard has(property) else { return nil }
        var lower = start
        for earlier in Property.all.prefix(property.index) where has(earlier) {
            lower = end(of: earlier, from: lower)
        }
        return lower..<end(of: property, from: lower)
    }

    /// The octets of a property, those of its length included; `nil` when it is not there.
    public func octets(of property: Property) -> ByteView? {
        guard let range = range(of: property) else { return nil }
        return bytes.slice(from: range.lowerBound, count: range.count)
    }

    /// 1 for transient, 2 for persistent, or whatever else was sent; `nil` when not there.
    @inlinable
    public var deliveryMode: UInt8? { has(.deliveryMode) ? bytes[deliveryModeStart] : nil }

    /// The priority, any octet; `nil` when not there.
    @inlinable
    public var priority: UInt8? { has(.priority) ? bytes[priorityStart] : nil }

    /// Seconds since 1970; `nil` when not there.
    public var timestamp: UInt64? { octets(of: .timestamp)?.loadUInt64(at: 0) }

    /// The octets of a short string property; `nil` when it is not there or not a short string.
    public func shortString(_ property: Property) -> ByteView? {
        guard property.isShortString, let octets = octets(of: property) else { return nil }
        return octets.slice(from: 1, count: octets.count - 1)
    }

    /// The address to reply to.
    @inlinable
    public var replyTo: ByteView? { has(.replyTo) ? shortString(at: replyToStart) : nil }

    /// The time to live in milliseconds, as text.
    @inlinable
    public var expiration: ByteView? { has(.expiration) ? shortString(at: expirationStart) : nil }

    /// The user the message says it comes from.
    @inlinable
    public var userID: ByteView? { has(.userID) ? shortString(at: userIDStart) : nil }

    @inlinable
    func shortString(at start: Int) -> ByteView {
        bytes.slice(from: start + 1, count: Int(bytes[start]))
    }

    /// The entries of the headers table, without its length: food for a `FieldTableCursor`.
    @inlinable
    public var headerEntries: ByteView? {
        guard has(.headers) else { return nil }
        let size = Int(bytes.loadUInt32(at: headersStart))
        return bytes.slice(from: headersStart + 4, count: size)
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
    /// Where a property ends that begins at `start`.
    private func end(of property: Property, from start: Int) -> Int {
        if property.isShortString { return Self.shortStringEnd(bytes, start) }
        switch property {
        case .headers: return Self.tableEnd(bytes, start)
        case .timestamp: return start + 8
        default: return start + 1
        }
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
