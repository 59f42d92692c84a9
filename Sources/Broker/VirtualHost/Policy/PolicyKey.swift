import Wire

/// A setting that policies can make: which values it takes, and how it combines with others.
struct PolicyKey {
    let name: ShortString
    fileprivate let form: Form
    /// What RabbitMQ calls the value when it is wrong.
    fileprivate let noun: String
    /// Whether operator policies may set it.
    fileprivate var isOperator = false
    /// The types of queues that have it.
    fileprivate var types: Set<QueueType> = [.classic, .quorum, .stream]
    /// Whether the lower of two numbers counts, wherever they come from.
    fileprivate(set) var isLimit = false
    /// Whether it is the queue argument of the same name behind `x-`.
    fileprivate(set) var isArgument = true

    fileprivate enum Form {
        /// The name of an exchange, which need not exist.
        case exchange
        /// At most 255 octets.
        case routingKey
        case integer(ClosedRange<Int64>)
        case oneOf([String])
        /// As in x-max-age.
        case age
        case anything
    }

    private static let all: [ShortString: PolicyKey] = {
        let any: Set<QueueType> = [.classic, .quorum, .stream]
        let quorum: Set<QueueType> = [.quorum]
        let stream: Set<QueueType> = [.stream]
        let noStream: Set<QueueType> = [.classic, .quorum]
        let natural = Form.integer(0...Int64.max)
        func limit(
            _ name: ShortString,
            _ form: Form,
            _ noun: String,
            _ types: Set<QueueType>,
            isOperator: Bool = true
        ) -> PolicyKey {
            PolicyKey(
                name: name,
                form: form,
                noun: noun,
                isOperator: isOperator,
                types: types,
                isLimit: true
            )
        }
        let effective: [PolicyKey] = [
            limit("message-ttl", natural, "message TTL", noStream),
            limit("expires", .integer(1...Int64.max), "queue expiry", noStream),
            limit("max-length", natural, "maximum length", noStream),
            limit(
                "max-length-bytes",
                natural,
                "maximum length in bytes",
                any
            ),
            limit("max-in-memory-length", natural, "maximum memory in bytes", noStream),
            limit("max-in-memory-bytes", natural, "maximum memory in bytes", noStream),
            limit("delivery-limit", natural, "delivery limit", quorum),
            limit(
                "consumer-timeout",
                natural,
                "consumer timeout",
                any,
                isOperator: false
            ),
            .init(
                name: "overflow",
                form: .oneOf(["drop-head", "reject-publish", "reject-publish-dlx"]),
                noun: "overflow value",
                types: noStream
            ),
            .init(
                name: "dead-letter-exchange",
                form: .exchange,
                noun: "dead letter exchange name",
                types: noStream
            ),
            .init(
                name: "dead-letter-routing-key",
                form: .routingKey,
                noun: "dead letter routing key",
                types: noStream
            ),
            .init(
                name: "dead-letter-strategy",
                form: .oneOf(["at-most-once", "at-least-once"]),
                noun: "dead letter strategy",
                types: quorum
            ),
            .init(name: "max-age", form: .age, noun: "max age", types: stream),
            .init(
                name: "stream-max-segment-size-bytes",
                form: .integer(0...Int64(QueueSettings.segmentSizeMax)),
                noun: "segment size",
                types: stream
            ),
            .init(
                name: "stream-filter-size-bytes",
                form: .integer(16...255),
                noun: "filter size. Valid range is 16-255"
            ),
            .init(
                name: "alternate-exchange",
                form: .exchange,
                noun: "alternate exchange name",
                isArgument: false
            ),
        ]
        return Dictionary(uniqueKeysWithValues: (effective + idle).map { ($0.name, $0) })
    }()

    /// What matters in a cluster or in older versions; checked, shown, and without effect.
    private static let idle: [PolicyKey] = [
        idle(
            "queue-mode",
            .oneOf(["default", "lazy"]),
            "queue-mode value",
            [.classic]
        ),
        idle(
            "queue-version",
            .integer(1...2),
            "queue-version value",
            [.classic, .quorum, .stream]
        ),
        idle(
            "queue-leader-locator",
            .oneOf(["client-local", "balanced", "random", "least-leaders"]),
            "queue leader locator value",
            [.classic, .quorum, .stream]
        ),
        idle(
            "queue-master-locator",
            .oneOf(["min-masters", "client-local", "random"]),
            "queue-master-locator value",
            [.classic]
        ),
        idle("initial-cluster-size", .integer(0...Int64.max), "cluster size", [.stream]),
        idle("target-group-size", .integer(1...Int64.max), "target group size", [.quorum]),
        idle("ha-mode", .oneOf(["all", "exactly", "nodes"]), "ha-mode value", [.classic]),
        idle("ha-params", .anything, "ha-params value", [.classic]),
        idle(
            "ha-sync-mode",
            .oneOf(["manual", "automatic"]),
            "ha-sync-mode value",
            [.classic]
        ),
        idle(
            "ha-sync-batch-size",
            .integer(1...Int64.max),
            "ha-sync-batch-size value",
            [.classic]
        ),
        idle(
            "ha-promote-on-shutdown",
            .oneOf(["always", "when-synced"]),
            "ha-promote-on-shutdown value",
            [.classic]
        ),
        idle(
            "ha-promote-on-failure",
            .oneOf(["always", "when-synced"]),
            "ha-promote-on-failure value",
            [.classic]
        ),
    ]

    private static func idle(
        _ name: ShortString,
        _ form: Form,
        _ noun: String,
        _ types: Set<QueueType>
    ) -> PolicyKey {
        PolicyKey(name: name, form: form, noun: noun, types: types, isArgument: false)
    }
}

extension PolicyKey {
    static func find(_ name: ShortString) -> PolicyKey? { all[name] }

    /// Whether queues of a type have a setting of this name.
    static func isKnown(_ name: ShortString, to type: QueueType) -> Bool {
        find(name)?.types.contains(type) ?? false
    }

    /// Checks the settings of a policy.
    ///
    /// - Throws: The first wrong value in the order of the names, or else all unknown names
    ///   (RabbitMQ: rabbit_policy, validation).
    static func validate(
        _ definition: FieldTable,
        of kind: Policy.Kind
    ) throws(PolicyError) {
        guard !definition.isEmpty else { throw PolicyError(reason: "no policy provided") }
        var unknown: [FieldTable.Entry] = []
        for entry in definition.entries.sorted(by: { $0.name < $1.name }) {
            guard let key = find(entry.name), kind == .user || key.isOperator else {
                unknown.append(entry)
                continue
            }
            guard key.isValid(entry.value) else {
                throw PolicyError(
                    reason: "\(entry.value.erlangTerm) is not a valid \(key.noun)"
                )
            }
        }
        if let mirrored = mirroring(in: definition) { throw PolicyError(reason: mirrored) }
        guard unknown.isEmpty else {
            let terms = unknown.map {
                "{\(FieldValue.longString($0.name.bytes).erlangTerm),\($0.value.erlangTerm)}"
            }
            throw PolicyError(
                reason: "[\(terms.joined(separator: ","))] are not recognised policy settings"
            )
        }
    }

    private func isValid(_ value: FieldValue) -> Bool {
        switch form {
        case .exchange: if case .longString = value { return true } else { return false }
        case .routingKey:
            guard case .longString(let octets) = value else { return false }
            return octets.count <= ShortString.countMax
        case .integer(let range): return value.integer.map(range.contains) ?? false
        case .oneOf(let words): return value.text.map(words.contains) ?? false
        case .age: return value.text.flatMap(StreamAge.parse) != nil
        case .anything: return true
        }
    }

    /// What is wrong with settings of mirrored queues, which depend on each other (RabbitMQ:
    /// rabbit_mirror_queue_misc, validate_policy).
    private static func mirroring(in definition: FieldTable) -> String? {
        let given = definition["ha-params"]
        let text = given?.erlangTerm ?? "none"
        switch definition["ha-mode"]?.text {
        case nil:
            let dependent: [ShortString] = [
                "ha-params", "ha-sync-mode", "ha-sync-batch-size", "ha-promote-on-shutdown",
                "ha-promote-on-failure",
            ]
            guard dependent.contains(where: { definition[$0] != nil }) else { return nil }
            return "ha-mode must be specified to specify ha-params, ha-sync-mode or "
                + "ha-promote-on-shutdown"
        case "all" where given != nil: return "ha-mode=\"all\" does not take parameters"
        case "exactly" where given?.integer.map({ $0 > 0 }) != true:
            return "ha-mode=\"exactly\" takes an integer, \(text) given"
        case "nodes":
            guard case .array(let nodes)? = given else {
                return "ha-mode=\"nodes\" takes a list, \(text) given"
            }
            if nodes.isEmpty { return "ha-mode=\"nodes\" list must be non-empty" }
            let wrong = nodes.filter { $0.text == nil }.map(\.erlangTerm)
            guard !wrong.isEmpty else { return nil }
            return "ha-mode=\"nodes\" takes a list of strings, [\(wrong.joined(separator: ","))] "
                + (wrong.count == 1 ? "was not a string" : "were not strings")
        default: return nil
        }
    }
}

extension FieldValue {
    /// The value as RabbitMQ writes it into texts: as a term of Erlang.
    var erlangTerm: String {
        if let number = integer { return "\(number)" }
        switch self {
        case .bool(let flag): return "\(flag)"
        case .float(let number): return "\(number)"
        case .double(let number): return "\(number)"
        case .longString(let octets), .byteArray(let octets):
            return "<<\"\(Self.erlangText(octets))\">>"
        case .array(let values):
            return "[\(values.map(\.erlangTerm).joined(separator: ","))]"
        case .table(let table):
            let members = table.entries.map {
                "\(FieldValue.longString($0.name.bytes).erlangTerm) => \($0.value.erlangTerm)"
            }
            return "#{\(members.joined(separator: ","))}"
        default: return "null"
        }
    }

    private static func erlangText(_ octets: [UInt8]) -> String {
        var text = ""
        for character in String(decoding: octets, as: UTF8.self).unicodeScalars {
            switch character {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
