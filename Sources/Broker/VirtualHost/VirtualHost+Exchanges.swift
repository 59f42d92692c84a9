import Wire

/// Declaring and deleting exchanges.
extension Handle where State == VirtualHostState {
    var nameText: String { String(decoding: state.name, as: UTF8.self) }

    /// Name of the reserved exchange that answers inspection requests.
    static var managementExchange: ShortString { "brokerd.management" }

    func exchange(named name: ShortString) -> Exchange? {
        ByteView.with(name.bytes) { state.exchanges.value(for: $0) }
    }

    /// The exchange by this name, or 404.
    func existingExchange(_ name: ShortString) throws(ProtocolError) -> Exchange {
        guard let exchange = exchange(named: name) else {
            throw ProtocolError(
                .notFound,
                "no exchange '\(name.string)' in vhost '\(nameText)'"
            )
        }
        return exchange
    }

    func declarePredefinedExchanges() {
        let predefined: [(ShortString, ExchangeKind, isInternal: Bool)] = [
            ("", .default, false), ("amq.direct", .direct, false), ("amq.fanout", .fanout, false),
            ("amq.topic", .topic, false), ("amq.headers", .headers, false),
            ("amq.match", .headers, false), ("amq.rabbitmq.trace", .topic, true),
            (VirtualHost.managementExchange, .management, false),
        ]
        for (name, kind, isInternal) in predefined {
            let declare = ExchangeDeclare(
                exchange: name,
                type: "",
                durable: true,
                internal: isInternal
            )
            let exchange = addExchange(declare, kind: kind)
            if kind == .default { state.defaultExchange = exchange }
        }
    }

    func addExchange(_ declare: ExchangeDeclare, kind: ExchangeKind) -> Exchange {
        let policies = policies(forExchange: declare.exchange.bytes, kind)
        let hash = ByteHash(seed: state.random.next())
        let router = ExchangeRouter(kind, hash: hash, random: &state.random)
        let exchange = Exchange(
            ExchangeState(
                name: declare.exchange.bytes,
                kind: kind,
                isDurable: declare.durable,
                isAutoDelete: declare.autoDelete,
                isInternal: declare.internal,
                arguments: declare.arguments,
                alternateExchange: policies.alternateExchange(over: declare.arguments),
                policies: policies,
                router: router,
                routes: RememberedRoutes(hash: hash),
                history: RecentHistory(countMax: kind.historyCountMax),
                values: RememberedValues(kind.deduplicationCache)
            )
        )
        if kind.isDelayed { exchange.state.delayQueue = makeDelayQueue(of: exchange, declare) }
        ByteView.with(declare.exchange.bytes) {
            _ = state.exchanges.insert(exchange, for: $0)
        }
        if declare.durable, state.journal.isOn { journal(.exchangeDeclared(declare)) }
        state.topologyVersion += 1
        return exchange
    }

    /// exchange.declare (AMQP 0-9-1 §1.6.2.1).
    ///
    /// - Throws: 404 (passive, missing), 403 (reserved name, default exchange), 406 (differs from
    ///   the one that is there, an argument is not valid), 503 (unknown type).
    func declare(_ declare: ExchangeDeclare) throws(ProtocolError) {
        if declare.passive {
            try refuseDefault(declare.exchange)
            _ = try existingExchange(declare.exchange)
            return
        }
        guard ExchangeKind.typeNames.contains(declare.type) else {
            throw ExchangeKind.unknown(declare.type)
        }
        try refuseDefault(declare.exchange)
        if let exchange = exchange(named: declare.exchange) {
            try checkEquivalence(of: exchange, to: declare)
            return
        }
        guard !declare.exchange.bytes.starts(with: Array("amq.".utf8)) else {
            throw ProtocolError(
                .accessRefused,
                "exchange name '\(declare.exchange.string)' contains reserved prefix 'amq.*'"
            )
        }
        let kind = try ExchangeKind(declare)
        try checkAlternateExchange(of: declare)
        _ = addExchange(declare, kind: kind)
    }

    func refuseDefault(_ name: ShortString) throws(ProtocolError) {
        guard name.isEmpty else { return }
        throw ProtocolError(.accessRefused, "operation not permitted on the default exchange")
    }

    private func checkAlternateExchange(of declare: ExchangeDeclare) throws(ProtocolError) {
        guard let value = declare.arguments["alternate-exchange"] else { return }
        guard case .longString = value else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg 'alternate-exchange' for exchange '\(declare.exchange.string)' in "
                    + "vhost '\(nameText)': unacceptable type \(value.type.errorName)"
            )
        }
    }

    private func checkEquivalence(
        of exchange: Exchange,
        to declare: ExchangeDeclare
    ) throws(ProtocolError) {
        func check(_ what: String, _ received: String, _ current: String) throws(ProtocolError) {
            guard received != current else { return }
            throw ProtocolError(
                .preconditionFailed,
                "inequivalent arg '\(what)' for exchange '\(declare.exchange.string)' in vhost "
                    + "'\(nameText)': received '\(received)' but current is '\(current)'"
            )
        }
        try check("type", declare.type.string, exchange.state.kind.typeName)
        try check("durable", "\(declare.durable)", "\(exchange.state.isDurable)")
        try check("auto_delete", "\(declare.autoDelete)", "\(exchange.state.isAutoDelete)")
        try check("internal", "\(declare.internal)", "\(exchange.state.isInternal)")
        let received = declare.arguments["alternate-exchange"]
        let current = exchange.state.arguments["alternate-exchange"]
        guard ArgumentComparison.isSame(received, current) else {
            let texts = ArgumentComparison.describe(received, current)
            throw ProtocolError(
                .preconditionFailed,
                "inequivalent arg 'alternate-exchange' for exchange '\(declare.exchange.string)' "
                    + "in vhost '\(nameText)': received \(texts.0) but current is \(texts.1)"
            )
        }
    }

    /// exchange.delete (AMQP 0-9-1 §1.6.2.3); deleting a missing one succeeds, as in RabbitMQ.
    ///
    /// - Throws: 403 (default or predeclared exchange), 406 (if-unused and in use).
    func delete(_ delete: ExchangeDelete) throws(ProtocolError) {
        try refuseDefault(delete.exchange)
        guard !delete.exchange.bytes.starts(with: Array("amq.".utf8)),
            delete.exchange != VirtualHost.managementExchange
        else {
            throw ProtocolError(
                .accessRefused,
                "exchange name '\(delete.exchange.string)' contains reserved prefix 'amq.*'"
            )
        }
        guard let exchange = exchange(named: delete.exchange) else { return }
        guard !delete.ifUnused || exchange.state.bindings.isEmpty else {
            throw ProtocolError(
                .preconditionFailed,
                "exchange '\(delete.exchange.string)' in vhost '\(nameText)' in use"
            )
        }
        self.delete(exchange)
    }

    /// Removes an exchange with every binding that starts or ends there.
    func delete(_ exchange: Exchange) {
        forgetValues(of: exchange)
        ByteView.with(exchange.state.name) { _ = state.exchanges.remove($0) }
        if exchange.state.isDurable, state.journal.isOn,
            let name = ShortString(bytes: exchange.state.name)
        {
            journal(.exchangeDeleted(name))
        }
        state.topologyVersion += 1
        state.routeGeneration += 1
        for binding in exchange.state.bindings.takeAll() {
            state.bindings.remove(binding)
            forgetAtDestination(binding)
        }
        for binding in exchange.state.inboundBindings.takeAll() { removeAtSource(binding) }
        destroy(exchange)
    }

    /// Frees an exchange nothing leads to any more, with the messages it holds.
    func destroy(_ exchange: Exchange) {
        exchange.state.routes.removeAll()
        forgetHistory(of: exchange)
        exchange.state.delayQueue?.endDelays()
        exchange.destroy()
    }
}
