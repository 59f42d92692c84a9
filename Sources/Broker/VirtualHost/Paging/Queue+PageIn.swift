import Wire

/// Bringing messages back into memory ahead of those who take them.
extension Handle where State == QueueState {
    /// Asks for the next messages when few are left in memory; called when some were taken.
    @inline(never)
    func readAhead() {
        guard !state.isReading, state.ready.hasPaged else { return }
        var next: UInt8? = state.ready.highestPriority
        var ahead: UInt64 = 0
        while let priority = next {
            next = state.ready.priority(below: priority)
            if state.ready[priority].isReturnedFirst {
                ahead += UInt64(state.ready[priority].returnedAheadCount)
                if state.ready[priority].hasPagedReturned {
                    let isWaiting = state.ready[priority].first?.isPaged ?? false
                    if isWaiting || !isEnough(ahead) { readReturned(priority) }
                    return
                }
            }
            guard state.ready[priority].hasPagedStretch else {
                ahead += UInt64(state.ready[priority].numbers.count)
                continue
            }
            let first = state.ready[priority].numbers.lowerBound
            var start = state.ready[priority].pagedStretch.lowerBound
            if let entry = state.ready[priority].firstOfList, entry.isPaged {
                start = first
            } else {
                ahead += start - first
            }
            if start != first, isEnough(ahead) { return }
            readAhead(priority, from: start)
            return
        }
    }

    /// Whether so many messages are next and in memory that more would be too many.
    private func isEnough(_ ahead: UInt64) -> Bool { ahead > UInt64(state.readAheadCount / 2) }

    /// Asks for messages of one priority.
    private func readAhead(_ priority: UInt8, from first: UInt64) {
        let virtualHost = state.virtualHost
        noteReader()
        var start = first
        let end = state.ready[priority].pagedStretch.upperBound
        let window = virtualHost.readAheadBytes
        var items: [PageRequest.Item] = []
        var bytes = 0
        var count = 0
        while start < end, bytes < window {
            let entry = state.ready[priority].entry(start)
            bytes += Int(entry.bodySize) + PagingState.messageOverhead
            if entry.isPaged, entry.place != .lost, entry.place != .gone {
                items.append(.init(entry))
            }
            start += 1
            count += 1
        }
        let from = max(start, state.ready[priority].pagedStretch.lowerBound)
        state.ready[priority].pagedStretch = from..<max(from, end)
        ask(for: items, of: count)
    }

    /// Asks for messages of one priority that have come back.
    private func readReturned(_ priority: UInt8) {
        noteReader()
        let window = state.virtualHost.readAheadBytes
        let (items, count) = state.ready[priority].askForReturned(window)
        ask(for: items, of: count)
    }

    private func ask(for items: [PageRequest.Item], of count: Int) {
        state.readAheadCount = count
        guard !items.isEmpty else { return }
        state.isReading = true
        state.virtualHost.state.paging.requests.append(PageRequest(queue: self, items: items))
    }

    func noteReader() {
        guard !state.isReader else { return }
        state.isReader = true
        state.virtualHost.state.paging.readerCount += 1
    }

    /// No more reading ahead: nothing is paged any more, or the queue has gone.
    func forgetReader() {
        guard state.isReader else { return }
        state.isReader = false
        state.virtualHost.state.paging.readerCount -= 1
    }

    /// Puts a message that was read into its entry, unless the entry has left or changed.
    ///
    /// - Parameters:
    ///   - item: What was asked for.
    ///   - payload: Its record's payload; `nil` when it cannot be read.
    ///   - hint: The number to try; moves on.
    /// - Returns: `false` when a message that was needed could not be read: it is lost.
    func pageIn(_ item: PageRequest.Item, payload: ByteView?, hint: inout UInt64) -> Bool {
        guard state.delayed == nil else { return pageInDelayed(item, payload: payload) }
        guard !state.isDeleted else { return true }
        var isThere = true
        var hasMoved = false
        _ = state.ready[item.priority].update(at: item.position, hint: &hint) { entry in
            if entry.place == item.place {
                isThere = bringIn(&entry, payload: payload)
            } else {
                hasMoved = entry.isPaged
            }
        }
        // Copied elsewhere while it was being read: it must be asked for again.
        if hasMoved { state.ready[item.priority].askAgain(for: item.position) }
        return isThere
    }

    /// Brings the message of an entry back into memory.
    ///
    /// - Parameters:
    ///   - entry: Of a message on disk.
    ///   - payload: Its record's payload; `nil` when it cannot be read.
    /// - Returns: `false` when it could not be: the message is lost.
    func bringIn(_ entry: inout QueueEntry, payload: ByteView?) -> Bool {
        let virtualHost = state.virtualHost
        let place = entry.place
        state.pagedCount -= 1
        state.pagedBytes -= Int(entry.bodySize)
        if place.isSpilled { virtualHost.state.paging.spillLedger.remove(place.lsn) }
        guard let payload, let message = virtualHost.message(from: payload, at: place) else {
            entry.place = .lost
            return false
        }
        message.retain()
        entry.place = MessagePlace(message)
        return true
    }

    /// Lets go of the message of an entry, which is on disk.
    func moveOut(_ entry: inout QueueEntry, to place: MessagePlace) {
        state.virtualHost.release(entry.message)
        entry.place = place
        state.pagedCount += 1
        state.pagedBytes += Int(entry.bodySize)
    }

    /// Messages have been read: consumers and who waits by basic.get go on.
    ///
    /// - Parameter isLast: Whether all that was asked for has been.
    func goOn(isLast: Bool) {
        if isLast {
            state.isReading = false
            state.groups?.endReading()
        }
        guard !state.isDeleted else {
            destroyIfUnused()
            return
        }
        if state.delayed != nil { endDelay() }
        if state.turnFirst != nil { state.virtualHost.schedule(self) }
        let waiting = state.waitingGets
        state.waitingGets = []
        for channel in waiting {
            channel.resumeGet()
            state.virtualHost.noteStep(.fetched)
        }
    }

    /// Drops a message at the front that cannot be read; its record stays where it is.
    func dropLost() {
        guard let entry = takeFirst() else { return }
        precondition(entry.place == .lost, "dropping a message that can be had")
        discard(entry)
    }

    /// Settles a delivery whose message was lost after it had been handed out.
    @inline(never)
    func forgetLost(_ entry: QueueEntry) {
        if state.isKeyed { forgetKeys(of: entry) }
    }

    /// Lets go of a paged message for good.
    @inline(never)
    func discardPaged(_ entry: QueueEntry) {
        guard entry.place != .streamed else { return }
        let virtualHost = state.virtualHost
        guard entry.place != .lost else {
            state.counters.lost += 1
            return
        }
        state.pagedCount -= 1
        state.pagedBytes -= Int(entry.bodySize)
        if entry.place.isSpilled {
            virtualHost.state.paging.spillLedger.remove(entry.place.lsn)
            return
        }
        if !state.isDeleted {
            virtualHost.journalSettled(queue: state.journalID, position: entry.position)
        }
        virtualHost.state.journal.ledger.settle(entry.place.lsn)
    }
}

extension Handle where State == VirtualHostState {
    /// Octets of messages to read ahead for one queue.
    var readAheadBytes: Int {
        let share = state.paging.budget / 4 / max(1, state.paging.readerCount)
        return min(PagingState.windowMax, max(state.paging.windowMin, share))
    }

    /// Builds a message from what was read.
    func message(from payload: ByteView, at place: MessagePlace) -> Message? {
        place.isSpilled
            ? Message.respilled(payload, pool: &state.pool)
            : message(fromRecord: payload, lsn: place.lsn)
    }

    /// Builds a message from its journal record; `nil` when the sizes in it do not add up.
    private func message(fromRecord payload: ByteView, lsn: UInt64) -> Message? {
        guard let parts = MessageRecord.Parts(payload) else { return nil }
        var builder = MessageBuilder(
            route: parts.route,
            properties: parts.properties,
            bodySize: parts.body.count,
            pool: &state.pool
        )
        builder.append(parts.body, pool: &state.pool)
        let message = builder.finish(hiding: parts.hiddenKeys, pool: &state.pool)
        message.header.traits.insert(.persistent)
        message.header.lsn = lsn
        return message
    }
}
