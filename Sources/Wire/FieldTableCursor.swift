/// Walks the entries of an encoded field table in wire order, without allocating.
///
/// Nested tables and arrays are not entered; `FieldView.decode` does that.
@frozen
public struct FieldTableCursor {
    @usableFromInline
    var reader: ByteReader

    /// Starts at the first entry.
    ///
    /// - Parameter entries: The octets after the table's length.
    @inlinable
    public init(entries: ByteView) {
        reader = ByteReader(entries)
    }

    /// Octets of the entries taken so far.
    @inlinable
    public var position: Int { reader.position }

    /// Takes the next entry.
    ///
    /// - Returns: Name and field, as short-lived as the table's bytes; `nil` at the end.
    /// - Throws: `.truncated` or `.unknownFieldType`.
    @inlinable
    public mutating func next() throws(WireError) -> (name: ByteView, field: FieldView)? {
        guard reader.remaining > 0 else { return nil }
        let name = try reader.readShortStringView()
        return (name, try FieldView(from: &reader))
    }
}
