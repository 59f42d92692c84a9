import Wire

/// The policies of a virtual host.
struct PolicyTable {
    /// By name, for each kind; the first that matches counts.
    private var policies: [Policy.Kind: [Policy]] = [:]

    var isEmpty: Bool { policies.isEmpty }
    var count: Int { policies.values.reduce(0) { $0 + $1.count } }

    /// All policies of a kind, the one that counts before others first.
    func all(_ kind: Policy.Kind) -> [Policy] { policies[kind] ?? [] }

    func policy(_ kind: Policy.Kind, named name: ShortString) -> Policy? {
        all(kind).first { $0.record.name == name }
    }

    /// Adds a policy, in place of the one by its name.
    mutating func set(_ policy: Policy) {
        remove(policy.record.kind, named: policy.record.name)
        let place = all(policy.record.kind).firstIndex { policy.precedes($0) }
        policies[policy.record.kind, default: []].insert(
            policy,
            at: place ?? all(policy.record.kind).count
        )
    }

    mutating func remove(_ kind: Policy.Kind, named name: ShortString) {
        policies[kind]?.removeAll { $0.record.name == name }
        if all(kind).isEmpty { policies[kind] = nil }
    }

    /// What applies to a queue: the first of each kind that matches.
    func match(queue name: [UInt8], type: QueueType) -> AppliedPolicies {
        match { $0.applies(toQueue: name, type: type) }
    }

    /// What applies to an exchange.
    func match(exchange name: [UInt8]) -> AppliedPolicies {
        match { $0.applies(toExchange: name) }
    }

    private func match(_ applies: (Policy) -> Bool) -> AppliedPolicies {
        guard !isEmpty else { return .none }
        return AppliedPolicies(
            policy: all(.user).first(where: applies),
            operatorPolicy: all(.operator).first(where: applies)
        )
    }
}

extension Policy {
    /// Whether it counts before another: by priority, then by name. (RabbitMQ leaves it open which
    /// of two with the same priority counts.)
    fileprivate func precedes(_ other: Policy) -> Bool {
        (other.record.priority, record.name) < (record.priority, other.record.name)
    }
}
