import Wire

/// Something that time alone brings about in a virtual host.
enum TimerEvent: BitwiseCopyable {
    /// The queue may have been unused for as long as x-expires says.
    case queueUnused(Queue)
    /// The time of one message has come.
    case messageEnds(Queue, position: UInt64, priority: UInt8)
    /// The time of the first messages of one priority may have come.
    case frontEnds(Queue, priority: UInt8)
    /// The time of messages of one priority that came back may have come.
    case returnedEnd(Queue, priority: UInt8)
    /// Queues may hold more than their limits since the start.
    case limitsApply
    /// The oldest file of a stream may have become too old.
    case streamAges(Stream)
    /// Dead letters may reach their targets now that did not before.
    case retryDeaths(Queue)
    /// The time of a delay queue's first message has come, or the time to read it.
    case delayEnds(Queue)
    /// A delivery of the channel may have been unacknowledged for too long.
    case acknowledgementDue(Channel)
    /// The exchange has remembered a value for long enough.
    case valueEnds(Exchange, number: UInt32)
}

/// Acting on time: the one timer wheel of a virtual host.
extension Handle where State == VirtualHostState {
    /// Timers taken in one batch, so that a crowd of them does not hold everybody else up.
    private static var firedCountMax: Int { 4096 }
    /// Messages that die in one batch of time: a dead letter costs as much as many timers.
    static var deathCountMax: Int { 512 }

    /// Whether so many messages have died in this batch that no more should.
    var hasManyDeaths: Bool { state.deaths.count >= VirtualHost.deathCountMax }

    /// When the virtual host must be called next for what time alone brings about.
    @inline(__always)
    var nextDeadline: Instant { state.timers.nextDeadline }

    /// Acts on the timers that are due; what is left over is due in the next batch.
    @inline(never)
    func fireTimers() {
        for _ in 0..<VirtualHost.firedCountMax {
            guard !hasManyDeaths, let event = state.timers.popDue(at: state.now) else { return }
            switch event {
            case .queueUnused(let queue): queue.expireIfUnused()
            case .messageEnds(let queue, let position, let priority):
                queue.endMessage(position, priority: priority)
            case .frontEnds(let queue, let priority): queue.endFront(priority)
            case .returnedEnd(let queue, let priority): queue.endReturned(priority)
            case .limitsApply: dropOverfull()
            case .streamAges(let stream): stream.age()
            case .retryDeaths(let queue): queue.retryDeaths()
            case .delayEnds(let queue): queue.endDelay(isAlarm: true)
            case .acknowledgementDue(let channel): channel.acknowledgementTimerFired()
            case .valueEnds(let exchange, let number): exchange.state.values.remove(number)
            }
            noteStep(.timerFired(event))
        }
    }
}

/// Queues that go when nobody uses them (x-expires).
extension Handle where State == QueueState {
    /// Starts the time again after which an unused queue goes; called whenever it is used.
    ///
    /// Declaring and basic.get are use, and so are consumers as long as there are any; publishing
    /// is not (RabbitMQ: rabbit_amqqueue_process, ensure_expiry_timer).
    @inline(__always)
    func noteUse() {
        guard state.settings.unusedTimeMax != nil else { return }
        startUnusedTime()
    }

    @inline(never)
    private func startUnusedTime() {
        state.unusedSince = state.virtualHost.state.now
        guard state.unusedTimer == .none else { return }
        setUnusedTimer()
    }

    /// The time has changed: it begins now.
    func restartUnusedTime() {
        cancelUnusedTimer()
        noteUse()
    }

    private func setUnusedTimer() {
        guard let time = state.settings.unusedTimeMax, state.consumers.isEmpty else { return }
        state.unusedTimer = state.virtualHost.state.timers.add(
            .queueUnused(self),
            at: state.unusedSince + time
        )
    }

    /// The timer has fired: either the queue goes, or it was used meanwhile.
    ///
    /// So use costs nothing but noting when.
    fileprivate func expireIfUnused() {
        state.unusedTimer = .none
        guard let time = state.settings.unusedTimeMax, state.consumers.isEmpty else { return }
        guard state.virtualHost.state.now >= state.unusedSince + time else {
            setUnusedTimer()
            return
        }
        state.virtualHost.delete(self)
    }

    /// Cancels every timer of a queue that is being deleted.
    func cancelTimers() {
        for timer in state.ready.takeTimers() { state.virtualHost.state.timers.cancel(timer) }
        cancelUnusedTimer()
    }

    private func cancelUnusedTimer() {
        guard state.unusedTimer != .none else { return }
        state.virtualHost.state.timers.cancel(state.unusedTimer)
        state.unusedTimer = .none
    }
}
