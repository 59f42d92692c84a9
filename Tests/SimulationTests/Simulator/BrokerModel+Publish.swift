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
        route(message, on: channel, sequence: nextSequence())
        guard channel.isConfirming else { return }
        channel.publishedCount += 1
        channel.unconfirmed.append((channel.publishedCount, message))
    }

    private func route(_ message: ModelMessage, on channel: ModelChannel, sequence: Int) {
        messages[message.id] = message
        message.operation = operation
        let names = topology.route(message.exchange, message.key, headers: message.headers)
        message.copies = enter(message, names, sequence: sequence)
        if names.isEmpty, message.isMandatory {
            channel.returns.append(message.id)
        }
    }

    /// Puts a message into queues.
    ///
    /// Quorum queues keep every message, and the others that get it with them keep it as well.
    func enter(_ message: ModelMessage, _ names: Set<ShortString>, sequence: Int) -> [ModelCopy] {
        let queues = names.compactMap { queue($0) }
        let isKept = message.isPersistent || queues.contains { $0.isQuorum }
        return queues.map {
            $0.append(message, sequence: sequence, isKept: isKept, moment)
        }
    }

    func commit(_ channel: ModelChannel) {
        guard let transaction = channel.transaction else { return }
        channel.transaction = .init()
        let place = nextSequence()
        for message in transaction.publishes { route(message, on: channel, sequence: place) }
        let settled = transaction.settlements.compactMap { channel.out[$0.tag]?.copy }
        for (tag, outcome) in transaction.settlements { finish(tag, outcome, on: channel) }
        for copy in settled where copy.settledEpoch == epoch { copy.settledWith = place }
        let isSettling = settled.contains { $0.settledEpoch == epoch }
        channel.expected.append(
            Expectation(
                id: TxCommitOk.id,
                epoch: isSettling ? epoch : 0,
                committed: transaction.publishes.flatMap(\.copies)
            )
        )
    }
}
