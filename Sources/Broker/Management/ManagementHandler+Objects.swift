import Wire

/// Reading queues, exchanges and bindings.
extension ManagementHandler {
    func listQueues(in name: [UInt8]?, _ call: Call) throws(ManagementError) -> ManagementResponse {
        var snapshots: [QueueSnapshot] = []
        for domain in try domains(name) {
            walk(domain).forEachQueue { queue in
                snapshots.append(call.inspection.snapshot(queue))
                return 1
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func readQueue(
        _ name: [UInt8],
        in virtualHost: [UInt8],
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        let domain = try domain(virtualHost)
        let snapshot = domain.lock.withLock { () -> QueueSnapshot? in
            guard let queue = domain.virtualHost.queue(bytes: name) else { return nil }
            var snapshot = call.inspection.snapshot(queue)
            snapshot.consumers = queue.state.consumers.map { call.inspection.snapshot($0) }
            return snapshot
        }
        guard let snapshot else { throw .notFound }
        return ManagementResponse(snapshot.json, query: call.query)
    }

    func listExchanges(
        in name: [UInt8]?,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        var snapshots: [ExchangeSnapshot] = []
        for domain in try domains(name) {
            walk(domain).forEachExchange { exchange in
                let virtualHost = domain.virtualHost.state.name
                snapshots.append(call.inspection.snapshot(exchange, virtualHost: virtualHost))
                return 1
            }
        }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    func readExchange(
        _ name: [UInt8],
        in virtualHost: [UInt8],
        _ call: Call
    )
        throws(ManagementError) -> ManagementResponse
    {
        let domain = try domain(virtualHost)
        let snapshot = domain.lock.withLock {
            domain.virtualHost.exchange(bytes: name).map {
                call.inspection.snapshot($0, virtualHost: virtualHost)
            }
        }
        guard let snapshot else { throw .notFound }
        return ManagementResponse(snapshot.json, query: call.query)
    }

    // MARK: Bindings

    /// Where the core keeps a list of bindings.
    private enum BindingEnd {
        case intoQueue([UInt8])
        case intoExchange([UInt8])
        case outOfExchange([UInt8])
    }

    func readBindings(
        _ resource: ManagementResource,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        switch resource {
        case .bindings(let virtualHost):
            var snapshots: [BindingSnapshot] = []
            for domain in try domains(virtualHost) {
                snapshots += allBindings(domain, call.inspection)
            }
            return try ManagementList.respond(snapshots, query: call.query)
        case .queueBindings(let virtualHost, let name):
            let list = BindingEnd.intoQueue(name)
            return try listBindings(list, in: try domain(virtualHost), call)
        case .exchangeBindings(let virtualHost, let name, let isSource):
            let list = isSource ? BindingEnd.outOfExchange(name) : .intoExchange(name)
            return try listBindings(list, in: try domain(virtualHost), call)
        case .bindingsBetween(let ends):
            let between = try bindings(between: ends, call.inspection)
            return try ManagementList.respond(between, query: call.query)
        case .binding(let ends, let key):
            return ManagementResponse(
                try binding(ends, key, call.inspection).json,
                query: call.query
            )
        default: throw .notFound
        }
    }

    /// The binding between two ends that a path segment names.
    ///
    /// - Throws: `.notFound`
    func binding(
        _ ends: ManagementResource.BindingEnds,
        _ key: [UInt8],
        _ inspection: Inspection
    ) throws(ManagementError) -> BindingSnapshot {
        let between = try bindings(between: ends, inspection)
        guard let binding = between.first(where: { $0.isNamed(key) }) else { throw .notFound }
        return binding
    }

    private func bindings(
        between ends: ManagementResource.BindingEnds,
        _ inspection: Inspection
    )
        throws(ManagementError) -> [BindingSnapshot]
    {
        let domain = try domain(ends.virtualHost)
        let hasSource = domain.lock.withLock {
            domain.virtualHost.exchange(bytes: ends.source) != nil
        }
        let destination = ends.destination
        let list: BindingEnd =
            ends.isToExchange ? .intoExchange(destination) : .intoQueue(destination)
        guard hasSource, let snapshots = bindings(list, in: domain, inspection) else {
            throw .notFound
        }
        return snapshots.filter { $0.source == ends.source }
    }

    private func listBindings(
        _ list: BindingEnd,
        in domain: VirtualHostDomain,
        _ call: Call
    )
        throws(ManagementError) -> ManagementResponse
    {
        guard let snapshots = bindings(list, in: domain, call.inspection) else { throw .notFound }
        return try ManagementList.respond(snapshots, query: call.query)
    }

    /// Every binding, listed where it ends; long lists are read afterwards, piece by piece.
    private func allBindings(
        _ domain: VirtualHostDomain,
        _ inspection: Inspection
    )
        -> [BindingSnapshot]
    {
        var snapshots: [BindingSnapshot] = []
        var longLists: [BindingEnd] = []
        func add(_ bindings: BindingList, _ list: BindingEnd, _ virtualHost: [UInt8]) -> Int {
            guard bindings.count <= sliceCountMax else {
                longLists.append(list)
                return 1
            }
            for binding in bindings.all {
                snapshots.append(inspection.snapshot(binding, virtualHost: virtualHost))
            }
            return 1 + bindings.count
        }
        walk(domain).forEachQueue { queue in
            let name = domain.virtualHost.state.name
            let bindings = queue.state.bindings
            if bindings.count <= sliceCountMax {
                snapshots.append(inspection.defaultBinding(of: queue))
            }
            return add(bindings, .intoQueue(queue.state.name), name)
        }
        walk(domain).forEachExchange { exchange in
            let name = domain.virtualHost.state.name
            return add(exchange.state.inboundBindings, .intoExchange(exchange.state.name), name)
        }
        for list in longLists { snapshots += bindings(list, in: domain, inspection) ?? [] }
        return snapshots
    }

    /// One list; `nil` when the object it belongs to is not there, or goes while it is read.
    private func bindings(
        _ list: BindingEnd,
        in domain: VirtualHostDomain,
        _ inspection: Inspection
    ) -> [BindingSnapshot]? {
        if case .outOfExchange([]) = list { return defaultBindings(domain, inspection) }
        var snapshots: [BindingSnapshot] = []
        var isThere = false
        var seen: Set<ObjectIdentifier> = []
        walk(domain).forEachPiece { virtualHost, below, countMax in
            guard let bindings = bindings(list, in: virtualHost)?.all else {
                isThere = false
                return nil
            }
            let name = virtualHost.state.name
            if !isThere, case .intoQueue(let queueName) = list,
                let queue = virtualHost.queue(bytes: queueName)
            {
                snapshots.append(inspection.defaultBinding(of: queue))
            }
            isThere = true
            let end = min(below, bindings.count)
            let start = max(0, end - countMax)
            for binding in bindings[start..<end]
            where seen.insert(ObjectIdentifier(binding)).inserted {
                snapshots.append(inspection.snapshot(binding, virtualHost: name))
            }
            return start
        }
        return isThere ? snapshots : nil
    }

    private func bindings(_ list: BindingEnd, in virtualHost: VirtualHost) -> BindingList? {
        switch list {
        case .intoQueue(let name): virtualHost.queue(bytes: name)?.state.bindings
        case .intoExchange(let name): virtualHost.exchange(bytes: name)?.state.inboundBindings
        case .outOfExchange(let name): virtualHost.exchange(bytes: name)?.state.bindings
        }
    }

    private func defaultBindings(
        _ domain: VirtualHostDomain,
        _ inspection: Inspection
    )
        -> [BindingSnapshot]
    {
        var snapshots: [BindingSnapshot] = []
        walk(domain).forEachQueue { queue in
            snapshots.append(inspection.defaultBinding(of: queue))
            return 1
        }
        return snapshots
    }
}

extension Handle where State == VirtualHostState {
    func queue(bytes name: [UInt8]) -> Queue? {
        ByteView.with(name) { state.queues.value(for: $0) }
    }

    func exchange(bytes name: [UInt8]) -> Exchange? {
        ByteView.with(name) { state.exchanges.value(for: $0) }
    }
}
