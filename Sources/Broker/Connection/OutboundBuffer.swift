import Wire

/// What waits to be sent to one client: copied octets, and slices of large bodies by reference.
///
/// Small frames are copied into chunks, so that one `sendmsg` carries hundreds of deliveries. A
/// body of at least `sliceSizeMin` octets is not copied: its message is retained until the octets
/// have left. An empty buffer owns no memory, which is what keeps idle connections small.
///
/// Appending happens under the virtual host's lock. For sending, `takeForSending` moves all
/// segments to the `sending` ring, which belongs to the one flusher until `finishSending`.
@safe
struct OutboundBuffer: ~Copyable {
    /// Bodies from this size on leave by reference, in octets (measured: copying wins below).
    static let sliceSizeMin = 12 * 1024
    static let chunkSizeSmall = 4 * 1024
    static let chunkSizeLarge = 64 * 1024

    /// A run of octets to send: a chunk of ours, or part of a message's body.
    @safe
    struct Segment: BitwiseCopyable {
        let base: UnsafeMutableRawPointer
        /// First octet not yet sent.
        var start: Int
        var end: Int
        /// Size of the chunk; 0 for a slice of a body.
        let chunkSize: Int
        /// What keeps the slice alive.
        let message: Message?
    }

    private(set) var waiting = Ring<Segment>()
    private(set) var sending = Ring<Segment>()
    private(set) var tail: UnsafeMutableRawPointer?
    private(set) var tailUsed = 0
    private var tailSize = 0
    /// Octets appended and not yet known to be sent.
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }
    /// Whether there is something that no flusher has taken yet.
    var hasWaiting: Bool { tailUsed > 0 || waiting.count > 0 }

    /// Room for `count` octets in one piece; `commit` makes them count.
    @inline(__always)
    mutating func reserve(_ count: Int, pool: inout BlockPool) -> UnsafeMutableRawPointer {
        if let tail = unsafe tail, tailSize &- tailUsed >= count {
            return unsafe tail + tailUsed
        }
        return unsafe openChunk(for: count, pool: &pool)
    }

    /// Counts octets written at the last reserved place.
    @inline(__always)
    mutating func commit(_ count: Int) {
        tailUsed &+= count
        byteCount &+= count
    }

    @inline(never)
    private mutating func openChunk(
        for count: Int,
        pool: inout BlockPool
    )
        -> UnsafeMutableRawPointer
    {
        closeChunk(pool: &pool)
        // Between two slices there is little to copy, and the next one closes the chunk.
        let isLittle = byteCount < OutboundBuffer.chunkSizeSmall || waiting.last?.message != nil
        let usual = isLittle ? OutboundBuffer.chunkSizeSmall : OutboundBuffer.chunkSizeLarge
        tailSize = max(usual, count)
        let chunk = unsafe pool.allocateBuffer(byteCount: tailSize)
        unsafe tail = chunk
        return unsafe chunk
    }

    /// Moves the open chunk to the waiting segments.
    private mutating func closeChunk(pool: inout BlockPool) {
        guard let chunk = unsafe tail else { return }
        if tailUsed > 0 {
            unsafe waiting.append(
                Segment(base: chunk, start: 0, end: tailUsed, chunkSize: tailSize, message: nil)
            )
        } else {
            unsafe pool.freeBuffer(chunk, byteCount: tailSize)
        }
        unsafe tail = nil
        tailUsed = 0
        tailSize = 0
    }

    mutating func append(_ bytes: ByteView, pool: inout BlockPool) {
        guard bytes.count > 0 else { return }
        unsafe reserve(bytes.count, pool: &pool)
            .copyMemory(from: bytes.base, byteCount: bytes.count)
        commit(bytes.count)
    }

    mutating func append(_ bytes: [UInt8], pool: inout BlockPool) {
        guard !bytes.isEmpty else { return }
        let place = unsafe reserve(bytes.count, pool: &pool)
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe place.copyMemory(from: base, byteCount: source.count)
        }
        commit(bytes.count)
    }

    /// Appends part of a body by reference; the caller's message gains a reference.
    mutating func append(
        bodyOf message: Message,
        from offset: Int,
        count: Int,
        pool: inout BlockPool
    ) {
        closeChunk(pool: &pool)
        message.retain()
        let start =
            Message.headerSize + message.bodyFrameOffset + Message.frameHeadSize + offset
        unsafe waiting.append(
            Segment(
                base: message.block,
                start: start,
                end: start + count,
                chunkSize: 0,
                message: message
            )
        )
        byteCount += count
    }

    /// Hands what waits to the flusher; it alone touches `sending` until it is done.
    ///
    /// While an earlier hand-over is not all sent, the open chunk stays open: a client that reads
    /// by the spoonful would otherwise hold a whole chunk for every few octets.
    mutating func takeForSending(pool: inout BlockPool) {
        if sending.count == 0 {
            closeChunk(pool: &pool)
            swap(&sending, &waiting)
        } else {
            while let segment = waiting.popFirst() { sending.append(segment) }
        }
    }

    /// Accounts for `count` octets sent from the front of `sending` and frees what is done.
    ///
    /// - Parameters:
    ///   - count: Octets the socket took.
    ///   - pool: Where chunks and messages go back to.
    mutating func finishSending(_ count: Int, pool: inout BlockPool) {
        var left = count
        byteCount -= count
        while let segment = sending.first {
            let size = segment.end - segment.start
            if left < size {
                if left > 0 {
                    var rest = segment
                    rest.start += left
                    sending[0] = rest
                }
                return
            }
            left -= size
            _ = sending.popFirst()
            free(segment, pool: &pool)
        }
        precondition(left == 0, "more octets sent than there were")
    }

    /// Frees everything unsent; the connection is gone.
    mutating func removeAll(pool: inout BlockPool) {
        closeChunk(pool: &pool)
        while let segment = sending.popFirst() { free(segment, pool: &pool) }
        while let segment = waiting.popFirst() { free(segment, pool: &pool) }
        byteCount = 0
    }

    private func free(_ segment: Segment, pool: inout BlockPool) {
        if let message = segment.message {
            message.release(to: &pool)
        } else {
            unsafe pool.freeBuffer(segment.base, byteCount: segment.chunkSize)
        }
    }
}
