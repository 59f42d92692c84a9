import Wire

/// Messages whose time has come.
extension Handle where State == QueueState {
    /// Sets the alarm to when the first message is due, or is to be read.
    func setAlarm() {
        guard let delayed = state.delayed else { return }
        var time = delayed.state.near.first?.due ?? .max
        if let far = delayed.state.far.first {
            let ahead = mayReadAhead(delayed) ? DelayedMessages.readAheadTime : 0
            time = min(time, far.due - ahead)
        }
        let isWaiting = state.isReading && (delayed.state.first?.due ?? .max) <= present
        if isWaiting { time = .max }
        if time <= present, isHeldUp { time = present + Self.heldUpTime }
        guard time != delayed.state.alarmTime || delayed.state.alarm == .none else { return }
        let virtualHost = state.virtualHost
        if delayed.state.alarm != .none { virtualHost.state.timers.cancel(delayed.state.alarm) }
        delayed.state.alarmTime = time
        delayed.state.alarm =
            time == .max
            ? .none
            : virtualHost.state.timers.add(.delayEnds(self), at: .zero + .milliseconds(time))
    }

    /// The alarm has gone off, or messages have been read: routes what is due.
    func endDelay(isAlarm: Bool = false) {
        guard let delayed = state.delayed, !state.isDeleted else { return }
        if isAlarm {
            delayed.state.alarm = .none
            delayed.state.alarmTime = .max
        }
        fire(delayed)
        readAhead(delayed)
        setAlarm()
    }

    /// The present in milliseconds of the monotonic clock.
    var present: Int64 { state.virtualHost.state.now.milliseconds }

    /// How long to wait for a disk that is behind, in milliseconds.
    private static var heldUpTime: Int64 { 5 }

    /// Whether the disk is behind with what has fired; messages then wait here rather than there.
    private var isHeldUp: Bool {
        let virtualHost = state.virtualHost
        return virtualHost.state.journal.blockReason != nil
            || virtualHost.state.journal.buffer.count
                > virtualHost.state.limits.journalBacklogMax
            || virtualHost.state.paging.spillBuffer.count >= PagingState.spillBacklogMax
    }

    /// Routes the messages that are due and in memory, in the order of their time.
    ///
    /// That they are in their queues and no longer here is one transaction of the journal, so a
    /// crash neither loses nor doubles them.
    private func fire(_ delayed: Handle<DelayedMessages>) {
        let now = present
        var bytes = 0
        let virtualHost = state.virtualHost
        var beginning: UInt64?
        var count = 0
        while count < DelayedMessages.firedCountMax, bytes < DelayedMessages.firedBytesMax,
            !isHeldUp, let next = delayed.state.first, next.due <= now,
            let waiting = delayed.state.entries.entry(next.position),
            !waiting.isPaged || waiting.place == .lost,
            let entry = delayed.state.popFirst()
        {
            if count == 0, state.journalID != 0 {
                beginning = virtualHost.beginJournaledTransaction()
            }
            count += 1
            if entry.place == .lost {
                state.counters.lost += 1
                continue
            }
            bytes += Int(entry.bodySize)
            delayed.state.residentBytes -= DelayedMessages.size(of: entry)
            fire(entry, from: delayed.state.exchange)
        }
        // What died where it went belongs to it as well.
        if beginning != nil { virtualHost.buryDead() }
        virtualHost.endJournaledTransaction(beginning)
    }

    /// Routes one message by the bindings of now, and forgets it here.
    private func fire(_ entry: QueueEntry, from exchange: Exchange) {
        let virtualHost = state.virtualHost
        let message = entry.message
        let lsn = message.header.lsn
        // It gets a record of its own where it goes.
        message.header.lsn = 0
        do throws(ProtocolError) {
            let routes = try virtualHost.routes(ofDelayed: message, through: exchange)
            exchange.state.counters.publishedOut += UInt64(routes.count)
            if routes.count == 0 { virtualHost.state.counters.unroutableDropped += 1 }
            virtualHost.enqueue(message, to: routes)
        } catch {
            // Headers that cannot be read were refused when it was published.
            virtualHost.state.counters.unroutableDropped += 1
        }
        if state.journalID != 0, lsn != 0 {
            virtualHost.journalSettled(queue: state.journalID, position: entry.position)
            virtualHost.state.journal.ledger.settle(lsn)
        }
        virtualHost.release(message)
        virtualHost.noteStep(.delayedRouted)
    }
}

extension Handle where State == VirtualHostState {
    /// The queues of a message whose time has come.
    fileprivate func routes(
        ofDelayed message: Message,
        through exchange: Exchange
    ) throws(ProtocolError) -> RouteList {
        let traits = message.header.traits
        guard traits.contains(.listsKeys) || traits.contains(.hasHiddenKeys) else {
            return try knownRoutes(of: message, through: exchange)
        }
        var keys = ExtraKeys.unpacked(message.hiddenKeys)
        do throws(WireError) {
            let headers = try PropertyScan(message.properties).headers() ?? [:]
            keys += ExtraKeys.listed(ExtraKeys.cc, in: headers)
        } catch {
            throw ProtocolError(error, method: BasicPublish.id)
        }
        return try routes(of: message, extraKeys: keys, through: exchange)
    }
}
