import Wire

/// Messages on their way into queues.
extension BrokerModel {
    func publish(_ message: ModelMessage, on channel: ModelChannel) throws(ChannelFailure) {
        if !message.exchange.isEmpty {
            guard let exchange = topology.exchanges[message.exchange] else {
                throw ChannelFailure(.notFound)
            }
            if exchange.internal { throw ChannelFailure(.accessRefused) }
        }
        if channel.transaction != nil {
            channel.transaction?.publishes.append(message)
            return
        }
        route(message, on: channel)
        guard channel.isConfirming else { return }
        channel.publishedCount += 1
        channel.unconfirmed.append((channel.publishedCount, message))
    }

    private func route(_ message: ModelMessage, on channel: ModelChannel, sequence: Int? = nil) {
        messages[message.id] = message
        message.operation = operation
        var place = sequence
        // That it is in its queues and its value known is one transaction of the journal.
        if topology.exchanges[message.exchange]?.remembersOnDisk == true {
            place = place ?? nextSequence()
        }
        var first: [ModelCopy] = []
        let route = topology.route(
            message.exchange,
            message.key,
            headers: message.headers,
            isDuplicate: { exchange in
                let known = memory(of: exchange)?.take(
                    message,
                    at: now,
                    epoch: epoch,
                    sequence: place ?? 0
                )
                first += known?.message?.copies ?? []
                return known != nil
            }
        )
        message.copies = enter(message, route, sequence: place)
        if message.isPersistent { message.copies += first }
        if route.queues.isEmpty, message.isMandatory {
            channel.returns.append(message.id)
        }
    }

    /// Puts a message where it goes.
    ///
    /// Quorum queues keep every message, and the others that get it with them keep it as well.
    ///
    /// - Parameters:
    ///   - message: What comes.
    ///   - route: Where it goes.
    ///   - sequence: Its place in the journal, if it shares that with others.
    /// - Returns: The copies.
    func enter(
        _ message: ModelMessage,
        _ route: ModelTopology.Route,
        sequence: Int? = nil
    ) -> [ModelCopy] {
        var copies: [ModelCopy] = []
        for queue in route.delays.compactMap({ delayQueue($0) }) {
            let later = ModelMessage(delaying: message)
            let place = sequence ?? nextSequence()
            copies.append(
                queue.append(later, sequence: place, isKept: message.isPersistent, moment)
            )
        }
        let all = route.queues.compactMap { queue($0) }
        let isKept = message.isPersistent || all.contains { $0.isQuorum || $0.stream != nil }
        let place = sequence ?? nextSequence()
        for stream in all.compactMap(\.stream) {
            stream.append(message, sequence: sequence, from: place, moment)
        }
        let queues = all.filter { $0.stream == nil }
        return copies
            + queues.map { $0.append(message, sequence: place, isKept: isKept, moment) }
    }

    func memory(of exchange: ShortString) -> ModelMemory? {
        topology.exchangeLives[exchange].flatMap { memories[$0] }
    }

    /// Those of exchanges, by name.
    func memories(of durable: ModelTopology.Durable) -> [(ShortString, ModelMemory)] {
        durable.exchangeLives.compactMap { name, life in memories[life].map { (name, $0) } }
            .sorted { $0.1.life < $1.1.life }
    }

    /// Carries out a transaction; when a full queue refuses a part the channel fails all the same.
    func commit(_ channel: ModelChannel) throws(ChannelFailure) {
        guard let transaction = channel.transaction else { return }
        channel.transaction = .init()
        let place = nextSequence()
        for message in transaction.publishes { route(message, on: channel, sequence: place) }
        let settled = transaction.settlements.compactMap { channel.out[$0.tag]?.copy }
        for (tag, outcome) in transaction.settlements { finish(tag, outcome, on: channel) }
        for copy in settled where copy.settledEpoch == epoch { copy.settledWith = place }
        if channel.isCommitRefused {
            refusedCommits.append(transaction.publishes)
            channel.lateConsumers = channel.consumers
            throw ChannelFailure(.preconditionFailed)
        }
        let isSettling = settled.contains { $0.settledEpoch == epoch }
        channel.expected.append(
            Expectation(
                id: TxCommitOk.id,
                epoch: isSettling ? epoch : 0,
                committed: transaction.publishes.flatMap(\.copies),
                streamed: transaction.publishes.flatMap(\.streamed)
            )
        )
    }
}
