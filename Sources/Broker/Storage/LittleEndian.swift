import Wire

/// Integers as the files of storage hold them, the order of the processors brokerd runs on.
extension ByteView {
    /// The little-endian integer of 2 octets at `offset`.
    @inline(__always)
    func littleEndianUInt16(at offset: Int) -> UInt16 { loadUInt16(at: offset).byteSwapped }

    /// The little-endian integer of 4 octets at `offset`.
    @inline(__always)
    func littleEndianUInt32(at offset: Int) -> UInt32 { loadUInt32(at: offset).byteSwapped }

    /// The little-endian integer of 8 octets at `offset`.
    @inline(__always)
    func littleEndianUInt64(at offset: Int) -> UInt64 { loadUInt64(at: offset).byteSwapped }

    /// The CRC-32C of the octets, or of what `previous` covers followed by them.
    @inline(__always)
    func checksum(after previous: UInt32 = 0) -> UInt32 {
        let octets = unsafe UnsafeRawBufferPointer(start: base, count: count)
        return unsafe CRC32C.checksum(octets, after: previous)
    }

    /// Whether every octet is zero.
    var isZero: Bool { nonZeroCount == 0 }

    /// The number of octets up to the last that is not zero.
    var nonZeroCount: Int {
        var end = count
        while end >= 8, loadUInt64(at: end - 8) == 0 { end -= 8 }
        while end > 0, self[end - 1] == 0 { end -= 1 }
        return end
    }
}

extension [UInt8] {
    /// Appends the octets of `value`, the lowest first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}
