import Wire

/// A hash table from byte strings to small values, looked up without allocating.
///
/// Two blocks of memory. The *index* is open addressed: one word for each slot, the upper half
/// of the key's hash beside the number of its entry, so a probe reads only the index until the
/// right entry is nearly certain; removal shifts later words back, so there are no tombstones.
/// The *entries* hold the key (owned by the table) and the value, and never change their number
/// while they live. That makes iteration resumable: a `Cursor` can be kept across other
/// operations, and what was in the table all the while is seen exactly once.
@safe
struct ByteKeyTable<Value>: ~Copyable {
    /// How far an iteration has come.
    struct Cursor: Equatable, Sendable {
        fileprivate var entry = 0

        /// The start of the table.
        init() {}
    }

    @unsafe
    private struct Entry {
        var key: UnsafeMutableRawPointer?
        /// The key's length in bytes; in a free entry the number of the next free one, plus one.
        var count: UInt32
        /// The key's hash, lower half.
        var hash: UInt32
        /// nil in a free entry.
        var value: Value?
    }

    private let hasher: ByteHash
    private var index: UnsafeMutablePointer<UInt64>?
    private var indexMask = 0
    private var entries: UnsafeMutablePointer<Entry>?
    private var entryCapacity = 0
    /// Entries with a lower number are initialised, in use or free.
    private var entryCount = 0
    /// The number of the first free entry, plus one; 0 for none.
    private var freeEntry: UInt32 = 0
    /// Number of keys.
    private(set) var count = 0

    /// An empty table that owns no memory and hashes with `hash`.
    init(hash: ByteHash) {
        hasher = hash
        unsafe index = nil
        unsafe entries = nil
    }

    deinit { releaseStorage() }

    var isEmpty: Bool { count == 0 }

    /// The value stored for `key`.
    @inline(__always)
    func value(for key: ByteView) -> Value? {
        guard let slot = find(key, hash: hasher.hash(key)) else { return nil }
        return unsafe entry(atSlot: slot).pointee.value
    }

    /// Stores `value` for `key` and returns what was there before.
    @discardableResult
    mutating func insert(_ value: Value, for key: ByteView) -> Value? {
        let hash = hasher.hash(key)
        if let slot = find(key, hash: hash) {
            let entry = unsafe entry(atSlot: slot)
            let old = unsafe entry.pointee.value
            unsafe entry.pointee.value = value
            return old
        }
        unsafe add(key, hash: hash, value)
        return nil
    }

    /// Changes the value of `key` in place, starting from `initial` when there is none.
    ///
    /// `body` must not touch the table.
    mutating func update<Result>(
        _ key: ByteView,
        default initial: @autoclosure () -> Value,
        _ body: (inout Value) -> Result
    ) -> Result {
        let hash = hasher.hash(key)
        let entry: UnsafeMutablePointer<Entry>
        if let slot = find(key, hash: hash) {
            unsafe entry = self.entry(atSlot: slot)
        } else {
            unsafe entry = add(key, hash: hash, initial())
        }
        guard var value = unsafe entry.pointee.value.take() else {
            preconditionFailure("an entry in the index has a value")
        }
        defer { unsafe entry.pointee.value = value }
        return body(&value)
    }

    /// Takes `key` out and returns its value, or nil when it is not in the table.
    @discardableResult
    mutating func remove(_ key: ByteView) -> Value? {
        guard let slot = find(key, hash: hasher.hash(key)), let index = unsafe index else {
            return nil
        }
        let number = unsafe Self.entryNumber(index[slot])
        let entry = unsafe entry(atSlot: slot)
        let value = unsafe entry.pointee.value.take()
        unsafe entry.pointee.key?.deallocate()
        unsafe entry.pointee.key = nil
        unsafe entry.pointee.count = freeEntry
        freeEntry = UInt32(truncatingIfNeeded: number + 1)
        count -= 1
        closeGap(at: slot)
        if count == 0 { removeAll() }
        return value
    }

    /// Takes everything out and returns the memory.
    mutating func removeAll() {
        releaseStorage()
        unsafe index = nil
        unsafe entries = nil
        indexMask = 0
        entryCapacity = 0
        entryCount = 0
        freeEntry = 0
        count = 0
    }

    /// The next key and value at or behind `cursor`, or nil at the end.
    ///
    /// The key is valid until its entry is removed. Entries added between two calls may or may
    /// not be seen.
    func next(_ cursor: inout Cursor) -> (key: ByteView, value: Value)? {
        while cursor.entry < entryCount, let entries = unsafe entries {
            let entry = unsafe entries + cursor.entry
            cursor.entry += 1
            if let value = unsafe entry.pointee.value {
                return unsafe (Self.key(of: entry), value)
            }
        }
        return nil
    }
}

// MARK: - The index

extension ByteKeyTable {
    /// The word of an unused slot; a used one is never 0, as entry numbers are stored plus one.
    private static var vacant: UInt64 { 0 }

    @inline(__always)
    private static func word(hash: UInt64, entry: Int) -> UInt64 {
        (hash & 0xffff_ffff_0000_0000) | UInt64(truncatingIfNeeded: entry &+ 1)
    }

    @inline(__always)
    private static func entryNumber(_ word: UInt64) -> Int { Int(word & 0xffff_ffff) &- 1 }

    /// The slot where the search for an index word starts: the top bits of its hash.
    @inline(__always)
    private func home(_ word: UInt64) -> Int {
        Int(truncatingIfNeeded: word >> 32) & indexMask
    }

    @inline(__always)
    private func entry(atSlot slot: Int) -> UnsafeMutablePointer<Entry> {
        unsafe entries.unsafelyUnwrapped + Self.entryNumber(index.unsafelyUnwrapped[slot])
    }

    @inline(__always)
    private func find(_ key: ByteView, hash: UInt64) -> Int? {
        guard let index = unsafe index, let entries = unsafe entries else { return nil }
        var slot = home(hash)
        while true {
            let word = unsafe index[slot]
            if word == Self.vacant { return nil }
            if (word ^ hash) >> 32 == 0 {
                let entry = unsafe entries + Self.entryNumber(word)
                if unsafe Self.holds(entry, key, hash: hash) { return slot }
            }
            slot = (slot &+ 1) & indexMask
        }
    }

    @inline(__always)
    private static func holds(
        _ entry: UnsafeMutablePointer<Entry>,
        _ key: ByteView,
        hash: UInt64
    ) -> Bool {
        guard unsafe Int(entry.pointee.count) == key.count else { return false }
        guard unsafe entry.pointee.hash == UInt32(truncatingIfNeeded: hash) else { return false }
        return unsafe key == Self.key(of: entry)
    }

    @inline(__always)
    private static func key(of entry: UnsafeMutablePointer<Entry>) -> ByteView {
        guard let key = unsafe entry.pointee.key else { return .empty }
        return unsafe ByteView(base: key, count: Int(entry.pointee.count))
    }

    @discardableResult
    private mutating func add(
        _ key: ByteView,
        hash: UInt64,
        _ value: Value
    ) -> UnsafeMutablePointer<Entry> {
        precondition(key.count <= Int(UInt32.max), "keys are short")
        // Three quarters full at most: linear probing degrades quickly beyond that.
        if unsafe index == nil || (count + 1) * 4 > (indexMask + 1) * 3 { growIndex() }
        let number = reserveEntry()
        let entry = unsafe entries.unsafelyUnwrapped + number
        var copy: UnsafeMutableRawPointer?
        if key.count > 0 {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: key.count, alignment: 1)
            unsafe bytes.copyMemory(from: key.base, byteCount: key.count)
            unsafe copy = unsafe bytes
        }
        unsafe entry.pointee = unsafe Entry(
            key: copy,
            count: UInt32(key.count),
            hash: UInt32(truncatingIfNeeded: hash),
            value: value
        )
        place(Self.word(hash: hash, entry: number))
        count += 1
        return unsafe entry
    }

    /// Writes `word` into the first vacant slot from its home on.
    private func place(_ word: UInt64) {
        guard let index = unsafe index else { preconditionFailure("the index was grown before") }
        var slot = home(word)
        while unsafe index[slot] != Self.vacant { slot = (slot &+ 1) & indexMask }
        unsafe index[slot] = word
    }

    /// Moves the words behind `slot` forward until every one is reachable from its home again.
    private func closeGap(at slot: Int) {
        guard let index = unsafe index else { return }
        var gap = slot
        var probe = (slot &+ 1) & indexMask
        while true {
            let word = unsafe index[probe]
            if word == Self.vacant { break }
            // May move when its home is not inside (gap, probe], counted around the end.
            let distance = (probe &- home(word)) & indexMask
            if distance >= (probe &- gap) & indexMask {
                unsafe index[gap] = word
                gap = probe
            }
            probe = (probe &+ 1) & indexMask
        }
        unsafe index[gap] = Self.vacant
    }

    private mutating func growIndex() {
        let old = unsafe index
        let oldSlots = unsafe old == nil ? 0 : indexMask + 1
        let slots = max(8, oldSlots * 2)
        let block = UnsafeMutablePointer<UInt64>.allocate(capacity: slots)
        unsafe block.initialize(repeating: Self.vacant, count: slots)
        unsafe index = block
        indexMask = slots - 1
        if let old = unsafe old {
            for slot in 0..<oldSlots {
                let word = unsafe old[slot]
                if word != Self.vacant { place(word) }
            }
            unsafe old.deallocate()
        }
    }
}

// MARK: - The entries

extension ByteKeyTable {
    /// The number of an initialised entry that nobody uses.
    private mutating func reserveEntry() -> Int {
        if freeEntry != 0 {
            let number = Int(freeEntry) - 1
            freeEntry = unsafe entries.unsafelyUnwrapped[number].count
            return number
        }
        if entryCount == entryCapacity { growEntries() }
        unsafe (entries.unsafelyUnwrapped + entryCount).initialize(
            to: unsafe Entry(key: nil, count: 0, hash: 0, value: nil)
        )
        entryCount += 1
        return entryCount - 1
    }

    private mutating func growEntries() {
        // By half: at a million entries, doubling would waste up to 24 MB.
        let newCapacity = max(4, entryCapacity + entryCapacity / 2)
        precondition(newCapacity < Int(UInt32.max), "an index word holds 32 bits of entry number")
        let block = UnsafeMutablePointer<Entry>.allocate(capacity: newCapacity)
        if let old = unsafe entries {
            unsafe block.moveInitialize(from: old, count: entryCount)
            unsafe old.deallocate()
        }
        unsafe entries = block
        entryCapacity = newCapacity
    }

    private func releaseStorage() {
        if let entries = unsafe entries {
            for number in 0..<entryCount { unsafe entries[number].key?.deallocate() }
            unsafe entries.deinitialize(count: entryCount)
            unsafe entries.deallocate()
        }
        unsafe index?.deallocate()
    }
}
