/// A cursor that takes AMQP values off the front of a view (AMQP 0-9-1 §4.2.5).
///
/// Total: whatever the bytes, a read gives a value or throws `.truncated`; it never traps and
/// never allocates by a size that is claimed but not there. After a throw the position is
/// unspecified, since the whole frame is refused.
@frozen
public struct ByteReader {
    /// What is read; valid only as long as the view is.
    public let view: ByteView
    /// How many octets have been taken.
    @usableFromInline
    var taken: Int

    /// Starts at the front of `view`.
    @inlinable
    @inline(__always)
    public init(_ view: ByteView) {
        self.view = view
        self.taken = 0
    }

    /// How many octets have been taken.
    @inlinable
    public var position: Int { taken }

    /// How many octets are left.
    @inlinable
    public var remaining: Int { view.count - taken }

    /// Moves past `count` octets and gives the offset of the first of them.
    @inlinable
    @inline(__always)
    mutating func advance(_ count: Int) throws(WireError) -> Int {
        guard count <= view.count - taken else { throw .truncated }
        let start = taken
        taken = start + count
        return start
    }

    /// Takes one octet.
    @inlinable
    public mutating func readUInt8() throws(WireError) -> UInt8 {
        view[try advance(1)]
    }

    /// Takes a short: 2 octets, big-endian.
    @inlinable
    public mutating func readUInt16() throws(WireError) -> UInt16 {
        view.loadUInt16(at: try advance(2))
    }

    /// Takes a long: 4 octets, big-endian.
    @inlinable
    public mutating func readUInt32() throws(WireError) -> UInt32 {
        view.loadUInt32(at: try advance(4))
    }

    /// Takes a long-long or timestamp: 8 octets, big-endian.
    @inlinable
    public mutating func readUInt64() throws(WireError) -> UInt64 {
        view.loadUInt64(at: try advance(8))
    }

    /// Takes `count` octets without copying them.
    ///
    /// - Parameter count: In octets, not negative.
    /// - Returns: A view as short-lived as the one being read.
    /// - Throws: `.truncated` when fewer are left.
    @inlinable
    public mutating func readView(_ count: Int) throws(WireError) -> ByteView {
        view.slice(from: try advance(count), count: count)
    }

    /// Takes a short string without copying it.
    @inlinable
    public mutating func readShortStringView() throws(WireError) -> ByteView {
        let count = Int(try readUInt8())
        return try readView(count)
    }

    /// Takes a short string of any octets.
    @inlinable
    public mutating func readShortString() throws(WireError) -> ShortString {
        ShortString(unchecked: try readShortStringView().bytes)
    }

    /// Takes a short string that must be UTF-8.
    ///
    /// RabbitMQ checks the short strings of every method that carries no content
    /// (rabbit_binary_parser, assert_utf8), so a name in a declaration is always text.
    ///
    /// - Returns: The string.
    /// - Throws: `.malformedUTF8`, or `.truncated`.
    public mutating func readTextShortString() throws(WireError) -> ShortString {
        let view = try readShortStringView()
        guard view.isUTF8 else { throw .malformedUTF8 }
        return ShortString(unchecked: view.bytes)
    }

    /// Takes a long string without copying it.
    @inlinable
    public mutating func readLongStringView() throws(WireError) -> ByteView {
        let count = Int(try readUInt32())
        return try readView(count)
    }

    /// Takes a long string: 4 octets of length, then any octets.
    @inlinable
    public mutating func readLongString() throws(WireError) -> [UInt8] {
        try readLongStringView().bytes
    }

    /// Takes a field table.
    ///
    /// - Returns: Its entries in wire order.
    /// - Throws: `.truncated`, `.unknownFieldType`, `.nestedTooDeep`.
    public mutating func readTable() throws(WireError) -> FieldTable {
        try FieldTable(entriesIn: try readLongStringView(), depth: 1)
    }

    /// Checks that everything has been read.
    ///
    /// - Throws: `.leftOver` with the number of octets nobody asked for.
    @inlinable
    public func finish() throws(WireError) {
        guard remaining == 0 else { throw .leftOver(octets: remaining) }
    }
}
