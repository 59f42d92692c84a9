import Wire

/// Working out where a message goes.
extension Handle where State == VirtualHostState {
    /// The exchange a client may publish to.
    ///
    /// - Throws: 404 when there is none, 403 when it is internal.
    func exchangeToPublish(to name: ByteView) throws(ProtocolError) -> Exchange {
        guard let exchange = state.exchanges.value(for: name) else {
            throw ProtocolError(
                .notFound,
                "no exchange '\(name.string)' in vhost '\(nameText)'",
                method: BasicPublish.id
            )
        }
        if exchange.state.isInternal {
            throw ProtocolError(
                .accessRefused,
                "cannot publish to internal exchange '\(name.string)' in vhost '\(nameText)'",
                method: BasicPublish.id
            )
        }
        return exchange
    }

    /// The queues of a message, from the exchange's remembered routes or worked out now.
    ///
    /// - Throws: 501 when the headers cannot be read and had to be.
    func routes(
        of message: Message,
        through exchange: Exchange
    ) throws(ProtocolError)
        -> RouteList
    {
        if exchange.state.delayQueue != nil, let headers = headers(of: message),
            DelayHeader.request(in: headers) != nil
        {
            return try routes(of: message, extraKeys: [], through: exchange)
        }
        return try knownRoutes(of: message, through: exchange)
    }

    /// The same for a message that is not to be delayed here.
    func knownRoutes(
        of message: Message,
        through exchange: Exchange
    ) throws(ProtocolError)
        -> RouteList
    {
        let key = message.routingKey
        let version = state.topologyVersion
        if let list = exchange.state.routes.find(key, topologyVersion: version) { return list }
        beginRouting()
        let isKeyOnly = try follow(exchange, message, and: [])
        let list = RouteList(
            exchange: exchange,
            queues: state.routeScratch.queues,
            isRemembered: isKeyOnly
        )
        guard isKeyOnly else { return keepInScratch(list) }
        if exchange.state.routes.insert(list, for: key, topologyVersion: version) {
            state.routeGeneration &+= 1
        }
        return list
    }

    /// The queues under the message's routing key and further ones (CC, BCC), each queue once.
    ///
    /// Every exchange on the way looks at every key, as in RabbitMQ: one key may lead to an
    /// exchange and another one on from there.
    ///
    /// - Throws: 501 when the headers cannot be read and had to be.
    func routes(
        of message: Message,
        extraKeys: [[UInt8]],
        through exchange: Exchange
    )
        throws(ProtocolError) -> RouteList
    {
        beginRouting()
        _ = try follow(exchange, message, and: extraKeys)
        return keepInScratch(
            RouteList(
                exchange: exchange,
                queues: state.routeScratch.queues,
                isRemembered: false
            )
        )
    }

    private func keepInScratch(_ list: RouteList) -> RouteList {
        state.routeScratch.list?.destroy()
        state.routeScratch.list = list
        return list
    }

    private func headers(of message: Message) -> ByteView? {
        do throws(WireError) {
            return try PropertyScan(message.properties).headerEntries
        } catch {
            // Inspection has refused such properties before any routing.
            return nil
        }
    }

    private func beginRouting() {
        state.routeMark &+= 1
        state.routeScratch.queues.removeAll(keepingCapacity: true)
        state.routeScratch.awaitedLSN = nil
    }

    /// Follows an exchange, and those it leads to, and collects queues in the scratch.
    ///
    /// Each exchange is visited once, so cycles end; an exchange that routes
    /// nowhere passes on to its alternate exchange (RabbitMQ: rabbit_exchange, route).
    ///
    /// - Returns: Whether exchange and keys alone decided.
    private func follow(
        _ start: Exchange,
        _ message: Message,
        and extraKeys: [[UInt8]]
    )
        throws(ProtocolError) -> Bool
    {
        let headers = headers(of: message)
        var isKeyOnly = true
        var index = 0
        state.routeSerial &+= 1
        let visit = state.routeSerial
        state.routeScratch.exchanges.removeAll(keepingCapacity: true)
        state.routeScratch.exchanges.append(start)
        start.state.routeSerial = visit
        while index < state.routeScratch.exchanges.count {
            let exchange = state.routeScratch.exchanges[index]
            index += 1
            if !exchange.state.router.dependsOnKeyOnly { isKeyOnly = false }
            if exchange.state.delayQueue != nil {
                if exchange != start { isKeyOnly = false }
                if delay(message, headers: headers, extraKeys, in: exchange) { continue }
            }
            if exchange.state.history.countMax > 0 {
                remember(message, headers: headers, in: exchange)
            }
            let subject = RoutingSubject(headers: headers, properties: message.properties)
            var isRouted = false
            if !isDuplicate(message, headers: headers, in: exchange) {
                isRouted = try step(exchange, message.routingKey, subject, visit: visit)
            }
            for extraKey in extraKeys where exchange.state.router.looksAtEveryKey {
                let isRoutedToo = try ByteView.with(extraKey) { view throws(ProtocolError) in
                    try step(exchange, view, subject, visit: visit)
                }
                isRouted = isRouted || isRoutedToo
            }
            guard !isRouted, let name = exchange.state.alternateExchange,
                let alternate = self.exchange(named: name)
            else { continue }
            visitOnce(alternate, visit)
        }
        return isKeyOnly
    }

    private func step(
        _ exchange: Exchange,
        _ key: ByteView,
        _ subject: RoutingSubject,
        visit: UInt64
    )
        throws(ProtocolError) -> Bool
    {
        if exchange.state.kind == .default {
            guard let queue = state.queues.value(for: key) else { return false }
            collect(queue)
            return true
        }
        state.routeScratch.destinations.removeAll(keepingCapacity: true)
        do throws(WireError) {
            try exchange.state.router.route(
                key: key,
                headers: subject.headers,
                properties: subject.properties,
                into: &state.routeScratch.destinations
            )
        } catch {
            throw ProtocolError(error, method: BasicPublish.id)
        }
        for index in state.routeScratch.destinations.indices {
            switch state.routeScratch.destinations[index] {
            case .queue(let queue): collect(queue)
            case .exchange(let next): visitOnce(next, visit)
            }
        }
        return !state.routeScratch.destinations.isEmpty
    }

    private func visitOnce(_ exchange: Exchange, _ visit: UInt64) {
        guard exchange.state.routeSerial != visit else { return }
        exchange.state.routeSerial = visit
        state.routeScratch.exchanges.append(exchange)
    }

    private func collect(_ queue: Queue) {
        guard queue.state.routeMark != state.routeMark else { return }
        queue.state.routeMark = state.routeMark
        state.routeScratch.queues.append(queue)
    }
}

/// What of a message matters to routing beside its keys.
private struct RoutingSubject {
    /// The entries of its headers table; `nil` without one.
    let headers: ByteView?
    let properties: ByteView
}
