import Wire

/// Answers management requests: finds the resource, reads the core in slices, writes JSON.
///
/// Takes each virtual host's lock for a slice at a time; the caller holds none. One thread at a
/// time.
struct ManagementHandler {
    let server: ServerDescription
    let registry: VirtualHostRegistry
    let startedAt: Instant
    /// What the process has in memory, in octets.
    let residentBytes: @Sendable () -> Int
    /// Unlocks a virtual host after a change and sends what the change wrote.
    let finish: @Sendable (VirtualHostDomain) -> Void
    /// What to do between two slices.
    var pause: @Sendable () -> Void = {}
    var sliceCountMax = 1_000

    /// A request with all that its answer depends on.
    struct Call {
        let query: ManagementQuery
        let user: String
        /// Why a connection is closed (RabbitMQ: X-Reason).
        let reason: String
        let body: [UInt8]
        let inspection: Inspection
    }

    /// Carries out a request.
    ///
    /// - Parameters:
    ///   - message: As it came from the management exchange.
    ///   - now: The clock's reading.
    ///   - wallTime: The calendar's, at the same moment.
    /// - Returns: The answer; errors are answers, too.
    func respond(
        to message: ManagementMessage,
        at now: Instant,
        wallTime: WallTime
    )
        -> ManagementResponse
    {
        do throws(ManagementError) {
            let request = try ManagementRequest(target: target(of: message))
            let resource = try ManagementResource(request)
            let call = Call(
                query: request.query,
                user: message.user,
                reason: message.properties.headers?["x-reason"]?.text
                    ?? "Closed via management",
                body: message.body,
                inspection: Inspection(node: server.node, now: now, wallTime: wallTime)
            )
            switch request.method {
            case .delete: return try delete(resource, call)
            case .put: return try put(resource, call)
            default: return try read(resource, call)
            }
        } catch {
            return ManagementResponse(error)
        }
    }

    /// The routing key, unless the header `target` says it at greater length.
    private func target(of message: ManagementMessage) -> [UInt8] {
        guard case .longString(let bytes)? = message.properties.headers?["target"] else {
            return message.target
        }
        return bytes
    }

    private func read(
        _ resource: ManagementResource,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        switch resource {
        case .overview, .nodes, .node: try readServer(resource, call)
        case .whoAmI:
            ManagementResponse(
                ["name": .string(call.user), "tags": ["administrator"]],
                query: call.query
            )
        case .clusterName: ManagementResponse(["name": .string(server.node)], query: call.query)
        case .ping, .healthCheck: ManagementResponse(["status": "ok"], query: call.query)
        case .storage:
            ManagementResponse(status: 200, body: JSONValue.array(storage.map(\.json)).encoded)
        case .alarms: readAlarms(call)
        case .aliveness(let name): try readAliveness(name)
        case .virtualHosts, .virtualHost: try readVirtualHosts(resource, call)
        case .queues(let virtualHost): try listQueues(in: virtualHost, call)
        case .queue(let virtualHost, let name): try readQueue(name, in: virtualHost, call)
        case .exchanges(let virtualHost): try listExchanges(in: virtualHost, call)
        case .exchange(let virtualHost, let name): try readExchange(name, in: virtualHost, call)
        case .bindings, .queueBindings, .exchangeBindings, .bindingsBetween, .binding:
            try readBindings(resource, call)
        case .connections(let virtualHost): try listConnections(in: virtualHost, call)
        case .connection(let name): try readConnection(name, call)
        case .connectionChannels(let name): try listChannels(ofConnection: name, call)
        case .channels(let virtualHost): try listChannels(in: virtualHost, call)
        case .channel(let name): try readChannel(name, call)
        case .consumers(let virtualHost): try listConsumers(in: virtualHost, call)
        case .policies(let kind, let virtualHost): try listPolicies(kind, in: virtualHost, call)
        case .policy(let kind, let virtualHost, let name):
            try readPolicy(kind, name, in: virtualHost, call)
        case .queueContents: throw .methodNotAllowed([.delete])
        }
    }

    // MARK: Virtual hosts

    /// One virtual host by name, or all of them.
    ///
    /// - Throws: `.notFound` when there is none by that name.
    func domains(_ name: [UInt8]?) throws(ManagementError) -> [VirtualHostDomain] {
        guard let name else { return registry.all }
        return [try domain(name)]
    }

    func domain(_ name: [UInt8]) throws(ManagementError) -> VirtualHostDomain {
        guard let domain = registry.domain(named: name) else { throw .notFound }
        return domain
    }

    func walk(_ domain: VirtualHostDomain) -> DomainWalk {
        DomainWalk(domain: domain, sliceCountMax: sliceCountMax, pause: pause)
    }

    // MARK: The server

    private func readServer(
        _ resource: ManagementResource,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        if case .node(let name) = resource, name != Array(server.node.utf8) { throw .notFound }
        let overview = OverviewSnapshot(
            server,
            virtualHosts: registry.all.map { snapshot($0, call) },
            storage: storage,
            memoryBytes: residentBytes(),
            uptime: call.inspection.now - startedAt
        )
        switch resource {
        case .overview: return ManagementResponse(overview.json, query: call.query)
        case .node: return ManagementResponse(overview.nodeJSON, query: call.query)
        default:
            let node = ManagementList.select(call.query.columns, of: overview.nodeJSON)
            return ManagementResponse(status: 200, body: JSONValue.array([node]).encoded)
        }
    }

    private var storage: [StorageSnapshot] {
        registry.all.compactMap { domain in
            guard var snapshot = domain.lock.withLock({ StorageSnapshot(domain) }) else {
                return nil
            }
            walk(domain).forEachQueue { queue in
                let count = UInt64(queue.state.counters.lost)
                if count > 0 { snapshot.lost.append((queue: queue.state.name, count: count)) }
                return 1
            }
            return snapshot
        }
    }

    /// 503 while publishers are held back (RabbitMQ: health checks).
    private func readAlarms(_ call: Call) -> ManagementResponse {
        let reasons = storage.compactMap(\.blockReason)
        if reasons.isEmpty { return ManagementResponse(["status": "ok"], query: call.query) }
        let body: JSONValue = [
            "status": "failed", "reason": .string(reasons.joined(separator: "; ")),
            "alarms": [["node": .string(server.node), "resource": "disk"]],
        ]
        return ManagementResponse(status: 503, body: body.encoded)
    }

    private func readAliveness(_ name: [UInt8]) throws(ManagementError) -> ManagementResponse {
        let domain = try domain(name)
        // Getting the lock is the test: a virtual host that is stuck does not answer.
        return domain.lock.withLock { ManagementResponse(["status": "ok"]) }
    }

    private func readVirtualHosts(
        _ resource: ManagementResource,
        _ call: Call
    )
        throws(ManagementError) -> ManagementResponse
    {
        if case .virtualHost(let name) = resource {
            return ManagementResponse(snapshot(try domain(name), call).json, query: call.query)
        }
        return try ManagementList.respond(
            registry.all.map { snapshot($0, call) },
            query: call.query
        )
    }

    /// Counts everything in a virtual host.
    private func snapshot(_ domain: VirtualHostDomain, _ call: Call) -> VirtualHostSnapshot {
        var snapshot = domain.lock.withLock {
            VirtualHostSnapshot(name: domain.virtualHost.state.name, node: server.node)
        }
        walk(domain).forEachQueue { queue in
            snapshot.objects.consumers += queue.state.consumers.count
            snapshot.readyCount += queue.state.ready.count
            snapshot.unackedCount += queue.state.unackedCount
            return 1
        }
        walk(domain).forEachConnection { connection in
            connection.state.channels.forEach { $0.foldCounters() }
            snapshot.objects.channels += connection.state.channelCount
            return 1 + connection.state.channelCount
        }
        domain.lock.withLock {
            let state = domain.virtualHost
            snapshot.objects.connections = state.state.connectionCount
            snapshot.objects.queues = state.state.queues.count
            snapshot.objects.exchanges = state.state.exchanges.count
            snapshot.totals = MessageTotals(state.state.counters, state.state.rates)
        }
        return snapshot
    }
}
