import Wire

/// The first 64 octets of a segment; see docs/storage.md.
struct SegmentHeader: Equatable {
    /// Octets of a header.
    static let size = 64
    /// The version this code writes, and the only one it reads.
    static let version: UInt16 = 1
    private static let magic = Array("BRKDJRNL".utf8)
    /// Set in the octets from 12 on when the file was another segment before.
    private static let reusedFlag: UInt32 = 1

    /// Log sequence number of the first record.
    var base: UInt64
    /// When the segment was made.
    var created: WallTime
    /// `VirtualHostDirectory.hash` of the virtual host's name.
    var nameHash: UInt64
    /// The base of the segment the file was before, of which records may lie behind those of this
    /// one; `nil` for a new file.
    var formerBase: UInt64?

    /// What the start of a file turns out to be.
    enum Reading: Equatable {
        case header(SegmentHeader)
        /// A header that checks out, written by another version.
        case otherVersion(UInt16)
        case damaged
    }

    /// The octets of the header.
    var encoded: [UInt8] {
        var octets = Self.magic
        octets.append(littleEndian: Self.version)
        octets.append(littleEndian: UInt16(Self.size))
        octets.append(littleEndian: formerBase == nil ? 0 : Self.reusedFlag)
        octets.append(littleEndian: base)
        octets.append(littleEndian: created.milliseconds)
        octets.append(littleEndian: nameHash)
        octets.append(littleEndian: formerBase ?? 0)
        octets += [UInt8](repeating: 0, count: Self.size - 4 - octets.count)
        octets.append(littleEndian: ByteView.with(octets) { $0.checksum() })
        return octets
    }

    /// Reads a header off the start of a file.
    static func read(_ octets: [UInt8]) -> Reading {
        guard octets.count >= size, octets.starts(with: magic) else { return .damaged }
        return ByteView.with(octets) { view in
            let sum = view.slice(from: 0, count: size - 4).checksum()
            guard view.littleEndianUInt32(at: size - 4) == sum else { return .damaged }
            let version = UInt16(truncatingIfNeeded: view.littleEndianUInt32(at: 8))
            guard version == self.version else { return .otherVersion(version) }
            let milliseconds = Int64(bitPattern: view.littleEndianUInt64(at: 24))
            let isReused = view.littleEndianUInt32(at: 12) & reusedFlag != 0
            return .header(
                SegmentHeader(
                    base: view.littleEndianUInt64(at: 16),
                    created: WallTime(milliseconds: milliseconds),
                    nameHash: view.littleEndianUInt64(at: 32),
                    formerBase: isReused ? view.littleEndianUInt64(at: 40) : nil
                )
            )
        }
    }
}
