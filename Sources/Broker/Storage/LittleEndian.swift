import Wire

/// Integers as the files of storage hold them, the order of the processors brokerd runs on.
extension ByteView {
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
    var isZero: Bool {
        var offset = 0
        while offset <= count - 8 {
            if loadUInt64(at: offset) != 0 { return false }
            offset += 8
        }
        while offset < count {
            if self[offset] != 0 { return false }
            offset += 1
        }
        return true
    }
}

extension [UInt8] {
    /// Appends the octets of `value`, the lowest first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}
