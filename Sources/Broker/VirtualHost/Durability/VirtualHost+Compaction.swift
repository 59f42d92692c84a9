import Wire

/// Copies of messages that compaction has made and that are not durable yet.
struct CompactionState: ~Copyable {
    /// A place whose message was copied.
    struct Move: BitwiseCopyable {
        let place: MessageRecord.Place
        let from: UInt64
        let to: UInt64
        /// Its share of the record, in octets.
        let size: Int
    }

    /// Oldest first.
    fileprivate var moves = Ring<Move>()
    /// Octets of the copies that are not durable yet.
    fileprivate(set) var pendingSize = 0
    /// Octets of all copies so far.
    fileprivate(set) var copiedSize: UInt64 = 0
    /// The oldest live message could not be moved; nothing is tried before that changes.
    var stuckAt: UInt64?

    /// The journal may hold this many segments besides twice what is live.
    static let spareSegmentCount: UInt64 = 4
}

/// A record that may hold live messages, while it is looked at.
struct CompactionRecord {
    let lsn: UInt64
    /// Whole; valid during the call it is passed to.
    let payload: ByteView
}

/// Copying live messages forward, so that few of them cannot keep a journal of dead ones.
///
/// Old segments are taken in order: what a segment says of messages in older ones (settled,
/// returned) is needed as long as those are there. A copy is a record of its own and complete,
/// with the places that are live when it is made; what happens to them later stands behind it.
/// Entries go on pointing to the old record until the copy is durable.
extension Handle where State == VirtualHostState {
    /// Which stretch of the journal to copy the live messages of, if it holds too much else.
    ///
    /// - Parameter bases: Where the segments begin, oldest first.
    /// - Returns: A stretch that ends behind the segment with the oldest live message; `nil` when
    ///   there is not enough to gain.
    func compactionGoal(segments bases: [UInt64]) -> Range<UInt64>? {
        guard let first = bases.first, let oldest = state.journal.ledger.oldestLive,
            oldest != state.journal.compaction.stuckAt, oldest <= state.journal.describedLSN,
            let end = bases.first(where: { $0 > max(oldest, first) })
        else { return nil }
        let spare =
            CompactionState.spareSegmentCount * UInt64(state.limits.journalSegmentSize)
        guard state.journal.durableLSN - first > 2 * state.journal.ledger.liveSize + spare else {
            return nil
        }
        let cutoff = state.journal.ledger.boundary(atOrBehind: end)
        guard cutoff < state.journal.durableLSN else { return nil }
        return max(oldest, first)..<cutoff
    }

    /// Whether the messages of a stretch have been moved; if not, it is left alone from now on
    /// until something changes.
    func finishCompaction(of stretch: Range<UInt64>) {
        let oldest = state.journal.ledger.oldestLive
        let isMoved = oldest.map { $0 >= stretch.upperBound } ?? true
        state.journal.compaction.stuckAt = isMoved ? nil : oldest
    }

    /// Copies those records of which something is live.
    func copyForward(_ records: [CompactionRecord]) {
        var places: [MessageRecord.Place] = []
        var owners: [Int] = []
        for (number, record) in records.enumerated() {
            MessageRecord.forEachPlace(in: record.payload) { place, _ in
                places.append(place)
                owners.append(number)
            }
        }
        var counts = [UInt32?](repeating: nil, count: places.count)
        findEntries(at: places) { index, entry in
            guard entry.journalLSN == records[owners[index]].lsn else { return }
            counts[index] = entry.deliveryCount
        }
        var next = 0
        for (number, record) in records.enumerated() {
            let first = next
            while next < places.count, owners[next] == number { next += 1 }
            if counts[first..<next].contains(where: { $0 != nil }) {
                copyForward(record, counts[first..<next])
            }
        }
    }

    /// Looks for the message of one record.
    ///
    /// - Parameters:
    ///   - prefix: Of the record, at least.
    ///   - lsn: Of the record.
    /// - Returns: Whether it is live in one of its places.
    func isNeeded(_ prefix: ByteView, lsn: UInt64) -> Bool {
        var isNeeded = false
        findEntries(at: places(in: prefix)) { _, entry in
            isNeeded = isNeeded || entry.journalLSN == lsn
        }
        return isNeeded
    }

    /// Copies a record with the places that have a delivery count.
    private func copyForward(_ record: CompactionRecord, _ counts: ArraySlice<UInt32?>) {
        guard let sizes = MessageRecord.Sizes(record.payload), sizes.total == record.payload.count
        else { return }
        let form = sizes.form.copy
        let lsn = state.journal.buffer.nextLSN
        var octets = ByteWriter(capacity: sizes.prefix)
        var places: [MessageRecord.Place] = []
        var index = counts.startIndex
        MessageRecord.forEachPlace(in: record.payload) { place, old in
            defer { index += 1 }
            guard let count = counts[index] else { return }
            places.append(place)
            octets.writeView(old.slice(from: 0, count: MessageRecord.placeSize))
            octets.writeLittle(count)
            let known = MessageRecord.movedPlaceSize
            if old.count > known {
                octets.writeView(old.slice(from: known, count: old.count - known))
            }
        }
        let prefixSize = MessageRecord.fixedSize + places.count * form.placeSize
        let size = prefixSize + sizes.route + sizes.properties + sizes.body
        let payload = unsafe state.journal.buffer.addFrame(payloadSize: size)
        unsafe MessageRecord.writeSizes(
            form,
            placeCount: places.count,
            routeSize: sizes.route,
            propertiesSize: sizes.properties,
            bodySize: sizes.body,
            to: payload
        )
        ByteView.with(octets.bytes) { view in
            unsafe (payload + MessageRecord.fixedSize).copyMemory(
                from: view.base,
                byteCount: view.count
            )
        }
        let content = record.payload.slice(from: sizes.prefix, count: size - prefixSize)
        unsafe (payload + prefixSize).copyMemory(from: content.base, byteCount: content.count)
        state.journal.compaction.pendingSize += size
        state.journal.compaction.copiedSize += UInt64(size)
        for place in places {
            state.journal.compaction.moves.append(
                .init(place: place, from: record.lsn, to: lsn, size: size / places.count)
            )
            state.journal.queues[place.queue]?.repeatDeath(at: place.position)
        }
    }

    /// Lets entries point to copies that have become durable; the old records are dead then.
    func finishMoves() {
        guard !state.journal.compaction.moves.isEmpty else { return }
        var done: [CompactionState.Move] = []
        while let move = state.journal.compaction.moves.first, move.to < state.journal.durableLSN {
            done.append(move)
            _ = state.journal.compaction.moves.popFirst()
        }
        if state.journal.compaction.moves.isEmpty { state.journal.compaction.pendingSize = 0 }
        findEntries(at: done.map(\.place)) { index, entry in
            let move = done[index]
            guard entry.follow(from: move.from, to: move.to) else { return }
            state.journal.ledger.add(move.to, count: 1, size: move.size)
            state.journal.ledger.remove(move.from)
        }
    }

    /// Calls `body` with every entry that stands at one of the places, wherever it is.
    ///
    /// It may wait, have come back, wait to be buried, or be handed out and not settled. What dies
    /// in a batch is buried when the batch ends, so it is not looked for.
    func findEntries(
        at places: [MessageRecord.Place],
        _ body: (_ index: Int, _ entry: inout QueueEntry) -> Void
    ) {
        var search = PlaceSearch()
        for (index, place) in places.enumerated() {
            guard let queue = state.journal.queues[place.queue] else { continue }
            if let delayed = queue.state.delayed {
                _ = delayed.state.entries.update(at: place.position) { body(index, &$0) }
                continue
            }
            if queue.state.ready.update(at: place.position, { body(index, &$0) }) { continue }
            if let kept = queue.state.kept,
                kept.state.update(at: place.position, { body(index, &$0) })
            {
                continue
            }
            if queue.state.unackedCount > 0 || !queue.state.dying.isEmpty {
                search.add(index, place)
            }
        }
        guard !search.isEmpty else { return }
        for id in search.queues {
            guard let queue = state.journal.queues[id] else { continue }
            queue.updateDying { entry in
                for index in search.find(id, entry.position) { body(index, &entry) }
            }
        }
        forEachConnection { connection in
            connection.state.channels.forEach { channel in
                channel.state.unacked.updateUnsettled { delivery in
                    let id = delivery.queue.state.journalID
                    guard id != 0 else { return }
                    for index in search.find(id, delivery.entry.position) {
                        body(index, &delivery.entry)
                    }
                }
            }
        }
    }
}

/// Places that are not simply in the order of their queue.
private struct PlaceSearch {
    private struct Key: Hashable {
        let queue: UInt32
        let position: UInt64
    }

    private var indexes: [Key: [Int]] = [:]
    private(set) var queues: Set<UInt32> = []

    var isEmpty: Bool { indexes.isEmpty }

    mutating func add(_ index: Int, _ place: MessageRecord.Place) {
        indexes[Key(queue: place.queue, position: place.position), default: []].append(index)
        queues.insert(place.queue)
    }

    func find(_ queue: UInt32, _ position: UInt64) -> [Int] {
        indexes[Key(queue: queue, position: position)] ?? []
    }
}
