import CLinux

/// The checksum of everything on disk: CRC-32C (Castagnoli), by the processor where it can.
enum CRC32C {
    private static let isInHardware = clinux_crc32c_in_hardware() != 0

    /// The checksum of `bytes`, or of what `previous` covers followed by `bytes`.
    static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        unsafe isInHardware
            ? clinux_crc32c_hardware(previous, bytes.baseAddress, bytes.count)
            : portable(bytes, after: previous)
    }

    /// The same value without the processor's instruction, about 40 times slower.
    static func portable(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        unsafe clinux_crc32c_portable(previous, bytes.baseAddress, bytes.count)
    }
}
