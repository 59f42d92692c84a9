import Wire

/// A buffer that is filled, looked at and emptied again, and keeps its memory meanwhile.
///
/// Integers are appended as they lie in memory: the bytes make keys for tables of this process,
/// they are not a wire format.
@safe
struct ByteScratch: ~Copyable {
    private var storage: UnsafeMutableRawPointer
    private var capacity: Int
    /// Number of bytes.
    private(set) var count = 0

    /// An empty buffer with room for `capacity` bytes.
    init(capacity: Int = 64) {
        self.capacity = max(capacity, 16)
        unsafe storage = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { unsafe storage.deallocate() }

    /// All bytes, until the next change.
    var view: ByteView {
        @inline(__always) get { unsafe ByteView(base: storage, count: count) }
    }

    /// Drops the bytes behind the first `newCount`; more than there are traps.
    @inline(__always)
    mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "truncating to more than there is")
        count = newCount
    }

    /// Appends the octets of `value`.
    @inline(__always)
    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let room = MemoryLayout<Value>.size
        if capacity &- count < room { grow(by: room) }
        unsafe storage.storeBytes(of: value, toByteOffset: count, as: Value.self)
        count &+= room
    }

    /// Appends a copy of `bytes`, which must lie outside this buffer.
    @inline(__always)
    mutating func append(_ bytes: ByteView) {
        if capacity &- count < bytes.count { grow(by: bytes.count) }
        unsafe (storage + count).copyMemory(from: bytes.base, byteCount: bytes.count)
        count &+= bytes.count
    }

    /// Overwrites the octets at `offset` with those of `value`.
    @inline(__always)
    mutating func patch<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int)
    {
        precondition(
            offset >= 0 && offset <= count &- MemoryLayout<Value>.size,
            "patching outside the buffer"
        )
        unsafe storage.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    /// The integer whose octets lie at `offset`.
    @inline(__always)
    func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type,
        at offset: Int
    ) -> Value {
        precondition(
            offset >= 0 && offset <= count &- MemoryLayout<Value>.size,
            "reading outside the buffer"
        )
        return unsafe storage.loadUnaligned(fromByteOffset: offset, as: type)
    }

    @inline(never)
    private mutating func grow(by room: Int) {
        let newCapacity = max(capacity * 2, count + room)
        let block = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        unsafe block.copyMemory(from: storage, byteCount: count)
        unsafe storage.deallocate()
        unsafe storage = block
        capacity = newCapacity
    }
}
