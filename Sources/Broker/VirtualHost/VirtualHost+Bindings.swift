import Wire

/// Binding queues and exchanges to exchanges.
extension Handle where State == VirtualHostState {
    /// Adds a binding; one that is there already stays the only one.
    ///
    /// - Throws: 406 for a key or arguments that the exchange's type refuses.
    func bind(
        _ source: Exchange,
        to destination: Destination,
        key: ShortString,
        arguments: FieldTable
    ) throws(ProtocolError) {
        try source.state.kind.validateBinding(to: destination, key: key, arguments: arguments)
        let binding = Binding(
            source: source,
            destination: destination,
            bindingKey: key.bytes,
            arguments: arguments
        )
        guard state.bindings.insert(binding).inserted else { return }
        if state.journal.isOn, let record = binding.record { journal(.bound(record)) }
        source.state.bindings.append(binding)
        source.state.router.add(binding)
        switch destination {
        case .queue(let queue): queue.state.bindings.append(binding)
        case .exchange(let exchange): exchange.state.inboundBindings.append(binding)
        }
        state.topologyVersion += 1
        sendHistory(of: source, to: destination)
    }

    /// Removes a binding; one that was never there is removed, too (RabbitMQ).
    func unbind(
        _ source: Exchange,
        from destination: Destination,
        key: ShortString,
        arguments: FieldTable
    ) {
        let wanted = Binding(
            source: source,
            destination: destination,
            bindingKey: key.bytes,
            arguments: arguments
        )
        guard let index = state.bindings.firstIndex(of: wanted) else { return }
        let binding = state.bindings[index]
        if state.journal.isOn, let record = binding.record { journal(.unbound(record)) }
        forgetAtDestination(binding)
        removeAtSource(binding)
    }

    /// Takes a binding off its source, which may be the end of an auto-delete exchange.
    func removeAtSource(_ binding: Binding) {
        let source = binding.source
        state.bindings.remove(binding)
        source.state.router.remove(binding)
        source.state.bindings.remove(binding)
        state.topologyVersion += 1
        if source.state.isAutoDelete, source.state.bindings.isEmpty { delete(source) }
    }

    func forgetAtDestination(_ binding: Binding) {
        state.topologyVersion += 1
        switch binding.destination {
        case .queue(let queue): queue.state.bindings.remove(binding)
        case .exchange(let exchange): exchange.state.inboundBindings.remove(binding)
        }
    }
}
