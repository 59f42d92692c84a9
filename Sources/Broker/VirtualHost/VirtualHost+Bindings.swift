import Wire

/// Binding queues and exchanges to exchanges.
extension Handle where State == VirtualHostState {
    /// Adds a binding; one that is there already stays the only one.
    ///
    /// - Throws: 403 (default exchange), 406 (headers arguments that make no sense).
    func bind(
        _ source: Exchange,
        to destination: Destination,
        key: ShortString,
        arguments: FieldTable
    ) throws(ProtocolError) {
        if case .headers = source.state.router { try HeadersRouter.validate(arguments) }
        guard find(source, destination, key, arguments) == nil else { return }
        let binding = Binding(
            source: source,
            destination: destination,
            bindingKey: key.bytes,
            arguments: arguments
        )
        source.state.bindings.append(binding)
        source.state.router.add(binding)
        switch destination {
        case .queue(let queue): queue.state.bindings.append(binding)
        case .exchange(let exchange): exchange.state.inboundBindings.append(binding)
        }
        state.topologyVersion += 1
    }

    /// Removes a binding; one that was never there is removed, too (RabbitMQ).
    func unbind(
        _ source: Exchange,
        from destination: Destination,
        key: ShortString,
        arguments: FieldTable
    ) {
        guard let binding = find(source, destination, key, arguments) else { return }
        forgetAtDestination(binding)
        removeAtSource(binding)
    }

    /// The binding by its whole identity, looked for at the end that has fewer.
    private func find(
        _ source: Exchange,
        _ destination: Destination,
        _ key: ShortString,
        _ arguments: FieldTable
    ) -> Binding? {
        func isWanted(_ binding: Binding) -> Bool {
            binding.source == source && binding.destination == destination
                && binding.bindingKey == key.bytes && binding.arguments == arguments
        }
        let inbound: [Binding]
        switch destination {
        case .queue(let queue): inbound = queue.state.bindings
        case .exchange(let exchange): inbound = exchange.state.inboundBindings
        }
        if inbound.count <= source.state.bindings.count {
            return inbound.first(where: isWanted)
        }
        return source.state.bindings.first(where: isWanted)
    }

    /// Takes a binding off its source, which may be the end of an auto-delete exchange.
    func removeAtSource(_ binding: Binding) {
        let source = binding.source
        source.state.router.remove(binding)
        source.state.bindings.removeAll { $0 === binding }
        state.topologyVersion += 1
        if source.state.isAutoDelete, source.state.bindings.isEmpty { delete(source) }
    }

    func forgetAtDestination(_ binding: Binding) {
        state.topologyVersion += 1
        switch binding.destination {
        case .queue(let queue): queue.state.bindings.removeAll { $0 === binding }
        case .exchange(let exchange):
            exchange.state.inboundBindings.removeAll { $0 === binding }
        }
    }
}
