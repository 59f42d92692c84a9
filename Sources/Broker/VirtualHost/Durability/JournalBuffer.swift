import Wire

/// Records the core has written and the journal thread has not yet taken.
///
/// A record's log sequence number (LSN) is its octet position in the stream of framed records,
/// so it is known here, in memory, long before the record reaches the disk. A frame is the
/// payload's size and a checksum (4 octets each, the checksum filled in by the journal thread),
/// then the payload.
@safe
struct JournalBuffer: ~Copyable {
    /// Size and checksum in front of every payload.
    static let frameHeadSize = 8
    private static let firstCapacity = 64 * 1024
    /// Buffers up to this many octets are used again whatever was in them.
    private static let keptCapacityMax = 1 << 20
    /// Larger ones only up to this many, and while they are well filled.
    private static let reusedCapacityMax = 32 << 20

    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0
    /// The LSN of the first octet in the buffer.
    private(set) var firstLSN: UInt64
    /// Memory of a batch that was written while the next one collected, for the one after it.
    private var spare: UnsafeMutableRawPointer?
    private var spareCapacity = 0
    /// A large batch has come back since `takeUnused`: its memory is kept, or with the allocator.
    private(set) var hasServedLarge = false

    init(nextLSN: UInt64) { firstLSN = nextLSN }

    deinit {
        unsafe base?.deallocate()
        unsafe spare?.deallocate()
    }

    /// The LSN the next record will have.
    @inline(__always)
    var nextLSN: UInt64 { firstLSN &+ UInt64(truncatingIfNeeded: count) }

    /// Adds a frame and gives its payload to fill.
    ///
    /// - Parameter size: Of the payload, in octets.
    /// - Returns: Where the payload goes; valid until the next call.
    mutating func addFrame(payloadSize size: Int) -> UnsafeMutableRawPointer {
        let needed = count + JournalBuffer.frameHeadSize + size
        if needed > capacity { grow(to: needed) }
        guard let base = unsafe base else { preconditionFailure("a grown buffer has memory") }
        let frame = unsafe base + count
        unsafe frame.storeBytes(of: UInt32(size).littleEndian, as: UInt32.self)
        unsafe frame.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        count = needed
        return unsafe frame + JournalBuffer.frameHeadSize
    }

    /// Makes the payload of the newest frame longer.
    ///
    /// - Parameters:
    ///   - lsn: Of that frame.
    ///   - size: By how many octets.
    /// - Returns: Where these octets go; valid until the next call.
    mutating func extendFrame(at lsn: UInt64, by size: Int) -> UnsafeMutableRawPointer {
        let needed = count + size
        if needed > capacity { grow(to: needed) }
        guard let base = unsafe base else { preconditionFailure("a grown buffer has memory") }
        let offset = offset(of: lsn)
        let payloadSize = needed - offset - JournalBuffer.frameHeadSize
        unsafe base.storeBytes(
            of: UInt32(payloadSize).littleEndian,
            toByteOffset: offset,
            as: UInt32.self
        )
        defer { count = needed }
        return unsafe base + count
    }

    /// Where a frame that is still here begins.
    private func offset(of lsn: UInt64) -> Int {
        precondition(lsn >= firstLSN && lsn < nextLSN, "the record is still in the buffer")
        return Int(lsn - firstLSN)
    }

    mutating func append(_ payload: [UInt8]) {
        let place = unsafe addFrame(payloadSize: payload.count)
        ByteView.with(payload) { view in
            unsafe place.copyMemory(from: view.base, byteCount: view.count)
        }
    }

    /// Fills in a number of a payload that is still here, little-endian.
    ///
    /// - Parameters:
    ///   - number: Octets 1 to 8 of the payload.
    ///   - lsn: Of the payload's frame.
    mutating func fill(_ number: UInt64, at lsn: UInt64) { fill(number, at: lsn, offset: 1) }

    /// Fills in a number of a payload that is still here, little-endian.
    ///
    /// - Parameters:
    ///   - number: Of any width.
    ///   - lsn: Of the payload's frame.
    ///   - payloadOffset: Where it goes in the payload, in octets.
    mutating func fill<Number: FixedWidthInteger & BitwiseCopyable>(
        _ number: Number,
        at lsn: UInt64,
        offset payloadOffset: Int
    ) {
        let offset = offset(of: lsn) + JournalBuffer.frameHeadSize + payloadOffset
        precondition(offset + MemoryLayout<Number>.size <= count, "within the payload")
        guard let base = unsafe base else { preconditionFailure("a filled buffer has memory") }
        unsafe base.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }

    /// Takes the frames from `lsn` on back.
    mutating func removeFrames(from lsn: UInt64) {
        precondition(lsn >= firstLSN && lsn <= nextLSN, "only what is still in the buffer")
        count = Int(lsn - firstLSN)
    }

    /// Octets of memory it has, whatever stands in it.
    var capacityKept: Int { capacity + spareCapacity }

    private mutating func grow(to needed: Int) {
        var larger = max(capacity * 2, JournalBuffer.firstCapacity)
        while larger < needed { larger *= 2 }
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 64)
        if let old = unsafe base {
            unsafe fresh.copyMemory(from: old, byteCount: count)
            unsafe old.deallocate()
        }
        unsafe base = fresh
        capacity = larger
    }

    /// Takes everything, leaving an empty buffer that goes on at the same LSN.
    mutating func take() -> JournalBatch? {
        guard count > 0, let memory = unsafe base else { return nil }
        let batch = unsafe JournalBatch(
            base: memory,
            count: count,
            capacity: capacity,
            firstLSN: firstLSN
        )
        firstLSN = nextLSN
        count = 0
        unsafe base = spare
        capacity = spareCapacity
        unsafe spare = nil
        spareCapacity = 0
        return batch
    }

    /// Takes back the memory of a written batch, so that the next ones need not grow.
    mutating func reuse(_ batch: JournalBatch) {
        if batch.capacity > JournalBuffer.keptCapacityMax { hasServedLarge = true }
        let isFitting =
            batch.capacity <= JournalBuffer.keptCapacityMax
            || batch.capacity <= JournalBuffer.reusedCapacityMax
                && batch.count >= batch.capacity / 8
        guard isFitting, unsafe base == nil || spare == nil else {
            unsafe batch.base.deallocate()
            // What was much needed once is not any more.
            if !isFitting { dropSpare() }
            return
        }
        if unsafe base == nil {
            unsafe base = batch.base
            capacity = batch.capacity
        } else {
            unsafe spare = batch.base
            spareCapacity = batch.capacity
        }
    }

    /// Takes out the memory of large batches in which nothing stands now.
    ///
    /// - Returns: A buffer whose end gives that memory back, which may take milliseconds: best
    ///   without the lock.
    mutating func takeUnused() -> JournalBuffer {
        hasServedLarge = false
        var unused = JournalBuffer(nextLSN: 0)
        if count == 0, capacity > JournalBuffer.keptCapacityMax {
            unsafe unused.base = base
            unsafe base = nil
            capacity = 0
        }
        if spareCapacity > JournalBuffer.keptCapacityMax {
            unsafe unused.spare = spare
            unsafe spare = nil
            spareCapacity = 0
        }
        return unused
    }

    private mutating func dropSpare() {
        unsafe spare?.deallocate()
        unsafe spare = nil
        spareCapacity = 0
    }
}

/// Frames on their way to the journal, in one piece.
@safe
struct JournalBatch: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let count: Int
    fileprivate let capacity: Int
    let firstLSN: UInt64

    fileprivate init(
        base: UnsafeMutableRawPointer,
        count: Int,
        capacity: Int,
        firstLSN: UInt64
    ) {
        unsafe self.base = base
        self.count = count
        self.capacity = capacity
        self.firstLSN = firstLSN
    }

    /// The LSN behind the last record: durable once all of it is.
    var endLSN: UInt64 { firstLSN + UInt64(count) }
}
