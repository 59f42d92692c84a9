/// Messages that end when their time comes, wherever they stand.
///
/// In a queue with x-message-ttl messages mostly end in the order they came. One timer for each
/// priority sees to the first of them, and costs a message nothing. A message that ends before
/// those in front of it has a timer of its own, and one timer sees to all that came back.
extension Handle where State == QueueState {
    /// Messages ended by one timer at once; the rest follows in the next millisecond.
    private static var endedCountMax: Int { 4096 }

    /// Whether a message has come to its end.
    func isDue(_ terms: EntryTerms) -> Bool {
        guard let deadline = deadline(of: terms) else { return false }
        return deadline <= state.virtualHost.state.now
    }

    private func deadline(of terms: EntryTerms) -> Instant? {
        terms.timer.map { state.virtualHost.state.timers.deadline(of: $0) } ?? terms.deadline
    }

    /// Sees to the end of a message that is about to be put at the end of the list.
    ///
    /// - Returns: The entry, with a timer of its own if it needs one.
    @inline(never)
    func timed(_ entry: QueueEntry) -> QueueEntry {
        guard let deadline = entry.terms.deadline else { return entry }
        let priority = entry.terms.priority
        let virtualHost = state.virtualHost
        state.ready.makeLevel(priority)
        if state.settings.timeToLive != nil, deadline >= state.ready[priority].frontDeadline,
            state.ready[priority].firstOfList.map({ $0.position >= state.untimedThrough }) ?? true
        {
            setFrontDeadline(deadline, priority)
            return entry
        }
        // Those that end before it must not leave their end to the front, where it stands.
        if state.settings.timeToLive != nil, deadline > state.ready[priority].frontDeadline {
            state.ready[priority].frontDeadline = deadline
        }
        var timed = entry
        timed.terms = entry.terms.with(
            virtualHost.state.timers.add(
                .messageEnds(self, position: entry.position, priority: priority),
                at: deadline
            )
        )
        return timed
    }

    private func setFrontDeadline(_ deadline: Instant, _ priority: UInt8) {
        state.ready[priority].frontDeadline = deadline
        guard state.ready[priority].frontTimer == .none else { return }
        state.ready[priority].frontTimer = state.virtualHost.state.timers.add(
            .frontEnds(self, priority: priority),
            at: deadline
        )
    }

    /// Sees to the end of a message that came back.
    func noteReturned(_ entry: QueueEntry) {
        guard let deadline = entry.terms.deadline else { return }
        let virtualHost = state.virtualHost
        let priority = entry.terms.priority
        let timer = state.ready[priority].returnedTimer
        if timer != .none {
            guard deadline < virtualHost.state.timers.deadline(of: timer) else { return }
            virtualHost.state.timers.cancel(timer)
        }
        state.ready[priority].returnedTimer = virtualHost.state.timers.add(
            .returnedEnd(self, priority: priority),
            at: deadline
        )
    }

    /// Takes the oldest message, whoever may have it.
    func takeFirst() -> QueueEntry? {
        if let groups = state.groups { return takeOldest(of: groups) }
        return takeNext()
    }

    /// Takes the next message of a queue without groups; its timer is no longer needed.
    @inline(__always)
    func takeNext() -> QueueEntry? {
        guard let entry = state.ready.popFirst() else { return nil }
        return entry.terms.hasTimer ? withoutTimer(entry) : entry
    }

    @inline(never)
    func withoutTimer(_ entry: QueueEntry) -> QueueEntry {
        guard let timer = entry.terms.timer else { return entry }
        var plain = entry
        let deadline = state.virtualHost.state.timers.cancel(timer)
        plain.terms = EntryTerms(priority: entry.terms.priority, deadline: deadline)
        return plain
    }

    /// Ends the next message, whose time has come.
    @inline(never)
    func endFirst() {
        guard let entry = takeFirst() else { return }
        end(entry)
    }

    /// Lets go of a message that has left the queue because its time has come.
    func end(_ entry: QueueEntry) {
        die(entry, .expired)
        // Consumers may have waited for it to be read, and what is first now is there.
        if state.turnFirst != nil { state.virtualHost.schedule(self) }
    }

    // MARK: - Timers

    /// The timer of one message has fired.
    func endMessage(_ position: UInt64, priority: UInt8) {
        guard let entry = state.ready.remove(position, priority: priority) else {
            preconditionFailure("the timer of a message that has left its queue")
        }
        noteLeft(entry)
        end(entry)
    }

    /// The first messages of the list may have come to their end.
    func endFront(_ priority: UInt8) {
        state.ready[priority].frontTimer = .none
        var count = 0
        while let first = state.ready[priority].firstOfList {
            guard let deadline = deadline(of: first.terms) else { return }
            if deadline > state.virtualHost.state.now || count == Self.endedCountMax
                || state.virtualHost.hasManyDeaths
            {
                state.ready[priority].frontTimer = state.virtualHost.state.timers.add(
                    .frontEnds(self, priority: priority),
                    at: deadline
                )
                return
            }
            guard let entry = state.ready.popFirstOfList(priority) else { return }
            noteLeft(entry)
            end(withoutTimer(entry))
            count += 1
        }
    }

    /// Some of those that came back may have come to their end.
    func endReturned(_ priority: UInt8) {
        state.ready[priority].returnedTimer = .none
        let taken = state.ready.takeReturned(
            priority,
            endedAt: state.virtualHost.state.now,
            atMost: state.hasDeadLetterExchange ? VirtualHost.deathCountMax : Self.endedCountMax
        )
        for entry in taken.ended {
            noteLeft(entry)
            end(entry)
        }
        guard let next = taken.next else { return }
        state.ready[priority].returnedTimer = state.virtualHost.state.timers.add(
            .returnedEnd(self, priority: priority),
            at: next
        )
    }
}
