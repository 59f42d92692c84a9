import Wire

/// How long a consumer may take to acknowledge a delivery (RabbitMQ: consumer_timeout).
enum AcknowledgementTimeout {
    static let argument: ShortString = "x-consumer-timeout"

    /// The longest there is, 24 days: delivery times are kept modulo 49 days.
    static let longest = Duration.milliseconds(Int64(Int32.max))

    /// So many milliseconds, at most the longest; 0 is no timeout.
    static func duration(_ milliseconds: Int) -> Duration {
        min(.milliseconds(milliseconds), longest)
    }

    /// What the arguments of basic.consume say; `nil` when they say nothing.
    ///
    /// - Throws: 406 unless it is a whole number, 0 or more.
    static func ofConsumer(_ arguments: FieldTable) throws(ProtocolError) -> Duration? {
        guard let value = arguments[argument] else { return nil }
        guard let number = value.integer else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg '\(argument.string)': unacceptable type \(value.type.errorName)"
            )
        }
        guard number >= 0 else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg '\(argument.string)': negative value \(number)"
            )
        }
        return duration(Int(number))
    }
}

extension Handle where State == VirtualHostState {
    /// How long a delivery to a consumer may stay unacknowledged; zero for ever.
    ///
    /// The consumer's own word counts first, then the queue's, then the broker's. Streams hold
    /// nothing back for those who read them.
    func timeout(of consumer: Consumer) -> Duration {
        let queue = consumer.state.queue
        guard queue.state.stream == nil else { return .zero }
        return consumer.state.acknowledgementTimeout ?? timeout(of: queue)
    }

    /// The same for what basic.get fetched.
    func timeout(of queue: Queue) -> Duration {
        queue.state.settings.consumerTimeout ?? state.limits.consumerTimeout
    }
}

/// Deliveries that are not acknowledged in time.
///
/// Each channel has one alarm, set by its first consumer that acknowledges, and by basic.get. When
/// it fires, it looks for the delivery that is due next and is set to that, or to the shortest
/// timeout from now on, whichever is sooner: no delivery can be due before. So a delivery costs
/// noting when it was, and none is late by more than two milliseconds.
extension Handle where State == ChannelState {
    /// Looks again at the latest when a delivery that leaves now would be due.
    ///
    /// - Parameter timeout: Of some deliveries from now on; zero for ever.
    func watchAcknowledgements(within timeout: Duration) {
        guard timeout > .zero else { return }
        if state.shortestTimeout == .zero {
            state.shortestTimeout = timeout
        } else if state.shortestTimeout != timeout {
            state.shortestTimeout = min(timeout, state.shortestTimeout)
            state.hasUnequalTimeouts = true
        }
        setAcknowledgementTimer(after: timeout)
    }

    /// The timeouts of deliveries that are out have changed.
    func reviewAcknowledgements() {
        if state.unacked.count > 0 { setAcknowledgementTimer(after: .zero) }
    }

    func stopWatchingAcknowledgements() {
        guard state.acknowledgementTimer != .none else { return }
        state.virtualHost.state.timers.cancel(state.acknowledgementTimer)
        state.acknowledgementTimer = .none
    }

    private func setAcknowledgementTimer(after time: Duration) {
        let virtualHost = state.virtualHost
        let deadline = virtualHost.state.now + time
        if state.acknowledgementTimer != .none {
            let present = virtualHost.state.timers.deadline(of: state.acknowledgementTimer)
            guard deadline < present else { return }
            virtualHost.state.timers.cancel(state.acknowledgementTimer)
        }
        state.acknowledgementTimer = virtualHost.state.timers.add(
            .acknowledgementDue(self),
            at: deadline
        )
    }

    /// The alarm has fired.
    func acknowledgementTimerFired() {
        state.acknowledgementTimer = .none
        checkAcknowledgements()
    }

    /// Closes the channel with 406 if a delivery has been out for too long (RabbitMQ:
    /// rabbit_channel, evaluate_consumer_timeout), else sees to it that it is looked at again.
    ///
    /// What is settled in a transaction that is still open is not due.
    func checkAcknowledgements() {
        let virtualHost = state.virtualHost
        var next = state.shortestTimeout
        var overdue: Duration?
        state.unacked.forEachUnsettled { delivery in
            let timeout =
                delivery.consumer.map { virtualHost.timeout(of: $0) }
                ?? virtualHost.timeout(of: delivery.queue)
            guard timeout > .zero else { return true }
            let age = Duration.milliseconds(virtualHost.state.tick &- delivery.tick)
            if age <= timeout {
                next = min(next, timeout - age + .milliseconds(1))
            } else if delivery.status == .open {
                overdue = timeout
                return false
            }
            // They stand in the order in which they were handed out.
            return state.hasUnequalTimeouts
        }
        if let overdue { return closeUnacknowledged(after: overdue) }
        let mayHaveMore = state.consumers.contains { !$0.state.isNoAck }
        guard next > .zero, mayHaveMore || state.unacked.count > 0 else { return }
        setAcknowledgementTimer(after: next)
    }

    private func closeUnacknowledged(after timeout: Duration) {
        let milliseconds = timeout.clampedNanoseconds / 1_000_000
        state.connection.fail(
            ProtocolError(
                .preconditionFailed,
                "delivery acknowledgement on channel \(state.number) timed out. Timeout value "
                    + "used: \(milliseconds) ms. This timeout value can be configured, see "
                    + "consumers doc guide to learn more"
            ),
            channel: state.number
        )
    }
}
