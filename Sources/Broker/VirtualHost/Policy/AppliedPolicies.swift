import Wire

/// The policies that apply to one queue or exchange, and what they make of its arguments.
///
/// One policy and one operator policy at most. A setting that only one of the two has is as it
/// says; of two limits the lower counts. Against an argument the same holds for limits; anything
/// else is as the argument says (RabbitMQ: rabbit_policy, merge_operator_definitions;
/// rabbit_amqqueue_process, process_args_policy).
struct AppliedPolicies: Equatable, Sendable {
    var policy: Policy?
    var operatorPolicy: Policy?

    static let none = AppliedPolicies()

    var isEmpty: Bool { policy == nil && operatorPolicy == nil }

    /// The same policies, not others that say the same.
    static func == (left: AppliedPolicies, right: AppliedPolicies) -> Bool {
        left.policy === right.policy && left.operatorPolicy === right.operatorPolicy
    }

    /// The settings of both together, in the order of their names.
    var definition: FieldTable {
        var merged = policy?.record.definition ?? [:]
        for entry in operatorPolicy?.record.definition.entries ?? [] {
            let bound = merged[entry.name].map { Self.lower($0, entry.value) }
            merged[entry.name] = bound ?? entry.value
        }
        return FieldTable(merged.entries.sorted { $0.name < $1.name })
    }

    /// The arguments of a queue with the settings of its policies among them.
    ///
    /// With streams, and for the overflow of quorum queues, policies go before arguments, limits
    /// or not (RabbitMQ: rabbit_stream_queue, policy_precedence; rabbit_quorum_queue,
    /// ra_machine_config).
    func arguments(over declared: FieldTable, of type: QueueType) -> FieldTable {
        guard !isEmpty else { return declared }
        var merged = declared
        for entry in definition.entries {
            guard let key = PolicyKey.find(entry.name), key.isArgument,
                let name = ShortString(bytes: Array("x-".utf8) + entry.name.bytes)
            else { continue }
            guard let argument = declared[name] else {
                merged[name] = entry.value
                continue
            }
            if type == .stream || type == .quorum && entry.name == "overflow" {
                merged[name] = entry.value
            } else if key.isLimit {
                merged[name] = Self.lower(argument, entry.value)
            }
        }
        return merged
    }

    /// The alternate exchange of an exchange with these arguments.
    func alternateExchange(over declared: FieldTable) -> ShortString? {
        let name: ShortString = "alternate-exchange"
        let value = declared[name] ?? definition[name]
        guard case .longString(let octets)? = value else { return nil }
        return ShortString(ofExchange: octets)
    }

    /// The lower of two limits; the first where they are no numbers.
    private static func lower(_ left: FieldValue, _ right: FieldValue) -> FieldValue {
        guard let first = left.integer, let second = right.integer else { return left }
        return second < first ? right : left
    }
}
