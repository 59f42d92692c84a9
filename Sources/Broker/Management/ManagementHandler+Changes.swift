import Wire

/// What management may change: delete, purge, unbind, close.
extension ManagementHandler {
    func delete(
        _ resource: ManagementResource,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        switch resource {
        case .queue(let virtualHost, let name):
            try deleteQueue(name, in: try domain(virtualHost), call)
        case .queueContents(let virtualHost, let name):
            try change(try domain(virtualHost), call) { (virtualHost) throws(ManagementError) in
                let queue = try queue(name, in: virtualHost)
                guard queue.state.stream == nil else {
                    throw .badRequest("a stream cannot be purged")
                }
                _ = queue.purge()
            }
        case .exchange(let virtualHost, let name):
            try deleteExchange(name, in: try domain(virtualHost), call)
        case .binding(let ends, let key): try deleteBinding(ends, key, call)
        case .connection(let name): try closeConnection(name, call)
        case .policy(let kind, let virtualHost, let name):
            try deletePolicy(kind, name, in: try domain(virtualHost), call)
        default: throw .methodNotAllowed([.get])
        }
        return .noContent
    }

    /// Makes what a path names, or changes it.
    func put(
        _ resource: ManagementResource,
        _ call: Call
    ) throws(ManagementError)
        -> ManagementResponse
    {
        guard case .policy(let kind, let virtualHost, let name) = resource else {
            throw .methodNotAllowed([.get])
        }
        guard let domain = registry.domain(named: virtualHost) else { throw .virtualHostNotFound }
        return try putPolicy(kind, name, in: domain, call)
    }

    /// Runs `body` as a batch of its own and sends what it wrote.
    func change(
        _ domain: VirtualHostDomain,
        _ call: Call,
        _ body: (VirtualHost) throws(ManagementError) -> Void
    ) throws(ManagementError) {
        domain.lock.lock()
        domain.virtualHost.begin(at: call.inspection.now)
        defer { finish(domain) }
        try body(domain.virtualHost)
    }

    /// The queue by this name, unless it is exclusive to a connection.
    private func queue(
        _ name: [UInt8],
        in virtualHost: VirtualHost
    ) throws(ManagementError)
        -> Queue
    {
        guard let queue = virtualHost.queue(bytes: name) else { throw .notFound }
        guard queue.state.owner == nil else {
            throw .badRequest(
                "cannot obtain exclusive access to locked queue \(describe(name, virtualHost))"
            )
        }
        return queue
    }

    private func deleteQueue(
        _ name: [UInt8],
        in domain: VirtualHostDomain,
        _ call: Call
    )
        throws(ManagementError)
    {
        try change(domain, call) { (virtualHost) throws(ManagementError) in
            let queue = try queue(name, in: virtualHost)
            if call.query.isIfUnused, !queue.state.consumers.isEmpty {
                throw .badRequest("queue \(describe(name, virtualHost)) in use")
            }
            if call.query.isIfEmpty, !queue.state.ready.isEmpty {
                throw .badRequest("queue \(describe(name, virtualHost)) not empty")
            }
            virtualHost.delete(queue)
        }
    }

    private func deleteExchange(
        _ name: [UInt8],
        in domain: VirtualHostDomain,
        _ call: Call
    )
        throws(ManagementError)
    {
        try change(domain, call) { (virtualHost) throws(ManagementError) in
            guard virtualHost.exchange(bytes: name) != nil, let exchange = ShortString(bytes: name)
            else { throw .notFound }
            do throws(ProtocolError) {
                try virtualHost.delete(
                    ExchangeDelete(exchange: exchange, ifUnused: call.query.isIfUnused)
                )
            } catch {
                if error.code == .accessRefused { throw .notAuthorised("Access refused.") }
                throw .badRequest("exchange \(describe(name, virtualHost)) in use")
            }
        }
    }

    private func deleteBinding(
        _ ends: ManagementResource.BindingEnds,
        _ key: [UInt8],
        _ call: Call
    ) throws(ManagementError) {
        let binding = try binding(ends, key, call.inspection)
        guard !ends.source.isEmpty else { throw .notAuthorised("Access refused.") }
        try change(try domain(ends.virtualHost), call) { (virtualHost) throws(ManagementError) in
            let destination: Destination? =
                ends.isToExchange
                ? virtualHost.exchange(bytes: ends.destination).map { .exchange($0) }
                : virtualHost.queue(bytes: ends.destination).map { .queue($0) }
            guard let source = virtualHost.exchange(bytes: ends.source), let destination,
                let bindingKey = ShortString(bytes: binding.bindingKey)
            else { throw .notFound }
            virtualHost.unbind(
                source,
                from: destination,
                key: bindingKey,
                arguments: binding.arguments
            )
        }
    }

    private func closeConnection(_ name: [UInt8], _ call: Call) throws(ManagementError) {
        let wanted = String(decoding: name, as: UTF8.self)
        let error = ProtocolError(.connectionForced, call.reason)
        for domain in registry.all {
            var isFound = false
            walk(domain).forEachConnection { connection in
                guard connection.state.peer.connectionName == wanted else { return 1 }
                isFound = true
                domain.virtualHost.begin(at: call.inspection.now)
                if connection.state.phase == .open { connection.closeByServer(error) }
                return 1
            }
            guard isFound else { continue }
            domain.lock.lock()
            finish(domain)
            return
        }
        throw .notFound
    }

    /// As error texts name an object: `'jobs' in vhost '/'`.
    private func describe(_ name: [UInt8], _ virtualHost: VirtualHost) -> String {
        "'\(String(decoding: name, as: UTF8.self))' in vhost '\(virtualHost.nameText)'"
    }
}
