import Wire

/// Which part of the journal is still needed.
extension Handle where State == VirtualHostState {
    /// Writes the whole topology again, so that older declarations are no longer needed.
    func describeTopology() {
        flushNewValues()
        let begins = state.journal.buffer.nextLSN
        journal(.topologyBegins)
        for exchange in exchangeList()
        where exchange.state.isDurable && !exchange.isPredefined {
            if let delays = exchange.delaysRecord { journal(.delaysDeclared(delays)) }
            journal(.exchangeDeclared(exchange.record))
            describeValues(of: exchange)
        }
        for queue in queueList() where queue.state.journalID != 0 {
            journal(.queueDeclared(queue.record))
        }
        for exchange in exchangeList() {
            for binding in exchange.state.bindings.all {
                if let record = binding.record { journal(.bound(record)) }
            }
        }
        for kind in Policy.Kind.allCases {
            for policy in state.policies.all(kind) { journal(.policySet(policy.record)) }
        }
        journal(.topologyEnds)
        state.journal.topologyLSN = begins
        state.journal.topologySize = state.journal.buffer.nextLSN - begins
    }

    /// How far behind the newest record a description may begin, in octets.
    var descriptionAgeMax: UInt64 {
        max(state.limits.journalDescriptionInterval, state.journal.topologySize * 4)
    }

    /// Everything below is needed no more: no live message, no declaration.
    ///
    /// Called after a batch has become durable, and before the next is taken. What was settled
    /// since this one was taken still counts as live: a crash can take those settlements back.
    /// Describes the topology anew when the last description alone keeps much of the journal.
    var removableLSN: UInt64 {
        let oldestMessage = min(
            state.journal.ledger.oldestLive ?? state.journal.durableLSN,
            state.journal.ledger.oldestUntaken
        )
        let space =
            state.journal.durableLSN
            - min(
                state.journal.topologyLSN,
                state.journal.durableLSN
            )
        if oldestMessage > state.journal.topologyLSN,
            space > descriptionAgeMax
        {
            describeTopology()
        }
        return min(oldestMessage, state.journal.describedLSN)
    }
}

extension Handle where State == ExchangeState {
    /// Whether every virtual host has it from the start.
    var isPredefined: Bool {
        state.kind == .default || state.kind == .management
            || state.name.starts(with: Array("amq.".utf8))
    }
}
