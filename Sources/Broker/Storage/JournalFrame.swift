import Wire

/// How a record lies in the journal: a header of 8 octets, then the payload.
///
/// ```
///  0        4          8                 8 + size
///  +--------+----------+------------------+
///  | size   | checksum | payload          |   little-endian
///  +--------+----------+------------------+
/// ```
///
/// Bit 31 of the size is the barrier: everything before this record had been synced when it was
/// written. The checksum is a CRC-32C over the record's log sequence number, 8 octets
/// little-endian with the barrier as bit 63, followed by the payload; a record in the wrong place
/// does not check out.
enum JournalFrame {
    /// Octets before the payload.
    static let headerSize = 8
    /// Most octets of a payload: 1 GiB.
    static let payloadSizeMax = 1 << 30
    /// Marks a record before which everything had been synced.
    static let barrierBit: UInt32 = 1 << 31

    /// What the size field says.
    struct Size: Equatable {
        /// Octets of payload, at least one.
        let payload: Int
        /// Whether everything before had been synced.
        let isBarrier: Bool

        /// Octets of header and payload.
        var frame: Int { JournalFrame.headerSize + payload }

        /// Takes the field apart; `nil` when no frame has this size.
        @inline(__always)
        init?(field: UInt32) {
            payload = Int(field & ~JournalFrame.barrierBit)
            isBarrier = field & JournalFrame.barrierBit != 0
            if payload == 0 || payload > JournalFrame.payloadSizeMax { return nil }
        }
    }

    /// The size of the frame whose header begins at `offset`, if one may.
    @inline(__always)
    static func size(in view: ByteView, at offset: Int) -> Size? {
        guard offset >= 0, offset <= view.count - headerSize else { return nil }
        return Size(field: view.littleEndianUInt32(at: offset))
    }

    /// The payload of the whole frame at `offset`, if it checks out as record `lsn`.
    @inline(__always)
    static func payload(in view: ByteView, at offset: Int, lsn: UInt64) -> ByteView? {
        guard let size = size(in: view, at: offset), size.frame <= view.count - offset else {
            return nil
        }
        let payload = view.slice(from: offset + headerSize, count: size.payload)
        let expected = view.littleEndianUInt32(at: offset + 4)
        return checksum(payload, lsn: lsn, isBarrier: size.isBarrier) == expected ? payload : nil
    }

    /// The checksum of a record.
    @inline(__always)
    static func checksum(_ payload: ByteView, lsn: UInt64, isBarrier: Bool) -> UInt32 {
        payload.checksum(after: seed(lsn: lsn, isBarrier: isBarrier))
    }

    /// The checksum of what stands for the place of a record.
    @inline(__always)
    static func seed(lsn: UInt64, isBarrier: Bool) -> UInt32 {
        let place = (isBarrier ? lsn | 1 << 63 : lsn).littleEndian
        return unsafe withUnsafeBytes(of: place) { unsafe CRC32C.checksum($0) }
    }

    /// Fills in the header of a frame whose payload is in place.
    ///
    /// - Parameters:
    ///   - frame: Header and payload, exactly.
    ///   - lsn: Where the frame goes.
    ///   - isBarrier: Whether everything before it has been synced.
    @inline(__always)
    static func seal(_ frame: UnsafeMutableRawBufferPointer, lsn: UInt64, isBarrier: Bool) {
        let size = frame.count - headerSize
        precondition(size > 0 && size <= payloadSizeMax, "a record has 1 octet to 1 GiB")
        let payload = unsafe UnsafeRawBufferPointer(rebasing: frame[headerSize...])
        let sum = unsafe CRC32C.checksum(payload, after: seed(lsn: lsn, isBarrier: isBarrier))
        let field = UInt32(size) | (isBarrier ? barrierBit : 0)
        unsafe frame.storeBytes(of: field.littleEndian, toByteOffset: 0, as: UInt32.self)
        unsafe frame.storeBytes(of: sum.littleEndian, toByteOffset: 4, as: UInt32.self)
    }

    /// How much of a payload the index of a sealed segment keeps.
    ///
    /// Records of type 0x80 and above have a prefix, whose size stands behind the type octet in 4
    /// octets, little-endian; a size that cannot be, and every other type, keeps the whole.
    ///
    /// - Parameter payload: At least one octet.
    /// - Returns: At least one octet, at most the whole.
    static func keptSize(_ payload: ByteView) -> Int {
        guard payload[0] >= 0x80, payload.count >= 5 else { return payload.count }
        let size = Int(payload.littleEndianUInt32(at: 1))
        return size >= 5 && size <= payload.count ? size : payload.count
    }
}
