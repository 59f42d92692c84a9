import Wire

/// Copies what the core holds into snapshots.
///
/// Everything that names a virtual host's object is called under that virtual host's lock.
struct Inspection {
    let node: String
    /// The two clocks at one moment, to show an instant as a date.
    let now: Instant
    let wallTime: WallTime

    func snapshot(_ queue: Queue) -> QueueSnapshot {
        let settings = queue.state.settings
        let idle = (now - queue.state.lastUsed).clampedNanoseconds / 1_000_000
        return QueueSnapshot(
            virtualHost: queue.state.virtualHost.state.name,
            name: queue.state.name,
            node: node,
            type: Array(settings.type.rawValue.utf8),
            isDurable: settings.isDurable,
            isAutoDelete: settings.isAutoDelete,
            isExclusive: settings.isExclusive,
            arguments: settings.arguments,
            policies: queue.state.policies,
            owner: queue.state.owner?.state.peer,
            consumerCount: queue.state.consumers.count,
            exclusiveConsumerTag: queue.state.exclusiveConsumer?.state.tag,
            activeConsumerTag: queue.state.activeConsumer?.state.tag,
            readyCount: queue.readyCount,
            unackedCount: queue.state.unackedCount,
            readyBytes: queue.state.stream?.size ?? queue.state.ready.bodyBytes,
            unackedBytes: queue.state.unackedBytes,
            keptCount: settings.keepsDeadLetters ? queue.keptCount : nil,
            keptBytes: queue.state.kept?.state.bodyBytes ?? 0,
            pagedCount: queue.state.pagedCount,
            pagedBytes: queue.state.pagedBytes,
            groupCount: queue.state.groups?.count,
            valueCount: settings.isDeduplicating ? queue.state.values.count : nil,
            memoryBytes: memoryBytes(of: queue),
            idleSince: WallTime(milliseconds: wallTime.milliseconds - idle),
            isIdle: queue.state.counters == queue.state.reading.counters,
            totals: MessageTotals(queue.state.counters, queue.state.reading.rates),
            stream: queue.state.stream.map(snapshot)
        )
    }

    private func snapshot(_ stream: Stream) -> StreamSnapshot {
        StreamSnapshot(
            firstOffset: stream.firstOffset,
            nextOffset: stream.state.nextOffset,
            segmentCount: stream.state.index.segments.count,
            logBytes: stream.size
        )
    }

    /// The queue's own state and its entries for messages; arguments and bindings are not counted.
    private func memoryBytes(of queue: Queue) -> Int {
        let entryCount = queue.state.ready.count + queue.state.unackedCount
        return MemoryLayout<QueueState>.size + queue.state.name.count
            + entryCount * MemoryLayout<QueueEntry>.size
    }

    func snapshot(_ exchange: Exchange, virtualHost: [UInt8]) -> ExchangeSnapshot {
        ExchangeSnapshot(
            virtualHost: virtualHost,
            name: exchange.state.name,
            type: exchange.state.kind.typeName,
            isDurable: exchange.state.isDurable,
            isAutoDelete: exchange.state.isAutoDelete,
            isInternal: exchange.state.isInternal,
            arguments: exchange.state.arguments,
            delayedCount: exchange.state.delayQueue.map { _ in exchange.delayedCount },
            policies: exchange.state.policies,
            rememberedCount: exchange.state.values.cache.map { _ in exchange.state.values.count },
            publishIn: MessageTotals.Entry(
                count: exchange.state.counters.publishedIn,
                rate: exchange.state.publishInRate
            ),
            publishOut: MessageTotals.Entry(
                count: exchange.state.counters.publishedOut,
                rate: exchange.state.publishOutRate
            )
        )
    }

    func snapshot(_ binding: Binding, virtualHost: [UInt8]) -> BindingSnapshot {
        let (destination, isToExchange) =
            switch binding.destination {
            case .queue(let queue): (queue.state.name, false)
            case .exchange(let exchange): (exchange.state.name, true)
            }
        return BindingSnapshot(
            virtualHost: virtualHost,
            source: binding.source.state.name,
            destination: destination,
            isToExchange: isToExchange,
            bindingKey: binding.bindingKey,
            arguments: binding.arguments
        )
    }

    /// The binding every queue has to the nameless exchange, under its own name.
    func defaultBinding(of queue: Queue) -> BindingSnapshot {
        BindingSnapshot(
            virtualHost: queue.state.virtualHost.state.name,
            source: [],
            destination: queue.state.name,
            isToExchange: false,
            bindingKey: queue.state.name,
            arguments: [:]
        )
    }

    func snapshot(_ connection: Connection) -> ConnectionSnapshot {
        ConnectionSnapshot(
            peer: connection.state.peer,
            node: node,
            user: connection.state.user,
            virtualHost: connection.state.virtualHost?.state.name ?? [],
            state: activity(of: connection),
            channelCount: connection.state.channelCount,
            channelMax: connection.state.channelMax,
            frameMax: connection.state.frameMax,
            timeout: connection.state.heartbeatSeconds,
            clientProperties: connection.state.clientProperties,
            connectedAt: connection.state.connectedAt,
            authMechanism: connection.state.mechanism,
            received: MessageTotals.Entry(
                count: connection.state.counters.receivedBytes,
                rate: connection.state.receiveRate
            ),
            sent: MessageTotals.Entry(
                count: connection.state.counters.sentBytes,
                rate: connection.state.sendRate
            ),
            sendPending: connection.state.outbound.byteCount
        )
    }

    private func activity(of connection: Connection) -> ConnectionSnapshot.State {
        if connection.state.phase != .open { return .closing }
        if connection.state.isToldBlocked { return .blocked }
        return connection.isReadingPaused ? .flow : .running
    }

    func snapshot(_ channel: Channel) -> ChannelSnapshot {
        let connection = channel.state.connection
        let confirms = channel.state.confirms
        return ChannelSnapshot(
            peer: connection.state.peer,
            node: node,
            number: channel.state.number,
            user: connection.state.user,
            virtualHost: channel.state.virtualHost.state.name,
            isClosing: channel.state.phase == .closing,
            consumerCount: channel.state.consumers.count,
            prefetchCount: limit(channel.state.consumerPrefetchCountMax),
            globalPrefetchCount: limit(channel.state.prefetchCountMax),
            unackedCount: channel.state.unacked.count,
            unconfirmedCount: confirms.isSelected ? Int(clamping: confirms.unconfirmedCount) : 0,
            uncommittedPublishCount: channel.state.transaction?.publishes.count ?? 0,
            uncommittedAckCount: channel.state.transaction?.settlements.count ?? 0,
            isConfirming: confirms.isSelected,
            isTransactional: channel.state.transaction != nil,
            totals: MessageTotals(channel.state.counters, channel.state.reading.rates)
        )
    }

    func snapshot(_ consumer: Consumer) -> ConsumerSnapshot {
        let channel = consumer.state.channel
        let queue = consumer.state.queue
        return ConsumerSnapshot(
            virtualHost: queue.state.virtualHost.state.name,
            queue: queue.state.name,
            tag: consumer.state.tag.bytes,
            peer: channel.state.connection.state.peer,
            node: node,
            channelNumber: channel.state.number,
            user: channel.state.connection.state.user,
            isAckRequired: !consumer.state.isNoAck,
            isExclusive: consumer.state.isExclusive,
            prefetchCount: limit(consumer.state.prefetchCountMax),
            activity: consumer.state.standing == .waiting ? .waiting : .up,
            priority: consumer.state.priority,
            unackedCount: consumer.state.unackedCount,
            arguments: consumer.state.arguments
        )
    }

    /// A limit as the API shows it: 0 is none.
    private func limit(_ count: Int) -> Int { count == Int.max ? 0 : count }
}
