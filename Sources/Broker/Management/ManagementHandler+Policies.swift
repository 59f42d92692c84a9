import Wire

/// Policies: listing, setting and clearing them.
extension ManagementHandler {
    func listPolicies(
        _ kind: Policy.Kind,
        in name: [UInt8]?,
        _ call: Call
    ) throws(ManagementError) -> ManagementResponse {
        var snapshots: [PolicySnapshot] = []
        for domain in try domains(name) {
            snapshots += domain.lock.withLock {
                let virtualHost = domain.virtualHost.state.name
                return domain.virtualHost.state.policies.all(kind).map {
                    PolicySnapshot(virtualHost: virtualHost, record: $0.record)
                }
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func readPolicy(
        _ kind: Policy.Kind,
        _ name: [UInt8],
        in virtualHost: [UInt8],
        _ call: Call
    ) throws(ManagementError) -> ManagementResponse {
        guard let name = ShortString(bytes: name),
            let policy = policy(kind, name, in: try domain(virtualHost))
        else { throw .notFound }
        let snapshot = PolicySnapshot(virtualHost: virtualHost, record: policy.record)
        return ManagementResponse(snapshot.json, query: call.query)
    }

    private func policy(
        _ kind: Policy.Kind,
        _ name: ShortString,
        in domain: VirtualHostDomain
    ) -> Policy? {
        domain.lock.withLock { domain.virtualHost.state.policies.policy(kind, named: name) }
    }

    /// Sets a policy as the body says; queues follow in slices.
    func putPolicy(
        _ kind: Policy.Kind,
        _ name: [UInt8],
        in domain: VirtualHostDomain,
        _ call: Call
    ) throws(ManagementError) -> ManagementResponse {
        guard let name = ShortString(bytes: name) else {
            throw .badRequest("the name is longer than \(ShortString.countMax) octets")
        }
        let policy: Policy
        do throws(PolicyError) {
            policy = try Policy(try PolicyRecord(kind, name, body: call.body))
        } catch {
            throw .badRequest(error.text)
        }
        let isNew = self.policy(kind, name, in: domain) == nil
        try change(domain, call) { (virtualHost) throws(ManagementError) in
            do throws(PolicyError) {
                try virtualHost.set(policy)
            } catch {
                throw .badRequest(error.text)
            }
        }
        try applyPolicies(in: domain, call)
        return isNew ? .created : .noContent
    }

    func deletePolicy(
        _ kind: Policy.Kind,
        _ name: [UInt8],
        in domain: VirtualHostDomain,
        _ call: Call
    ) throws(ManagementError) {
        guard let name = ShortString(bytes: name), policy(kind, name, in: domain) != nil else {
            throw .notFound
        }
        try change(domain, call) { (virtualHost) throws(ManagementError) in
            virtualHost.clearPolicy(kind, named: name)
        }
        try applyPolicies(in: domain, call)
    }

    /// Lets every queue follow the policies there are now; messages flow between two slices.
    private func applyPolicies(
        in domain: VirtualHostDomain,
        _ call: Call
    ) throws(ManagementError) {
        var cursor = ByteKeyTable<Queue>.Cursor()
        var isMore = true
        while isMore {
            try change(domain, call) { (virtualHost) throws(ManagementError) in
                isMore = virtualHost.applyPolicies(from: &cursor, countMax: sliceCountMax)
            }
            if isMore { pause() }
        }
    }
}

extension PolicyRecord {
    /// Largest body of a request, in octets.
    fileprivate static let bodySizeMax = 64 * 1024

    /// Reads what a request asks for (RabbitMQ: rabbit_mgmt_wm_policy, accept_content).
    ///
    /// - Throws: What is missing or of the wrong kind; what the policy says is not looked at.
    fileprivate init(
        _ kind: Policy.Kind,
        _ name: ShortString,
        body: [UInt8]
    ) throws(PolicyError) {
        let members = try Self.members(body)
        let missing = ["pattern", "definition"].filter { members[$0] == nil }
        guard missing.isEmpty, let pattern = members["pattern"],
            let definition = members["definition"]
        else {
            let list = missing.map { "{key_missing,\($0)}" }.joined(separator: ",")
            throw .malformed("[\(list)]")
        }
        guard case .string(let expression) = pattern else {
            throw PolicyError(
                reason: "pattern should be a binary but was \(pattern.erlangTerm)"
            )
        }
        guard case .object(let object) = definition, let table = FieldTable(object) else {
            throw PolicyError(reason: "definition must be a dictionary: \(definition.erlangTerm)")
        }
        self.init(
            kind: kind,
            name: name,
            pattern: Array(expression.utf8),
            definition: table,
            priority: try Self.priority(members["priority"]),
            target: try Self.target(members["apply-to"])
        )
    }

    private static func members(_ body: [UInt8]) throws(PolicyError) -> JSONObject {
        if body.isEmpty { return JSONObject() }
        guard body.count <= bodySizeMax else {
            throw .malformed("the body is longer than \(bodySizeMax) octets")
        }
        do throws(JSONReader.Failure) {
            if case .object(let object) = try JSONReader.read(body) { return object }
        } catch {
            throw .malformed("not_json")
        }
        throw .malformed("not_json")
    }

    private static func priority(_ value: JSONValue?) throws(PolicyError) -> Double {
        switch value {
        case nil: return 0
        case .integer(let number)?: return Double(number)
        case .double(let number)?: return number
        case .some(let other):
            throw PolicyError(
                reason: "priority should be a number, actually was \(other.erlangTerm)"
            )
        }
    }

    private static func target(_ value: JSONValue?) throws(PolicyError) -> Policy.Target {
        guard let value else { return .all }
        if case .string(let text) = value, let target = Policy.Target(rawValue: text) {
            return target
        }
        let text = if case .string(let text) = value { text } else { value.erlangTerm }
        throw PolicyError(
            reason: "apply-to '\(text)' unrecognised; should be one of: 'queues', "
                + "'classic_queues', 'quorum_queues', 'streams', 'exchanges', or 'all'"
        )
    }
}

extension JSONValue {
    /// The value as RabbitMQ writes it into texts.
    fileprivate var erlangTerm: String { FieldValue(self)?.erlangTerm ?? text }
}
