import Wire

/// A part of a segment's frames in memory that moves along as the segment is read in order.
///
/// Offsets count from the first frame, which is where the segment's base lies.
@safe
final class SegmentWindow {
    /// Octets read at a time.
    private static let chunkSize = 1 << 20

    /// Octets of the segment that can be looked at.
    let dataSize: Int
    private let file: any DiskFile
    let base: UInt64
    private var buffer: UnsafeMutableRawBufferPointer
    private var capacity: Int
    /// Which octets of the segment the buffer holds.
    private var held: Range<Int> = 0..<0

    /// Looks at the first `dataSize` octets of frames in the segment that begins at `base`.
    init(_ file: any DiskFile, base: UInt64, dataSize: Int) {
        self.file = file
        self.base = base
        self.dataSize = dataSize
        capacity = max(1, min(dataSize, Self.chunkSize))
        unsafe buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe buffer.deallocate() }

    /// The octets at `offset`; valid until the next look, `nil` behind the end.
    func view(at offset: Int, count: Int) -> ByteView? {
        guard offset >= 0, count >= 0, count <= dataSize - offset else { return nil }
        if offset < held.lowerBound || offset + count > held.upperBound {
            move(to: offset, count: count)
        }
        guard let start = unsafe UnsafeRawPointer(buffer.baseAddress) else { return nil }
        return unsafe ByteView(base: start + (offset - held.lowerBound), count: count)
    }

    /// The frame at `offset`, if one checks out there.
    ///
    /// - Parameter offset: Any number.
    /// - Returns: Its size field and its payload, valid until the next look.
    func frame(at offset: Int) -> (size: JournalFrame.Size, payload: ByteView)? {
        guard let header = view(at: offset, count: JournalFrame.headerSize),
            let size = JournalFrame.size(in: header, at: 0),
            let frame = view(at: offset, count: size.frame),
            let payload = JournalFrame.payload(in: frame, at: 0, lsn: base + UInt64(offset))
        else { return nil }
        return (size, payload)
    }

    /// Reads anew at the next look: somebody may be writing.
    func forget() { held = 0..<0 }

    /// `range` without the zeros at its end; empty when there is nothing else.
    func withoutZeros(_ range: Range<Int>) -> Range<Int> {
        var end = range.lowerBound
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = min(Self.chunkSize, range.upperBound - offset)
            guard let view = view(at: offset, count: count) else { break }
            let nonZeroCount = view.nonZeroCount
            if nonZeroCount > 0 { end = offset + nonZeroCount }
            offset += count
        }
        return range.lowerBound..<end
    }

    private func move(to offset: Int, count: Int) {
        if count > capacity {
            unsafe buffer.deallocate()
            capacity = count
            unsafe buffer = .allocate(byteCount: count, alignment: 16)
        }
        let filled = min(capacity, dataSize - offset)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<filled])
        unsafe file.readWhatCanBeRead(into: part, at: SegmentHeader.size + offset)
        held = offset..<offset + filled
    }
}
