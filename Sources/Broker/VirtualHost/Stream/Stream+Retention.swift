import Wire

/// What a stream forgets: whole files from its beginning, never the last one.
extension Handle where State == StreamState {
    /// Forgets what is too much or too old, and sees to it that this is looked at again in time.
    ///
    /// Called when something has become durable, and when the time of the oldest file has come.
    func removeOld() {
        let virtualHost = state.queue.state.virtualHost
        let before = state.index.firstLSN
        while state.index.segments.count > 1, isFirstSegmentDispensable {
            state.index.removeFirst()
        }
        startAgeTimer()
        guard let first = state.index.firstLSN, first != before, before != nil else { return }
        guard state.queue.state.journalID != 0 else {
            var size = 0
            for block in state.resident where block.endLSN > first { size += block.count }
            dropResident(downTo: size)
            return
        }
        virtualHost.state.streams.removals.append(
            .segments(of: state.queue.state.journalID, before: first)
        )
        // The files go behind the journal's next batch: there shall be one soon.
        virtualHost.journal(
            .appended(stream: state.queue.state.journalID, end: state.journaledOffset)
        )
    }

    private var isFirstSegmentDispensable: Bool {
        if size > state.sizeMax { return true }
        return firstSegmentTimeLeft.map { $0 <= .zero } ?? false
    }

    /// How long the oldest file is not yet too old.
    private var firstSegmentTimeLeft: Duration? {
        guard let ageMax = state.ageMax, let first = state.index.segments.first else { return nil }
        let virtualHost = state.queue.state.virtualHost
        let now = virtualHost.wallTime(virtualHost.state.now)
        return ageMax - .milliseconds(now.milliseconds - first.lastTime.milliseconds)
    }

    private func startAgeTimer() {
        guard state.ageTimer == .none, state.index.segments.count > 1,
            let left = firstSegmentTimeLeft
        else { return }
        let virtualHost = state.queue.state.virtualHost
        state.ageTimer = virtualHost.state.timers.add(
            .streamAges(self),
            at: virtualHost.state.now + left
        )
    }

    /// Keeps as much as the settings of its queue say from now on.
    func adopt(_ settings: QueueSettings) {
        state.sizeMax = settings.readyBytesMax ?? Int.max
        state.ageMax = settings.ageMax
        if state.ageTimer != .none {
            state.queue.state.virtualHost.state.timers.cancel(state.ageTimer)
            state.ageTimer = .none
        }
        removeOld()
    }

    /// The time of the oldest file may have come.
    func age() {
        state.ageTimer = .none
        removeOld()
    }
}
