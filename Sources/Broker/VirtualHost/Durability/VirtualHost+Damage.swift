import Wire

/// What becomes of messages whose records in the journal do not check out any more.
extension Handle where State == VirtualHostState {
    /// Writes a record anew from the message in memory, as compaction copies it.
    ///
    /// - Parameters:
    ///   - prefix: Of the record, as the index of its segment kept it.
    ///   - lsn: Of the record.
    /// - Returns: `false` when no place has the message in memory.
    func rewrite(_ prefix: ByteView, lsn: UInt64) -> Bool {
        var message: Message?
        findEntries(at: places(in: prefix)) { _, entry in
            if !entry.isPaged, entry.journalLSN == lsn { message = entry.message }
        }
        guard let message, let sizes = MessageRecord.Sizes(prefix) else { return false }
        let record =
            prefix.slice(from: 0, count: sizes.prefix).bytes + message.route.bytes
            + message.properties.bytes + message.body.bytes
        ByteView.with(record) { copyForward([CompactionRecord(lsn: lsn, payload: $0)]) }
        return true
    }

    /// Gives up a message that is on disk only, in all its places; whoever waits for it goes on.
    ///
    /// - Parameters:
    ///   - prefix: Of its record.
    ///   - lsn: Of its record.
    /// - Returns: The names of the queues that have lost it.
    func lose(_ prefix: ByteView, lsn: UInt64) -> [[UInt8]] {
        let places = places(in: prefix)
        var lost: [MessageRecord.Place] = []
        findEntries(at: places) { index, entry in
            guard entry.journalLSN == lsn, let queue = state.journal.queues[places[index].queue]
            else { return }
            entry.place = .lost
            queue.state.pagedCount -= 1
            queue.state.pagedBytes -= Int(entry.bodySize)
            lost.append(places[index])
        }
        return lost.compactMap { place in
            settleLost(queue: place.queue, position: place.position, lsn: lsn)
            guard let queue = state.journal.queues[place.queue] else { return nil }
            if queue.state.turnFirst != nil { schedule(queue) }
            return queue.state.name
        }
    }

    /// Lets the journal forget a place whose message is lost for good.
    ///
    /// - Parameters:
    ///   - id: The queue's number in the journal; it may have gone.
    ///   - position: In that queue.
    ///   - lsn: Of the record, which has counted this place until now.
    func settleLost(queue id: UInt32, position: UInt64, lsn: UInt64) {
        if let queue = state.journal.queues[id], !queue.state.isDeleted {
            journalSettled(queue: id, position: position)
        }
        state.journal.ledger.settle(lsn)
    }

    /// Where a record says that its message is.
    func places(in prefix: ByteView) -> [MessageRecord.Place] {
        var places: [MessageRecord.Place] = []
        MessageRecord.forEachPlace(in: prefix) { place, _ in places.append(place) }
        return places
    }
}
