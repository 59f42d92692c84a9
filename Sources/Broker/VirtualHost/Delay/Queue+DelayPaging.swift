import Wire

/// Delayed messages leave memory long before their time, and come back shortly before it.
extension Handle where State == QueueState {
    /// Whether there is room for messages that are read before their time.
    func mayReadAhead(_ delayed: Handle<DelayedMessages>) -> Bool {
        state.pagedCount > 0 && !state.isReading
            && delayed.state.nearBytes < state.virtualHost.readAheadBytes / 2
    }

    /// Asks for messages that are due, or will be soon, and are on disk only.
    func readAhead(_ delayed: Handle<DelayedMessages>) {
        guard state.pagedCount > 0, !state.isReading else { return }
        let virtualHost = state.virtualHost
        let soon = present + DelayedMessages.readAheadTime
        let window = mayReadAhead(delayed) ? virtualHost.readAheadBytes : 0
        var items: [PageRequest.Item] = []
        // The first one holds all others up, so it is read whether there is room or not.
        if let first = delayed.state.first, first.due <= soon,
            let item = pageItem(first.position, delayed)
        {
            items.append(item)
        }
        while delayed.state.nearBytes < window, let next = delayed.state.far.first,
            next.due <= soon
        {
            _ = delayed.state.far.popFirst()
            delayed.state.near.insert(next)
            guard let entry = delayed.state.entries.entry(next.position) else { continue }
            delayed.state.nearBytes += DelayedMessages.size(of: entry)
            if let item = pageItem(next.position, delayed) { items.append(item) }
        }
        guard !items.isEmpty else { return }
        state.isReading = true
        items.sort { $0.place.lsn < $1.place.lsn }
        virtualHost.state.paging.requests.append(PageRequest(queue: self, items: items))
    }

    /// What to ask for to have a message in memory; `nil` when it is, or cannot be.
    private func pageItem(
        _ position: UInt64,
        _ delayed: Handle<DelayedMessages>
    ) -> PageRequest.Item? {
        guard let entry = delayed.state.entries.entry(position), entry.isPaged,
            entry.place != .lost
        else { return nil }
        return .init(
            position: position,
            priority: 0,
            place: entry.place,
            bodySize: entry.bodySize
        )
    }

    /// Puts a message that was read into its entry, unless that has left or changed.
    ///
    /// - Returns: `false` when the message cannot be read: it is lost.
    func pageInDelayed(_ item: PageRequest.Item, payload: ByteView?) -> Bool {
        guard let delayed = state.delayed, !state.isDeleted,
            delayed.state.entries.entry(item.position)?.place == item.place
        else { return true }
        var isThere = false
        _ = delayed.state.entries.update(at: item.position) { entry in
            isThere = bringIn(&entry, payload: payload)
            guard isThere else { return }
            if !item.place.isSpilled { state.virtualHost.learn(entry.message) }
            delayed.state.residentBytes += DelayedMessages.size(of: entry)
        }
        return isThere
    }

    /// Lets go of journaled messages whose time is not near, a few at a time.
    func letGoOfDistant() {
        guard let delayed = state.delayed, state.virtualHost.state.paging.budget != Int.max,
            delayed.state.residentBytes > residentBytesMax
        else { return }
        let horizon =
            state.virtualHost.state.now + .milliseconds(2 * DelayedMessages.readAheadTime)
        for _ in 0..<DelayedMessages.sweptEachTime {
            guard let entry = delayed.state.entries.first(from: delayed.state.sweep) else { return }
            if !entry.isPaged, entry.message.header.lsn != 0,
                entry.terms.deadline.map({ $0 > horizon }) ?? false
            {
                guard letGoDelayed(entry, delayed) else { return }
            }
            delayed.state.sweep = entry.position + 1
        }
    }

    private var residentBytesMax: Int {
        min(DelayedMessages.residentBytesMax, state.virtualHost.state.paging.budget / 8)
    }

    /// Lets go of messages whatever their time, memory being short.
    ///
    /// - Returns: Whether there may be more to let go of, now or later.
    func pageOutDelayed(downTo goal: Int) -> Bool {
        guard let delayed = state.delayed else { return false }
        let virtualHost = state.virtualHost
        let now = virtualHost.state.now
        var left = min(DelayedMessages.sweptCountMax, delayed.state.entries.count)
        while left > 0, virtualHost.isMemoryAbove(goal) {
            left -= 1
            guard let entry = delayed.state.entries.first(from: delayed.state.sweep) else {
                delayed.state.sweep = 0
                continue
            }
            if !entry.isPaged, entry.terms.deadline.map({ $0 > now }) ?? false {
                if entry.message.header.lsn == 0 {
                    guard virtualHost.spill(entry, of: self) else { break }
                } else {
                    guard letGoDelayed(entry, delayed) else { break }
                }
            }
            delayed.state.sweep = entry.position + 1
        }
        return delayed.state.entries.count > 0
    }

    /// Lets go of a journaled message.
    ///
    /// - Returns: `false` when it is not durable yet.
    private func letGoDelayed(_ entry: QueueEntry, _ delayed: Handle<DelayedMessages>) -> Bool {
        let virtualHost = state.virtualHost
        let lsn = entry.message.header.lsn
        guard lsn < virtualHost.state.journal.durableLSN else { return false }
        moveOut(entry.position, to: .journal(lsn), delayed)
        return true
    }

    /// Lets go of a message that is in the spill log now, if it is still here and in memory.
    func letGoDelayed(_ item: SpillItem) -> Bool {
        guard let delayed = state.delayed, !state.isDeleted,
            let entry = delayed.state.entries.entry(item.position), !entry.isPaged
        else { return false }
        moveOut(item.position, to: .spill(item.lsn), delayed)
        return true
    }

    private func moveOut(
        _ position: UInt64,
        to place: MessagePlace,
        _ delayed: Handle<DelayedMessages>
    ) {
        _ = delayed.state.entries.update(at: position) { entry in
            moveOut(&entry, to: place)
            delayed.state.residentBytes -= DelayedMessages.size(of: entry)
        }
        // From the first one on the alarm goes off in time to read.
        if state.pagedCount == 1 { setAlarm() }
    }
}

extension Handle where State == VirtualHostState {
    /// Notes again what the properties of a message say, which the journal keeps only as they are.
    fileprivate func learn(_ message: Message) {
        do throws(WireError) {
            let scan = try PropertyScan(message.properties)
            if let priority = scan.priority {
                message.header.traits.formUnion(.priority(priority))
            }
            if let expiration = scan.expiration,
                let milliseconds = Expiration.milliseconds(expiration)
            {
                message.header.traits.insert(.expires)
                message.header.timeToLive = milliseconds
            }
            if let entries = scan.headerEntries {
                var cursor = FieldTableCursor(entries: entries)
                while let (name, _) = try cursor.next() {
                    if name == ExtraKeys.cc.bytes { message.header.traits.insert(.listsKeys) }
                }
            }
        } catch {
            // Such properties were refused when the message was published.
            return
        }
    }
}
