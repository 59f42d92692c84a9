/// Entries in rising order of their positions, which leave in any order.
///
/// They stand in chunks, each for 4,096 positions that follow each other. A chunk that has lost
/// half of its entries is written anew without them, and an empty one is freed, so that few
/// messages with a long delay do not keep the memory of many with a short one.
@safe
struct DelayedEntries: ~Copyable {
    /// Positions of a chunk.
    private static var positionCount: UInt64 { 4096 }

    /// By their numbers, which are positions divided by `positionCount`; the first is not empty.
    private var chunks = Ring<EntryChunk>()
    private var firstNumber: UInt64 = 0
    private(set) var count = 0

    init() {}

    deinit {
        for index in 0..<chunks.count { chunks[index].deallocate() }
    }

    /// Adds an entry whose position is higher than that of any before.
    mutating func append(_ entry: QueueEntry) {
        let number = entry.position / Self.positionCount
        if chunks.isEmpty { firstNumber = number }
        precondition(number >= firstNumber, "a position below others")
        while UInt64(chunks.count) <= number - firstNumber {
            if !chunks.isEmpty { chunks[chunks.count - 1].trim() }
            chunks.append(EntryChunk())
        }
        chunks[chunks.count - 1].append(entry)
        count += 1
    }

    /// Takes an entry out.
    ///
    /// - Returns: `nil` when there is none at the position.
    mutating func remove(_ position: UInt64) -> QueueEntry? {
        guard let chunk = chunk(of: position), let index = chunks[chunk].index(of: position) else {
            return nil
        }
        let entry = chunks[chunk].entry(index)
        chunks[chunk].remove(index, mayTrim: chunk < chunks.count - 1)
        count -= 1
        while let first = chunks.first, first.liveCount == 0 {
            first.deallocate()
            _ = chunks.popFirst()
            firstNumber += 1
        }
        return entry
    }

    /// The entry at a position; `nil` when there is none.
    func entry(_ position: UInt64) -> QueueEntry? {
        guard let chunk = chunk(of: position), let index = chunks[chunk].index(of: position) else {
            return nil
        }
        return chunks[chunk].entry(index)
    }

    /// Lets `body` change the entry at a position, which stays.
    ///
    /// - Returns: Whether there is one.
    mutating func update(at position: UInt64, _ body: (inout QueueEntry) -> Void) -> Bool {
        guard let chunk = chunk(of: position), let index = chunks[chunk].index(of: position) else {
            return false
        }
        chunks[chunk].update(index, body)
        return true
    }

    /// The first entry at or behind a position; `nil` when there is none.
    func first(from position: UInt64) -> QueueEntry? {
        guard !chunks.isEmpty else { return nil }
        let start = max(position, firstNumber * Self.positionCount)
        var chunk = start / Self.positionCount - firstNumber
        while chunk < UInt64(chunks.count) {
            if let entry = chunks[Int(chunk)].first(from: start) { return entry }
            chunk += 1
        }
        return nil
    }

    private func chunk(of position: UInt64) -> Int? {
        let number = position / Self.positionCount
        guard number >= firstNumber, number - firstNumber < UInt64(chunks.count) else {
            return nil
        }
        return Int(number - firstNumber)
    }
}

/// Entries of neighbouring positions; those that have left are gone, or marked as gone.
@safe
private struct EntryChunk: BitwiseCopyable {
    private var entries: UnsafeMutablePointer<QueueEntry>?
    private var capacity = 0
    private var count = 0
    private(set) var liveCount = 0

    private static let capacityMin = 64

    init() { unsafe entries = nil }

    func deallocate() { unsafe entries?.deallocate() }

    mutating func append(_ entry: QueueEntry) {
        if count == capacity { move(toRoomFor: max(Self.capacityMin, 2 * capacity)) }
        guard let entries = unsafe entries else { preconditionFailure("a chunk without memory") }
        unsafe (entries + count).initialize(to: entry)
        count += 1
        liveCount += 1
    }

    mutating func remove(_ index: Int, mayTrim: Bool) {
        unsafe slot(index).pointee.place = .gone
        liveCount -= 1
        if liveCount == 0 {
            deallocate()
            unsafe entries = nil
            capacity = 0
            count = 0
        } else if mayTrim {
            trim()
        }
    }

    /// Gives memory back that is not needed, if it is much.
    mutating func trim() {
        if liveCount > 0, capacity > 2 * liveCount { move(toRoomFor: liveCount) }
    }

    /// Moves what is left into memory of its own.
    private mutating func move(toRoomFor room: Int) {
        let fresh = UnsafeMutablePointer<QueueEntry>.allocate(capacity: room)
        var moved = 0
        for index in 0..<count where entry(index).place != .gone {
            unsafe (fresh + moved).initialize(to: entry(index))
            moved += 1
        }
        deallocate()
        unsafe entries = fresh
        capacity = room
        count = moved
    }

    func entry(_ index: Int) -> QueueEntry { unsafe slot(index).pointee }

    func update(_ index: Int, _ body: (inout QueueEntry) -> Void) {
        unsafe body(&slot(index).pointee)
    }

    func index(of position: UInt64) -> Int? {
        let index = lowerBound(of: position)
        guard index < count else { return nil }
        let found = entry(index)
        return found.position == position && found.place != .gone ? index : nil
    }

    func first(from position: UInt64) -> QueueEntry? {
        for index in lowerBound(of: position)..<count where entry(index).place != .gone {
            return entry(index)
        }
        return nil
    }

    /// The first entry at or behind a position.
    private func lowerBound(of position: UInt64) -> Int {
        guard count > 0 else { return 0 }
        // Positions mostly follow each other without gaps.
        let first = entry(0).position
        if position >= first {
            let guess = Int(clamping: position - first)
            if guess < count, entry(guess).position == position { return guess }
        }
        return (0..<count).partitionPoint { entry($0).position < position }
    }

    private func slot(_ index: Int) -> UnsafeMutablePointer<QueueEntry> {
        precondition(index >= 0 && index < count, "no such entry in the chunk")
        guard let entries = unsafe entries else { preconditionFailure("a chunk without memory") }
        return unsafe entries + index
    }
}
