@testable import TestSupport
import Wire

@testable import Broker

/// Policies that come and go while everybody works.
extension Simulation {
    /// Sets or clears a policy, and lets the queues follow in slices, as management does.
    func changePolicy() throws {
        let record = try anyPolicy()
        let id = ModelPolicies.ID(kind: record.kind, name: record.name)
        let isCleared = model.topology.policies.records[id] != nil && random.oneIn(2)
        note(isCleared ? "policy \(record.name.string) is cleared" : "policy: \(record)")
        let policy = try Policy(record)
        try turn {
            self.model.beginOperation()
            if isCleared {
                self.virtualHost.clearPolicy(id.kind, named: id.name)
            } else {
                try self.virtualHost.set(policy)
            }
            self.model.set(id, isCleared ? nil : record)
            try self.observe()
        }
        var cursor = ByteKeyTable<Queue>.Cursor()
        var isMore = true
        while isMore {
            if random.oneIn(3) { try actBetween() }
            let count = Int.random(in: 1...4, using: &random)
            try turn {
                self.model.beginOperation()
                isMore = self.virtualHost.applyPolicies(from: &cursor, countMax: count)
                try self.model.followPolicies(self.virtualHost, isDone: !isMore)
                try self.observe()
            }
        }
    }

    private func anyPolicy() throws -> PolicyRecord {
        let kind: Policy.Kind = random.oneIn(3) ? .operator : .user
        var keys: [ShortString] = [
            "message-ttl", "expires", "max-length", "max-length", "max-length-bytes",
            "delivery-limit",
        ]
        if kind == .user {
            keys += ["overflow", "overflow", "alternate-exchange"]
            // As with the arguments: what died on disk cannot be followed.
            if choices.limits.messageMemoryMax > 1 << 20 {
                keys += ["dead-letter-exchange", "dead-letter-exchange", "dead-letter-routing-key"]
            }
        }
        var definition: FieldTable = [:]
        for _ in 0..<random.pick([1, 2, 3]) {
            let key = random.pick(keys)
            definition[key] = anyValue(of: key)
        }
        return PolicyRecord(
            kind: kind,
            name: random.pick(["p1", "p2", "p3"]),
            pattern: Array(random.pick(ModelPolicies.patterns.map(\.text)).utf8),
            definition: definition,
            priority: random.pick([0, 0, 1, 2.5]),
            target: random.pick([.all, .all, .queues, .classicQueues, .quorumQueues, .exchanges])
        )
    }

    private func anyValue(of key: ShortString) -> FieldValue {
        switch key {
        case "message-ttl": .int32(random.pick([0, 50, 400, 3_000]))
        case "expires": .int32(random.pick([301, 2_003, 9_001]))
        case "max-length": .int32(.random(in: 0...6, using: &random))
        case "max-length-bytes": .int32(random.pick([0, 30, 700, 10_000]))
        case "delivery-limit": .int32(random.pick([0, 1, 2, 3]))
        case "overflow":
            .string(random.pick(["drop-head", "reject-publish", "reject-publish-dlx"]))
        case "alternate-exchange": .string(random.pick(["x1", "amq.fanout"]))
        case "dead-letter-exchange": .string(random.pick(["", "", "x1", "x2", "amq.fanout"]))
        default:
            .string(random.pick(["q1", "q2", "q3", "q4", choices.isStreaming ? "s1" : "a.b"]))
        }
    }
}
