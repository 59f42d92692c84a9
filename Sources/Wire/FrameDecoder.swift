/// Cuts whole frames out of a byte stream, whatever the segment boundaries.
///
/// Made for the client and for tests: it copies payloads. Buffered bytes are bounded by what the
/// caller appends; a caller that takes all frames out after each append holds at most one
/// partial frame. After an error the stream has lost its framing: close it.
public struct FrameDecoder {
    private var buffer: [UInt8] = []
    /// The offset in `buffer` of the first octet that belongs to no frame taken yet.
    private var start = 0

    /// Starts between two frames.
    public init() {}

    /// How many octets wait for the rest of their frame.
    public var bufferedCount: Int { buffer.count - start }

    /// Adds bytes as they came.
    public mutating func append(_ bytes: [UInt8]) {
        discardTaken()
        buffer.append(contentsOf: bytes)
    }

    /// Adds a copy of the bytes of `view`.
    public mutating func append(_ view: ByteView) {
        discardTaken()
        let bytes = unsafe UnsafeRawBufferPointer(start: view.base, count: view.count)
        unsafe buffer.append(contentsOf: bytes)
    }

    /// Removes the next whole frame from the buffered bytes (AMQP 0-9-1 §4.2.3).
    ///
    /// - Parameter frameMax: The largest frame accepted, in octets; see `FrameHeader`.
    /// - Returns: The frame, or `nil` when more bytes are needed; `nil` is not an error.
    /// - Throws: `.unknownFrameType` and `.frameTooLarge` as soon as the header is there,
    ///   `.badFrameEnd` when the last octet is not 0xCE. All end the connection with 501.
    /// - Complexity: O(1) plus the payload copied.
    public mutating func next(frameMax: Int) throws(WireError) -> Frame? {
        let waiting = start
        let frame = try ByteView.with(buffer) { view throws(WireError) -> Frame? in
            let rest = view.slice(from: waiting, count: view.count - waiting)
            guard rest.count >= FrameHeader.size else { return nil }
            let header = try FrameHeader(rest, frameMax: frameMax)
            guard rest.count >= header.payloadSize + Frame.overhead else { return nil }
            let end = rest[FrameHeader.size + header.payloadSize]
            guard end == Frame.end else { throw .badFrameEnd(end) }
            let payload = rest.slice(from: FrameHeader.size, count: header.payloadSize)
            return Frame(type: header.type, channel: header.channel, payload: payload.bytes)
        }
        if let frame { start += frame.payload.count + Frame.overhead }
        return frame
    }

    private mutating func discardTaken() {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
        } else if start > 0 {
            buffer.removeFirst(start)
        }
        start = 0
    }
}
