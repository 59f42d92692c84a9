import Wire

@testable import Broker

/// Looking at the broker itself.
extension BrokerModel {
    /// Finds out who was refused, after octets were taken in and before anybody hears of it.
    func noteRefusals(_ virtualHost: VirtualHost) throws(Violation) {
        for model in liveQueues where !model.entered.isEmpty {
            defer { model.entered = [] }
            guard let queue = virtualHost.queue(named: model.name) else {
                throw Violation("queue \(model.name.string) is gone")
            }
            let accepted = Int(queue.state.counters.published) - model.acceptedSeen
            model.acceptedSeen += accepted
            guard accepted < model.entered.count, model.refuses else {
                try insist(
                    accepted == model.entered.count,
                    "\(model.entered.count) messages for \(model.name.string), it got \(accepted)"
                )
                continue
            }
            try insist(
                queue.state.ready.count >= model.countMax ?? Int.max,
                "refused by \(model.name.string), which is not full"
            )
            for copy in model.entered[accepted...] {
                copy.message.copies.removeAll { $0 === copy }
                model.refuse(copy)
            }
        }
    }

    /// Finds out who was dropped, and whether the order was kept, after everybody heard of it.
    func endOperation(_ virtualHost: VirtualHost) throws(Violation) {
        for model in liveQueues where model.isLimited || model.handedOut != nil {
            if model.isLimited, let queue = virtualHost.queue(named: model.name) {
                try noteDrops(model, Int(queue.state.counters.overflowed))
            }
            guard let last = model.handedOut else { continue }
            model.handedOut = nil
            if let first = model.ready.first(where: { $0.returnedBy < operation }) {
                try insist(first.position > last, "\(first.name) was passed over")
            }
        }
        try checkDurable(committed, "committed")
        committed = []
        for queue in saidEmpty {
            if let first = queue.ready.first(where: { $0.returnedBy < operation }) {
                throw Violation("no message to get, but \(first.name)")
            }
        }
        saidEmpty = []
    }

    private func noteDrops(_ model: ModelQueue, _ dropped: Int) throws(Violation) {
        while model.droppedSeen < dropped {
            // What a later one was handed out in front of went first, also when something comes
            // back that stood before it: a commit publishes, and then requeues.
            let passed = model.ready.first {
                $0.returnedBy < operation && $0.position < model.handedOut ?? 0
            }
            guard let first = passed ?? model.ready.first else {
                throw Violation("\(model.name.string) drops what it does not have")
            }
            model.droppedSeen += 1
            model.settle(first, epoch: epoch)
        }
        guard let max = model.countMax, !model.refuses else { return }
        try insist(model.ready.count <= max, "\(model.name.string) holds more than \(max)")
    }

    /// After a batch: the broker holds what the model holds.
    func compare(_ virtualHost: VirtualHost) throws(Violation) {
        let names = Set(
            virtualHost.queueList().map { ShortString(bytes: $0.state.name) ?? "" }
        )
        try insist(names == Set(topology.queues.keys), "other queues than declared: \(names)")
        for model in liveQueues {
            guard let queue = virtualHost.queue(named: model.name) else { continue }
            try insist(
                queue.state.ready.count == model.ready.count
                    && queue.state.unackedCount == model.outCount,
                "\(model.name.string) has \(queue.state.ready.count) ready and "
                    + "\(queue.state.unackedCount) unacked, not \(model.ready.count) and "
                    + "\(model.outCount)"
            )
            try insist(
                queue.state.consumers.count == model.consumers.count,
                "\(model.name.string) has \(queue.state.consumers.count) consumers"
            )
            try insist(queue.state.counters.lost == 0, "\(model.name.string) lost messages")
            // What is on disk only has to be read first.
            if queue.state.ready.first?.isPaged != true { try checkTurns(model) }
        }
        let exchanges = Set(
            virtualHost.exchangeList().map { ShortString(bytes: $0.state.name) ?? "" }
        ).filter {
            !ModelTopology.isPredefined($0) && !$0.isEmpty && $0 != VirtualHost.managementExchange
        }
        try insist(
            exchanges == Set(topology.exchanges.keys).filter { !ModelTopology.isPredefined($0) },
            "other exchanges than declared: \(exchanges)"
        )
        try insist(
            virtualHost.state.bindings.count == topology.bindings.count,
            "\(virtualHost.state.bindings.count) bindings, not \(topology.bindings.count)"
        )
    }

    /// Nobody works any more and the journal has caught up: nobody waits for an answer.
    func checkAnswered() throws(Violation) {
        for channels in connections.values {
            for channel in channels.values where channel.phase == .open {
                let place = "channel \(channel.connection)/\(channel.number)"
                if let first = channel.expected.first {
                    throw Violation("\(place) never got its \(first.id.name)")
                }
                if let first = channel.unconfirmed.first {
                    throw Violation("\(place) never got an answer to publish \(first.number)")
                }
                try insist(channel.returns.isEmpty, "\(place) never got a message back")
            }
        }
    }

    /// Nothing waits that a consumer could take.
    private func checkTurns(_ queue: ModelQueue) throws(Violation) {
        guard let first = queue.ready.first else { return }
        let candidates = queue.active.map { [$0] } ?? queue.consumers
        for consumer in candidates {
            guard consumer.isNoAck || consumer.unackedCount < consumer.prefetchMax else { continue }
            let channels = connections.values.flatMap(\.values)
            guard let channel = channels.first(where: { $0.consumer(consumer.tag) === consumer }),
                channel.consumerOutCount < channel.prefetchMax
            else { continue }
            throw Violation("\(first.name) waits, and \(consumer.tag.string) could take it")
        }
    }
}
