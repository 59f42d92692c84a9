import Wire

/// Messages of a stream that were published in the same millisecond, as one record of its log.
///
/// The record's payload, little-endian, is a prefix and then the messages (`StreamEntry`):
///
///     0        4            8              4       8       octets
///     type     prefix size  first offset   count   time    messages
///
/// The prefix is what an index keeps (`JournalFrame.keptSize`), so a start reads no message.
struct StreamChunk: Equatable {
    static let type: UInt8 = 0x90
    static let prefixSize = 25
    /// From this many octets on a chunk is closed, so that little is read to find one message.
    static let sizeMax = 64 << 10

    /// The offset of its first message.
    let firstOffset: UInt64
    /// Messages in it, at least one.
    let count: UInt32
    /// When they were published.
    let time: WallTime

    /// Behind the offset of its last message.
    var endOffset: UInt64 { firstOffset &+ UInt64(count) }

    init(firstOffset: UInt64, count: UInt32, time: WallTime) {
        self.firstOffset = firstOffset
        self.count = count
        self.time = time
    }

    /// Reads the prefix of a payload; `nil` when it is none.
    @inline(__always)
    init?(_ payload: ByteView) {
        guard payload.count >= StreamChunk.prefixSize, payload[0] == StreamChunk.type,
            payload.littleEndianUInt32(at: 1) == UInt32(StreamChunk.prefixSize)
        else { return nil }
        firstOffset = payload.littleEndianUInt64(at: 5)
        count = payload.littleEndianUInt32(at: StreamChunk.countOffset)
        time = WallTime(milliseconds: Int64(bitPattern: payload.littleEndianUInt64(at: 17)))
        guard count > 0, firstOffset < 1 << 62 else { return nil }
    }

    /// Where the count stands in the payload.
    static let countOffset = 13

    /// The octets of the prefix.
    var prefix: [UInt8] {
        var octets = [StreamChunk.type]
        octets.append(littleEndian: UInt32(StreamChunk.prefixSize))
        octets.append(littleEndian: firstOffset)
        octets.append(littleEndian: count)
        octets.append(littleEndian: time.milliseconds)
        return octets
    }

    /// Calls `body` with each message of a whole payload and its offset.
    ///
    /// - Returns: `false` when the payload does not hold what its prefix says.
    @discardableResult
    static func forEachEntry(
        of payload: ByteView,
        _ body: (_ offset: UInt64, _ entry: StreamEntry) -> Void
    ) -> Bool {
        guard let chunk = StreamChunk(payload) else { return false }
        var position = prefixSize
        for number in 0..<UInt64(chunk.count) {
            guard let entry = StreamEntry(checking: payload, at: position) else { return false }
            body(chunk.firstOffset + number, entry)
            position += entry.size
        }
        return position == payload.count
    }
}
