/// The terms on which messages are in a queue.
extension Handle where State == QueueState {
    /// On what terms a message would be here, beginning now.
    @inline(__always)
    func terms(of message: Message) -> EntryTerms {
        let priority = min(message.header.traits.priority, state.settings.priorityMax)
        guard let timeToLive = timeToLive(of: message) else {
            return EntryTerms(priority: priority)
        }
        return EntryTerms(priority: priority, deadline: state.virtualHost.state.now + timeToLive)
    }

    /// How long a message may wait here: the shorter of what queue and message say.
    @inline(__always)
    func timeToLive(of message: Message) -> Duration? {
        guard message.header.traits.contains(.expires) else { return state.settings.timeToLive }
        let own = Duration.milliseconds(message.header.timeToLive)
        return min(own, state.settings.timeToLive ?? own)
    }

    /// The terms that the journal says a message was here on.
    func terms(_ recorded: MessageRecord.Terms) -> EntryTerms {
        EntryTerms(
            priority: min(recorded.priority, state.settings.priorityMax),
            deadline: recorded.end.map { state.virtualHost.instant($0) }
        )
    }

    /// The terms of the message that has just come, as the journal says them.
    @inline(__always)
    func recordedTerms(of message: Message) -> MessageRecord.Terms {
        guard message.header.traits.isSubject(to: state.termsMask) else { return .none }
        let terms = terms(of: message)
        return .init(
            priority: terms.priority,
            end: terms.deadline.map { state.virtualHost.wallTime($0) },
            keys: state.lastKeys
        )
    }
}

extension QueueSettings {
    /// What makes a message be on terms of its own in a queue with these settings: bits of its
    /// traits, and one more that every message has.
    var termsMask: UInt32 {
        var mask = UInt32(MessageTraits.expires.rawValue)
        if priorityMax > 0 { mask |= UInt32(MessageTraits.priorityBits) }
        if timeToLive != nil || type == .stream || isKeyed || refusesFirst { mask |= 1 << 16 }
        return mask
    }

    /// Whether a queue with these settings refuses what it has no room for although a consumer
    /// would take it at once: classic ones do (RabbitMQ: maybe_deliver_or_enqueue).
    var refusesFirst: Bool { type == .classic && overflow != .dropHead }

    /// Whether a queue with these settings knows messages by more than their place in line.
    var isKeyed: Bool { groupHeader != nil || isDeduplicating }
}

/// Two clocks in one: deadlines are instants, but what outlives the process is told by the wall.
extension Handle where State == VirtualHostState {
    /// Sets the calendar clock: it is now this late.
    func setWallTime(_ time: WallTime) {
        state.wallOrigin = time.milliseconds - state.now.milliseconds
    }

    /// What the calendar says at an instant.
    func wallTime(_ instant: Instant) -> WallTime {
        WallTime(milliseconds: state.wallOrigin + instant.milliseconds)
    }

    /// The instant at which the calendar says so; what lies before the origin is the origin.
    func instant(_ time: WallTime) -> Instant {
        .zero + .milliseconds(max(0, time.milliseconds - state.wallOrigin))
    }
}
