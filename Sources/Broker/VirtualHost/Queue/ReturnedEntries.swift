/// Messages that came back to a queue, in the order of their positions.
///
/// They come and leave anywhere, though mostly in order. So they stand in chunks of up to 512, one
/// behind the other: finding one takes two searches by halving, and adding or taking one moves the
/// entries of its chunk at most. At either end that is none.
struct ReturnedEntries: ~Copyable {
    /// In rising order, none of them empty; but the last one left stays for what may come.
    private var chunks = Ring<Handle<ReturnedChunk>>()
    private(set) var count = 0
    /// Those whose messages are in memory.
    private(set) var residentCount = 0

    init() {}

    deinit {
        for index in 0..<chunks.count { chunks[index].destroy() }
    }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// The entry with the lowest position.
    var first: QueueEntry? { chunks.first?.state.entries.first }

    /// Adds an entry; there is none at its position.
    mutating func insert(_ entry: QueueEntry) {
        let chunk = chunk(toTake: entry.position)
        chunk.state.entries.insert(entry, at: chunk.state.lowerBound(of: entry.position))
        count += 1
        note(entry.isPaged ? 0 : 1, in: chunk)
    }

    /// Takes out the entry with the lowest position.
    mutating func popFirst() -> QueueEntry? { isEmpty ? nil : remove(at: 0, of: 0) }

    /// Takes out the entry at a position; `nil` when there is none.
    mutating func remove(_ position: UInt64) -> QueueEntry? {
        find(position).map { remove(at: $0.index, of: $0.number) }
    }

    /// The entry at a position; `nil` when there is none.
    func entry(_ position: UInt64) -> QueueEntry? {
        find(position).map { chunks[$0.number].state.entries[$0.index] }
    }

    /// Lets `body` change the entry at a position, which stays.
    ///
    /// - Returns: Whether there is one.
    mutating func update(at position: UInt64, _ body: (inout QueueEntry) -> Void) -> Bool {
        guard let (number, index) = find(position) else { return false }
        let chunk = chunks[number]
        let wasPaged = chunk.state.entries[index].isPaged
        body(&chunk.state.entries[index])
        let isPaged = chunk.state.entries[index].isPaged
        if isPaged != wasPaged { note(isPaged ? -1 : 1, in: chunk) }
        return true
    }

    /// Calls `body` with the entries at or behind a position, in order, until it returns `false`.
    func forEach(from position: UInt64 = 0, _ body: (QueueEntry) -> Bool) {
        guard !isEmpty else { return }
        let first = number(of: position)
        for number in first..<chunks.count {
            let chunk = chunks[number]
            let start = number == first ? chunk.state.lowerBound(of: position) : 0
            for index in start..<chunk.state.entries.count {
                guard body(chunk.state.entries[index]) else { return }
            }
        }
    }

    /// Lets `body` change the entries whose messages are in memory, the last one first.
    ///
    /// - Parameters:
    ///   - position: Those before it are left alone.
    ///   - body: Returns `false` to end it.
    mutating func updateResidents(
        from position: UInt64,
        _ body: (inout QueueEntry) -> Bool
    ) {
        for number in stride(from: chunks.count - 1, through: 0, by: -1) where residentCount > 0 {
            let chunk = chunks[number]
            guard let last = chunk.state.entries.last, last.position >= position else { return }
            guard chunk.state.residentCount > 0 else { continue }
            for index in stride(from: chunk.state.entries.count - 1, through: 0, by: -1)
            where !chunk.state.entries[index].isPaged {
                guard chunk.state.entries[index].position >= position,
                    body(&chunk.state.entries[index])
                else { return }
                if chunk.state.entries[index].isPaged { note(-1, in: chunk) }
            }
        }
    }

    // MARK: - Chunks

    private mutating func note(_ change: Int, in chunk: Handle<ReturnedChunk>) {
        residentCount += change
        chunk.state.residentCount += change
    }

    private mutating func remove(at index: Int, of number: Int) -> QueueEntry {
        let chunk = chunks[number]
        let entry = chunk.state.entries.remove(at: index)
        count -= 1
        if !entry.isPaged { note(-1, in: chunk) }
        if chunk.state.entries.isEmpty, chunks.count > 1 {
            chunks.remove(at: number)
            chunk.destroy()
        } else {
            chunk.state.shrink()
        }
        return entry
    }

    /// The chunk an entry belongs to, with room for one more.
    private mutating func chunk(toTake position: UInt64) -> Handle<ReturnedChunk> {
        if chunks.isEmpty { chunks.append(Handle(ReturnedChunk())) }
        let number = number(of: position)
        let chunk = chunks[number]
        guard chunk.state.entries.count == ReturnedChunk.countMax,
            let first = chunk.state.entries.first, let last = chunk.state.entries.last
        else { return chunk }
        let fresh = Handle(ReturnedChunk())
        if position < first.position {
            chunks.prepend(fresh)
            return fresh
        }
        chunks.insert(fresh, at: number + 1)
        if position > last.position, number + 2 == chunks.count { return fresh }
        chunk.state.moveHalf(to: fresh)
        return chunk.state.lowerBound(of: position) < chunk.state.entries.count ? chunk : fresh
    }

    private func find(_ position: UInt64) -> (number: Int, index: Int)? {
        guard !isEmpty else { return nil }
        let number = number(of: position)
        let chunk = chunks[number]
        let index = chunk.state.lowerBound(of: position)
        guard index < chunk.state.entries.count,
            chunk.state.entries[index].position == position
        else { return nil }
        return (number, index)
    }

    /// The last chunk that begins at or before a position, or the first one.
    private func number(of position: UInt64) -> Int {
        (0..<max(0, chunks.count - 1)).partitionPoint { before in
            chunks[before + 1].state.entries.first.map { $0.position <= position } ?? false
        }
    }
}

/// Neighbours among the entries that came back.
private struct ReturnedChunk: ~Copyable {
    var entries = Ring<QueueEntry>()
    /// Those whose messages are in memory.
    var residentCount = 0

    static let countMax = 512
    /// Smaller ones keep their memory.
    private static let capacityKept = 64

    /// The first entry at or behind a position.
    func lowerBound(of position: UInt64) -> Int {
        (0..<entries.count).partitionPoint { entries[$0].position < position }
    }

    /// Moves the entries from the middle on to an empty chunk.
    mutating func moveHalf(to other: Handle<ReturnedChunk>) {
        while entries.count > Self.countMax / 2, let entry = entries.popLast() {
            other.state.entries.prepend(entry)
            guard !entry.isPaged else { continue }
            residentCount -= 1
            other.state.residentCount += 1
        }
    }

    /// Gives memory back that is not needed, if it is much.
    mutating func shrink() {
        if entries.capacity > Self.capacityKept, entries.count < entries.capacity / 4 {
            entries.compact()
        }
    }
}
