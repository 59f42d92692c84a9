import Wire

@testable import Broker

/// The policies there are, and what they make of arguments: plain rules, as documented.
struct ModelPolicies: Equatable {
    struct ID: Hashable, Comparable {
        let kind: Policy.Kind
        let name: ShortString

        static func < (left: ID, right: ID) -> Bool {
            (left.kind.rawValue, left.name) < (right.kind.rawValue, right.name)
        }
    }

    var records: [ID: PolicyRecord] = [:]

    /// What a pattern is searched for; of the few there are here.
    static let patterns: [(text: String, matches: @Sendable (String) -> Bool)] = [
        ("", { _ in true }),
        ("^q", { $0.hasPrefix("q") }),
        ("^x", { $0.hasPrefix("x") }),
        ("1$", { $0.hasSuffix("1") }),
        ("^q[23]$", { ["q2", "q3"].contains($0) }),
        ("s1|q4", { $0.contains("s1") || $0.contains("q4") }),
        ("fanout", { $0.contains("fanout") }),
    ]

    private static let ofQuorum: Set<ShortString> = ["delivery-limit"]
    /// What streams have as well, or nobody but exchanges.
    private static let ofAll: Set<ShortString> = ["max-length-bytes", "alternate-exchange"]
    private static let limits: Set<ShortString> = [
        "message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit",
    ]

    /// The policy and the operator policy that count, of those that apply.
    struct Applied: Equatable {
        var user: PolicyRecord?
        var `operator`: PolicyRecord?
    }

    private func applied(_ name: ShortString, where applies: (PolicyRecord) -> Bool) -> Applied {
        func first(_ kind: Policy.Kind) -> PolicyRecord? {
            records.values.filter { record in
                record.kind == kind && applies(record)
                    && Self.patterns.contains {
                        Array($0.text.utf8) == record.pattern && $0.matches(name.string)
                    }
            }.min { ($1.priority, $0.name) < ($0.priority, $1.name) }
        }
        return Applied(user: first(.user), operator: first(.operator))
    }

    /// What applies to a queue.
    func applied(to declare: QueueDeclare) -> Applied {
        let type = declare.arguments.text("x-queue-type")?.string ?? "classic"
        return applied(declare.queue) { record in
            let keys = record.definition.entries.map(\.name)
            let isKnown = keys.allSatisfy { key in
                Self.ofAll.contains(key)
                    || (Self.ofQuorum.contains(key) ? type == "quorum" : type != "stream")
            }
            switch record.target {
            case .all, .queues: return isKnown
            case .exchanges: return false
            case .classicQueues: return isKnown && type == "classic"
            case .quorumQueues: return isKnown && type == "quorum"
            case .streams: return isKnown && type == "stream"
            }
        }
    }

    /// The alternate exchange that policies give an exchange.
    func alternate(ofExchange name: ShortString) -> ShortString? {
        applied(name) { [.all, .exchanges].contains($0.target) }.user?.definition
            .text("alternate-exchange")
    }

    /// What counts for a queue, as if it had been declared so.
    func arguments(of declare: QueueDeclare) -> FieldTable {
        let applied = applied(to: declare)
        let type = declare.arguments.text("x-queue-type")?.string ?? "classic"
        var arguments = declare.arguments
        let values = [applied.user, applied.operator].compactMap { $0?.definition.entries }
        var merged: FieldTable = [:]
        for entry in values.joined() {
            merged[entry.name] = Self.lower(merged.number(entry.name), entry.value)
        }
        for entry in merged.entries {
            let name = ShortString(shortening: "x-" + entry.name.string)
            let goesFirst = type == "stream" || type == "quorum" && entry.name == "overflow"
            if goesFirst || arguments[name] == nil {
                arguments[name] = entry.value
            } else if Self.limits.contains(entry.name) {
                arguments[name] = Self.lower(arguments.number(name), entry.value)
            }
        }
        return arguments
    }

    private static func lower(_ number: Int?, _ value: FieldValue) -> FieldValue {
        guard let number, let other = value.integer, number < Int(other) else { return value }
        return .int32(Int32(number))
    }
}
