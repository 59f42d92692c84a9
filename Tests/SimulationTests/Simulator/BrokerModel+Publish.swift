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

    /// The broker has carried out the next publish of a commit.
    func publishNext(on channel: ModelChannel) {
        begin(channel)
        guard let commit = channel.commit, let message = commit.publishes.first else { return }
        channel.commit?.publishes.removeFirst()
        route(message, on: channel, sequence: commit.place)
    }

    /// The broker has carried out the next settlement of a commit.
    func settleNext(on channel: ModelChannel) {
        begin(channel)
        guard let (tag, outcome) = channel.commit?.settlements.popFirst() else { return }
        finish(tag, outcome, on: channel)
    }

    private func begin(_ channel: ModelChannel) {
        guard channel.commit == nil, let transaction = channel.transaction else { return }
        channel.commit = ModelChannel.Commit(
            place: nextSequence(),
            publishes: transaction.publishes[...],
            settlements: transaction.settlements[...],
            settled: transaction.settlements.compactMap { channel.out[$0.tag]?.copy }
        )
    }

    /// A commit has been carried out; when a full queue refused a part the channel fails all the
    /// same.
    func commit(_ channel: ModelChannel) throws(ChannelFailure) {
        begin(channel)
        guard let transaction = channel.transaction, let commit = channel.commit.take() else {
            return
        }
        channel.transaction = .init()
        let settled = commit.settled.filter { $0.settledEpoch == epoch }
        for copy in settled { copy.settledWith = commit.place }
        commits.append((transaction.publishes, channel.isCommitRefused))
        passedOver += commit.publishes
        if channel.isCommitRefused { throw ChannelFailure(.preconditionFailed) }
        channel.expected.append(
            Expectation(
                id: TxCommitOk.id,
                epoch: settled.isEmpty ? 0 : epoch,
                committed: transaction.publishes.flatMap(\.copies),
                streamed: transaction.publishes.flatMap(\.streamed)
            )
        )
    }
}
