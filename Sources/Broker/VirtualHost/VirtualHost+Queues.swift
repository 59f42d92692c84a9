import Wire

/// Declaring, finding and deleting queues.
extension Handle where State == VirtualHostState {
    func queue(named name: ShortString) -> Queue? {
        ByteView.with(name.bytes) { state.queues.value(for: $0) }
    }

    /// The queue by this name as far as this connection may use it.
    ///
    /// - Throws: 404 when there is none, 405 when it is exclusive to another connection.
    func existingQueue(
        _ name: ShortString,
        for connection: Connection
    ) throws(ProtocolError)
        -> Queue
    {
        guard let queue = queue(named: name) else { throw missingQueue(name) }
        try checkOwner(of: queue, connection)
        return queue
    }

    func missingQueue(_ name: ShortString) -> ProtocolError {
        ProtocolError(.notFound, "no queue '\(name.string)' in vhost '\(nameText)'")
    }

    func checkOwner(of queue: Queue, _ connection: Connection) throws(ProtocolError) {
        guard let owner = queue.state.owner, owner != connection else { return }
        throw lockedQueue(ShortString(bytes: queue.state.name) ?? "")
    }

    private func lockedQueue(_ name: ShortString) -> ProtocolError {
        ProtocolError(
            .resourceLocked,
            "cannot obtain exclusive access to locked queue '\(name.string)' in vhost "
                + "'\(nameText)'. It could be originally declared on another connection or the "
                + "exclusive property value does not match that of the original declaration."
        )
    }

    /// queue.declare (AMQP 0-9-1 §1.7.2.1); the name is already complete.
    ///
    /// - Throws: 404 (passive, missing), 405 (exclusive elsewhere, or exclusive now and not
    ///   before), 403 (reserved name), 406 (differs, or an argument is not valid).
    func declare(
        _ declare: QueueDeclare,
        for connection: Connection
    ) throws(ProtocolError)
        -> Queue
    {
        let name = declare.queue
        if declare.passive {
            let queue = try existingQueue(name, for: connection)
            queue.noteUse()
            return queue
        }
        let settings = try QueueSettings(declare)
        if let queue = queue(named: name) {
            try checkOwner(of: queue, connection)
            guard queue.state.settings.isExclusive == settings.isExclusive else {
                throw lockedQueue(name)
            }
            try queue.state.settings.checkEquivalence(
                to: settings,
                queue: name.string,
                virtualHost: nameText
            )
            queue.noteUse()
            return queue
        }
        return addQueue(name, settings: settings, for: connection)
    }

    func addQueue(
        _ name: ShortString,
        settings: QueueSettings,
        for connection: Connection?
    )
        -> Queue
    {
        let policies = state.policies.match(queue: name.bytes, type: settings.type)
        let queue = makeQueue(name, settings: settings, under: policies)
        queue.state.owner = settings.isExclusive ? connection : nil
        if queue.state.journalID != 0 { journal(.queueDeclared(queue.record)) }
        ByteView.with(name.bytes) { _ = state.queues.insert(queue, for: $0) }
        queue.noteUse()
        if settings.isExclusive { connection?.state.exclusiveQueues.append(queue) }
        state.topologyVersion += 1
        return queue
    }

    /// Makes a queue that nobody can find yet, with a number in the journal if it is durable.
    func makeQueue(
        _ name: ShortString,
        settings: QueueSettings,
        under policies: AppliedPolicies = .none
    ) -> Queue {
        let queue = Queue(
            QueueState(
                virtualHost: self,
                name: name.bytes,
                isKeyed: settings.isKeyed,
                groups: settings.groupHeader == nil ? nil : QueueGroups(QueueGroupsState()),
                settings: settings,
                unusedSince: state.now,
                lastUsed: state.now
            )
        )
        queue.adopt(settings)
        if policies == .none { queue.reportDeadLetterStrategy() }
        queue.apply(policies)
        if settings.type == .stream { queue.state.stream = makeStream(queue) }
        if settings.isDurable, state.journal.isOn {
            queue.state.journalID = state.journal.nextQueueID
            state.journal.nextQueueID += 1
            state.journal.queues[queue.state.journalID] = queue
        }
        return queue
    }

    /// Removes a queue with its messages and bindings; its consumers are told.
    ///
    /// What is out for delivery keeps the memory alive until it is settled.
    func delete(_ queue: Queue) {
        guard !queue.state.isDeleted else { return }
        queue.state.isDeleted = true
        state.overfullQueues.removeAll { $0 == queue }
        ByteView.with(queue.state.name) { _ = state.queues.remove($0) }
        state.topologyVersion += 1
        if let owner = queue.state.owner {
            owner.state.exclusiveQueues.removeAll { $0 == queue }
            queue.state.owner = nil
        }
        if queue.state.journalID != 0 { journal(.queueDeleted(queue.state.journalID)) }
        for binding in queue.state.bindings.takeAll() { removeAtSource(binding) }
        queue.cancelTimers()
        for consumer in queue.state.consumers { consumer.state.channel.cancelByServer(consumer) }
        _ = queue.purge()
        queue.dropKept()
        queue.state.stream?.end()
        queue.forgetReader()
        queue.refuseWaitingGets()
        queue.destroyIfUnused()
    }
}
