import Wire

/// Setting and clearing policies, and what that changes.
extension Handle where State == VirtualHostState {
    /// Sets a policy, in place of the one by its name; queues do not know of it yet.
    ///
    /// Exchanges follow at once, queues by `applyPolicies`: there may be very many.
    ///
    /// - Throws: When there are too many policies.
    func set(_ policy: Policy) throws(PolicyError) {
        let record = policy.record
        let isNew = state.policies.policy(record.kind, named: record.name) == nil
        guard !isNew || state.policies.count < state.limits.policyCountMax else {
            throw PolicyError(
                reason: "there are \(state.limits.policyCountMax) policies already in vhost "
                    + "'\(nameText)'"
            )
        }
        state.policies.set(policy)
        if state.journal.isOn { journal(.policySet(record)) }
        applyPoliciesToExchanges()
    }

    /// Removes a policy; see `set`.
    func clearPolicy(_ kind: Policy.Kind, named name: ShortString) {
        guard state.policies.policy(kind, named: name) != nil else { return }
        state.policies.remove(kind, named: name)
        if state.journal.isOn { journal(.policyCleared(kind, name)) }
        applyPoliciesToExchanges()
    }

    /// Lets the next queues follow the policies there are now.
    ///
    /// - Parameters:
    ///   - cursor: How far this has come; a fresh one to begin.
    ///   - countMax: How many queues to look at.
    /// - Returns: Whether there are more.
    func applyPolicies(from cursor: inout ByteKeyTable<Queue>.Cursor, countMax: Int) -> Bool {
        for _ in 0..<countMax {
            guard let (_, queue) = state.queues.next(&cursor) else { return false }
            queue.apply(
                state.policies.match(queue: queue.state.name, type: queue.state.settings.type)
            )
        }
        return true
    }

    /// The default exchange and that of inspection have none.
    func policies(forExchange name: [UInt8], _ kind: ExchangeKind) -> AppliedPolicies {
        guard kind != .default, kind != .management else { return .none }
        return state.policies.match(exchange: name)
    }

    func applyPoliciesToExchanges() {
        for exchange in exchangeList() {
            let policies = policies(forExchange: exchange.state.name, exchange.state.kind)
            guard policies != exchange.state.policies else { continue }
            exchange.state.policies = policies
            exchange.state.alternateExchange = policies.alternateExchange(
                over: exchange.state.arguments
            )
            state.topologyVersion += 1
        }
    }
}

extension Handle where State == QueueState {
    /// Takes on other policies, for what is in the queue as well.
    ///
    /// Messages keep the end they have; what is too much for a new limit goes at once.
    func apply(_ policies: AppliedPolicies) {
        guard policies != state.policies else { return }
        state.policies = policies
        let old = state.settings
        adopt(old.under(policies, name: state.name))
        if old.timeToLive == nil, state.settings.timeToLive != nil {
            state.untimedThrough = state.nextPosition
        }
        if old.unusedTimeMax != state.settings.unusedTimeMax { restartUnusedTime() }
        if old.consumerTimeout != state.settings.consumerTimeout { watchAcknowledgements() }
        // RabbitMQ takes on the length before what to do beyond it.
        if old.overflow == .dropHead || state.settings.overflow == .dropHead { dropBeyondLimit() }
        reportDeadLetterStrategy()
        // What kept a dead letter here may be gone.
        state.kept?.state.isRefused = true
        if state.turnFirst != nil { state.virtualHost.schedule(self) }
        state.stream?.adopt(state.settings)
    }
}

extension Handle where State == QueueState {
    /// Has the channels of consumers look in time for what is not acknowledged.
    private func watchAcknowledgements() {
        for consumer in state.consumers where !consumer.state.isNoAck {
            let timeout = state.virtualHost.timeout(of: consumer)
            consumer.state.channel.watchAcknowledgements(within: timeout)
            consumer.state.channel.reviewAcknowledgements()
        }
    }
}

extension QueueSettings {
    /// The settings of the same queue under other policies.
    func under(_ policies: AppliedPolicies, name: [UInt8]) -> QueueSettings {
        let declare = QueueDeclare(
            queue: ShortString(bytes: name) ?? "",
            durable: isDurable,
            exclusive: isExclusive,
            autoDelete: isAutoDelete,
            arguments: arguments
        )
        do throws(ProtocolError) {
            return try QueueSettings(declare, under: policies)
        } catch {
            preconditionFailure("the arguments of a queue were valid: \(error.text)")
        }
    }
}
