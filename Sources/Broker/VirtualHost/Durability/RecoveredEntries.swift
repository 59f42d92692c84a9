/// The messages of one queue while its journal is read: those not settled so far.
///
/// Messages come in rising order of their positions and are settled mostly from the lowest on, in
/// runs. So they stand in chunks, and a chunk of which nothing is left goes at once: reading a
/// long journal of a short queue holds no more than the queue. Copies that compaction has made
/// come out of order; they stand in further rows of chunks, each rising by itself.
struct RecoveredEntries {
    /// A message in a queue, by its place in the journal: 32 octets.
    struct Entry: Equatable, BitwiseCopyable {
        let position: UInt64
        let lsn: UInt64
        /// Octets of the message's body.
        let bodySize: UInt32
        var deliveryCount: UInt32
        /// When it ends in milliseconds (48 bits), its priority (8), whether it is settled (1).
        private var marks: UInt64

        private static let priorityShift: UInt64 = 48
        private static let settledBit: UInt64 = 1 << 56
        private static let endMask: UInt64 = 1 << priorityShift - 1

        init(
            position: UInt64,
            lsn: UInt64,
            bodySize: UInt32,
            deliveryCount: UInt32,
            terms: MessageRecord.Terms = .none
        ) {
            self.position = position
            self.lsn = lsn
            self.bodySize = bodySize
            self.deliveryCount = deliveryCount
            let end = min(UInt64(max(0, terms.end?.milliseconds ?? 0)), Self.endMask)
            marks = end | UInt64(terms.priority) << Self.priorityShift
        }

        fileprivate(set) var isSettled: Bool {
            get { marks & Self.settledBit != 0 }
            set { marks = newValue ? marks | Self.settledBit : marks & ~Self.settledBit }
        }

        var terms: MessageRecord.Terms {
            let end = marks & Self.endMask
            return .init(
                priority: UInt8(truncatingIfNeeded: marks >> Self.priorityShift),
                end: end == 0 ? nil : WallTime(milliseconds: Int64(end))
            )
        }
    }

    private var rows: [Row] = []
    /// Beyond this many rows they are made into one.
    private static let rowCountMax = 16

    /// Messages that are left.
    var count: Int { rows.reduce(0) { $0 + $1.liveCount } }

    /// Adds a message, or takes it for the newer copy of the one at its position.
    mutating func add(_ entry: Entry) {
        if let first = rows.first, entry.position > first.lastPosition {
            rows[0].append(entry)
        } else {
            addOutOfOrder(entry)
        }
    }

    private mutating func addOutOfOrder(_ entry: Entry) {
        settle(from: entry.position, through: entry.position)
        if let row = rows.firstIndex(where: { $0.lastPosition < entry.position }) {
            return rows[row].append(entry)
        }
        if rows.count == Self.rowCountMax {
            var merged = Row()
            for live in take() { merged.append(live) }
            rows = [merged]
        }
        var row = Row()
        row.append(entry)
        rows.append(row)
    }

    /// These positions are done with.
    mutating func settle(from first: UInt64, through last: UInt64) {
        for index in rows.indices { rows[index].settle(from: first, through: last) }
    }

    mutating func setDeliveryCount(_ count: UInt32, at position: UInt64) {
        for index in rows.indices { rows[index].setDeliveryCount(count, at: position) }
    }

    /// Hands the messages out in the order of their positions, and forgets them on the way.
    mutating func take() -> Taking {
        let taking = Taking(rows: rows.map { Taking.Place(chunks: $0.chunks) })
        rows = []
        return taking
    }

    /// The messages that are left, lowest position first.
    struct Taking: Sequence, IteratorProtocol {
        /// How far one row has come.
        fileprivate struct Place {
            /// The chunks not yet handed out, the next one last.
            private var chunks: [Chunk]
            private var offset = 0
            private(set) var next: Entry?

            init(chunks: [Chunk]) {
                self.chunks = chunks.reversed()
                advance()
            }

            mutating func advance() {
                while let chunk = chunks.last {
                    while offset < chunk.entries.count {
                        let entry = chunk.entries[offset]
                        offset += 1
                        guard entry.isSettled else {
                            next = entry
                            return
                        }
                    }
                    chunks.removeLast()
                    offset = 0
                }
                next = nil
            }
        }

        fileprivate var rows: [Place]

        mutating func next() -> Entry? {
            if rows.count == 1 { return takeNext(of: 0) }
            var lowest: Int?
            for index in rows.indices {
                guard let entry = rows[index].next else { continue }
                guard let found = lowest, let other = rows[found].next,
                    other.position < entry.position
                else {
                    lowest = index
                    continue
                }
            }
            return lowest.flatMap { takeNext(of: $0) }
        }

        private mutating func takeNext(of index: Int) -> Entry? {
            guard let entry = rows[index].next else { return nil }
            rows[index].advance()
            return entry
        }
    }
}

/// Messages in rising order of their positions.
private struct Row {
    var chunks: [Chunk] = []
    /// The highest position there has been.
    private(set) var lastPosition: UInt64 = 0

    var liveCount: Int { chunks.reduce(0) { $0 + $1.liveCount } }

    mutating func append(_ entry: RecoveredEntries.Entry) {
        if let chunk = chunks.last, chunk.entries.count < Chunk.countMax {
            chunk.append(entry)
        } else {
            let chunk = Chunk()
            // The first grows as it must: most queues are short.
            if !chunks.isEmpty { chunk.entries.reserveCapacity(Chunk.countMax) }
            chunk.append(entry)
            chunks.append(chunk)
        }
        lastPosition = entry.position
    }

    mutating func settle(from first: UInt64, through last: UInt64) {
        let start = chunk(with: first)
        var end = start
        while end < chunks.count, chunks[end].firstPosition <= last {
            chunks[end].settle(from: first, through: last)
            end += 1
        }
        // Those in between are settled whole; what is left of the others is looked at.
        if end > start, chunks[end - 1].liveCount > 0 { end -= 1 }
        var emptied = start
        if emptied < end, chunks[emptied].liveCount > 0 { emptied += 1 }
        if emptied < end { chunks.removeSubrange(emptied..<end) }
    }

    func setDeliveryCount(_ count: UInt32, at position: UInt64) {
        let index = chunk(with: position)
        guard index < chunks.count else { return }
        chunks[index].setDeliveryCount(count, at: position)
    }

    /// The first chunk that reaches as far as a position.
    private func chunk(with position: UInt64) -> Int {
        if let first = chunks.first, position <= first.lastPosition { return 0 }
        return (0..<chunks.count).partitionPoint { chunks[$0].lastPosition < position }
    }
}

/// Some messages that follow each other in a row; at least one of them is not settled.
private final class Chunk {
    static let countMax = 4096

    var entries: [RecoveredEntries.Entry] = []
    private(set) var liveCount = 0
    private(set) var firstPosition: UInt64 = 0
    private(set) var lastPosition: UInt64 = 0

    func append(_ entry: RecoveredEntries.Entry) {
        if entries.isEmpty { firstPosition = entry.position }
        lastPosition = entry.position
        entries.append(entry)
        liveCount += 1
    }

    func settle(from first: UInt64, through last: UInt64) {
        if first <= firstPosition, lastPosition <= last {
            liveCount = 0
            return
        }
        var index = lowerBound(of: first)
        while index < entries.count, entries[index].position <= last {
            if !entries[index].isSettled {
                entries[index].isSettled = true
                liveCount -= 1
            }
            index += 1
        }
    }

    func setDeliveryCount(_ count: UInt32, at position: UInt64) {
        let index = lowerBound(of: position)
        guard index < entries.count, entries[index].position == position else { return }
        entries[index].deliveryCount = count
    }

    /// The first entry at or behind a position.
    private func lowerBound(of position: UInt64) -> Int {
        // Positions mostly follow each other without gaps.
        if position >= firstPosition {
            let guess = Int(clamping: position - firstPosition)
            if guess < entries.count, entries[guess].position == position { return guess }
        }
        return (0..<entries.count).partitionPoint { entries[$0].position < position }
    }
}
