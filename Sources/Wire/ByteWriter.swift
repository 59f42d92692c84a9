/// An appender of AMQP values, big-endian, with lengths filled in afterwards.
public struct ByteWriter {
    /// What has been written so far.
    public private(set) var bytes: [UInt8]

    /// Starts empty, with room for `capacity` octets.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// A length that will be known later; give it back to `patch`.
    public struct Placeholder {
        fileprivate let offset: Int
    }

    /// The number of octets written.
    public var count: Int { bytes.count }

    /// Makes room for `count` more octets.
    public mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(bytes.count + count)
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Appends one octet.
    public mutating func writeUInt8(_ value: UInt8) {
        bytes.append(value)
    }

    /// Appends a short: 2 octets.
    public mutating func writeUInt16(_ value: UInt16) {
        append(value)
    }

    /// Appends a long: 4 octets.
    public mutating func writeUInt32(_ value: UInt32) {
        append(value)
    }

    /// Appends a long-long or timestamp: 8 octets.
    public mutating func writeUInt64(_ value: UInt64) {
        append(value)
    }

    /// Appends a short string: 1 octet of length, then the octets.
    public mutating func writeShortString(_ string: ShortString) {
        bytes.append(UInt8(string.bytes.count))
        bytes.append(contentsOf: string.bytes)
    }

    /// Appends a long string: 4 octets of length, then the octets; 4 GiB or more trap.
    public mutating func writeLongString(_ octets: [UInt8]) {
        append(UInt32(octets.count))
        bytes.append(contentsOf: octets)
    }

    /// Appends a field table: 4 octets of length, then the entries.
    public mutating func writeTable(_ table: FieldTable) {
        let size = reserveUInt32()
        table.encodeEntries(into: &self)
        patch(size)
    }

    /// Appends octets as they are.
    public mutating func writeBytes(_ octets: [UInt8]) {
        bytes.append(contentsOf: octets)
    }

    /// Appends a part of an array as it is.
    public mutating func writeBytes(_ octets: ArraySlice<UInt8>) {
        bytes.append(contentsOf: octets)
    }

    /// Appends the octets of a view.
    public mutating func writeView(_ view: ByteView) {
        let buffer = unsafe UnsafeRawBufferPointer(start: view.base, count: view.count)
        unsafe bytes.append(contentsOf: buffer)
    }

    /// Appends 4 octets for a length that is not known yet.
    public mutating func reserveUInt32() -> Placeholder {
        let placeholder = Placeholder(offset: bytes.count)
        append(UInt32(0))
        return placeholder
    }

    /// Fills in how many octets were written since the placeholder was reserved.
    public mutating func patch(_ placeholder: Placeholder) {
        let start = placeholder.offset
        let size = UInt32(bytes.count - start - 4)
        for index in 0..<4 {
            bytes[start + index] = UInt8(truncatingIfNeeded: size >> (24 - 8 * UInt32(index)))
        }
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
