import Wire

@testable import Broker

/// Looking at the broker itself.
extension BrokerModel {
    /// Checks that order and limits were kept, after everybody heard of it.
    func endOperation(_ virtualHost: VirtualHost) throws(Violation) {
        for model in liveQueues {
            guard let queue = model.handle else { continue }
            try checkLimits(model, queue)
            try checkValues(model)
            try noteEntered(model, queue)
            try checkOrder(model)
            if model.groupHeader != nil { try checkGroupOrder(model) }
        }
        try checkDelays()
        try checkStreams()
        try checkDurable(committed, "committed")
        committed = []
        for (publishes, isRefused) in commits {
            try insist(
                isRefused == publishes.contains(where: \.isRefused),
                "a commit \(isRefused ? "" : "not ")refused for no reason"
            )
        }
        commits = []
        if let first = passedOver.first { throw Violation("message \(first.id) not committed") }
        for queue in saidEmpty {
            if let first = next(toFetch: queue), first.returnedBy < operation {
                throw Violation("no message to get, but \(first.name)")
            }
        }
        saidEmpty = []
    }

    private func checkLimits(_ model: ModelQueue, _ queue: Queue) throws(Violation) {
        let dropped = Int(queue.state.counters.overflowed) - model.droppedSeen
        // Some that time ended may have been pushed out by what was due before.
        let unseen = model.entered.isEmpty ? 0 : model.endedUnseen
        model.endedUnseen = 0
        try insist(
            (0...unseen).contains(dropped - model.dropped.count),
            "\(model.name.string) dropped \(dropped), and \(model.dropped.count) are gone"
        )
        model.droppedSeen += dropped
        for copy in model.dropped {
            let older = model.ready.first {
                $0.returnedBy < operation && $0.wasStored && $0.isBefore(copy)
            }
            if let older { throw Violation("\(copy.name) was dropped, and \(older.name) was not") }
        }
        if model.isCut(by: operation) {
            try insist(!model.isBeyondLimit(), "\(model.name.string) is not cut to its limits")
            if let last = model.dropped.max(by: { $0.isBefore($1) }) {
                try insist(
                    model.isBeyondLimit(adding: last.message.body.count, count: 1),
                    "\(last.name) was dropped although there was room for it"
                )
            }
        }
        model.dropped = []
        (model.leftCount, model.leftBytes) = (0, 0)
        let isChanged =
            model.entered.contains { $0.place == .ready }
            || model.ready.contains { $0.returnedBy == operation }
        model.isOver = model.isOver && !isChanged && model.isBeyondLimit()
        try insist(
            !model.dropsHead || model.isOver || !model.isBeyondLimit(),
            "\(model.name.string) holds more than it may: \(model.ready.map(\.name)), "
                + "\(model.entered.count) new"
        )
    }

    /// What came with a value found none like it.
    private func checkValues(_ model: ModelQueue) throws(Violation) {
        model.departed = []
        for copy in model.entered where copy.isIn && copy.value != nil {
            guard let rival = model.rival(of: copy) else { continue }
            throw Violation("\(copy.name) has the value of \(rival.name), which is there")
        }
    }

    /// Notes where those stand that came, which is behind all others, in the order they came.
    func noteEntered(_ model: ModelQueue, _ queue: Queue) throws(Violation) {
        let end = Int(queue.state.nextPosition)
        try insist(
            model.nextPosition + model.entered.count == end,
            "\(model.entered.count) messages for \(model.name.string), "
                + "it got \(end - model.nextPosition)"
        )
        guard !model.entered.isEmpty else { return }
        let out = model.entered.filter { $0.place == .out }
        if !out.isEmpty { place(out, among: queue.entriesOut, in: model) }
        var free = Set(model.nextPosition..<end)
        for copy in model.entered where copy.isPlaced { free.remove(copy.position) }
        var left = free.sorted()[...]
        var last = -1
        for copy in model.entered {
            if !copy.isPlaced, let position = left.popFirst() { copy.position = position }
            copy.isPlaced = true
            copy.wasStored = copy.place == .ready || copy.place == .out
            guard copy.wasStored else { continue }
            try insist(copy.position > last, "\(copy.name) stands before one that came earlier")
            last = copy.position
        }
        model.entered = []
        model.nextPosition = end
        model.sort()
    }

    /// Nothing stands before what was handed out, unless it has just come back or come at all.
    private func checkOrder(_ model: ModelQueue) throws(Violation) {
        guard let last = model.handedOut else { return }
        model.handedOut = nil
        // What is more urgent may come when another one is out already.
        let first = model.ready.first {
            $0.returnedBy < operation && $0.isBefore(last)
                && ($0.enteredBy < operation || model.priorityMax == 0)
        }
        if let first { throw Violation("\(first.name) was passed over for \(last.name)") }
    }

    /// After a batch: the broker holds what the model holds.
    func compare(_ virtualHost: VirtualHost) throws(Violation) {
        try compareTopology(virtualHost)
        for model in liveQueues {
            guard let queue = model.handle else { continue }
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
            guard !model.ready.isEmpty else { continue }
            let held = QueueView(queue)
            try insist(
                held.ready.elementsEqual(model.ready) { Int($0.position) == $1.position },
                "\(model.name.string) is in another order: \(held.ready.map(\.position)), not "
                    + "\(model.ready.map(\.position))"
            )
            // What is on disk only has to be read first.
            if model.groupHeader != nil {
                try checkGroupTurns(model, held)
            } else if queue.state.ready.first?.isPaged != true {
                try checkTurns(model)
            }
        }
        for exchange in virtualHost.exchangeList() where exchange.state.values.cache != nil {
            let known = memory(of: exchange.record.exchange)?.digests(at: now)
            try insist(
                exchange.remembered.map(\.digest) == known,
                "\(exchange.record.exchange.string) remembers \(exchange.remembered), not "
                    + "\(known ?? [])"
            )
        }
    }

    /// The names of what is declared, where something changed, and their number in any case.
    private func compareTopology(_ virtualHost: VirtualHost) throws(Violation) {
        let version = virtualHost.state.topologyVersion
        let isKnown =
            isCompared && version == comparedVersion
            && virtualHost.state.queues.count == topology.queues.count
        try insist(
            virtualHost.state.bindings.count == topology.bindings.count,
            "\(virtualHost.state.bindings.count) bindings, not \(topology.bindings.count)"
        )
        guard !isKnown else { return }
        let names = Set(
            virtualHost.queueList().map { ShortString(bytes: $0.state.name) ?? "" }
        )
        try insist(names == Set(topology.queues.keys), "other queues than declared: \(names)")
        let exchanges = Set(
            virtualHost.exchangeList().map { ShortString(bytes: $0.state.name) ?? "" }
        ).filter {
            !ModelTopology.isPredefined($0) && !$0.isEmpty && $0 != VirtualHost.managementExchange
        }
        try insist(
            exchanges == Set(topology.exchanges.keys).filter { !ModelTopology.isPredefined($0) },
            "other exchanges than declared: \(exchanges)"
        )
        (isCompared, comparedVersion) = (true, version)
    }

    /// Nobody works any more and the journal has caught up: nobody waits for an answer.
    func checkAnswered() throws(Violation) {
        try checkReaders(through: promisedEpoch)
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
        if let consumer = candidates.first(where: canTake) {
            throw Violation("\(first.name) waits, and \(consumer.tag.string) could take it")
        }
    }

    /// Whether a consumer has room for one more.
    func canTake(_ consumer: ModelConsumer) -> Bool {
        guard consumer.isNoAck || consumer.unackedCount < consumer.prefetchMax else {
            return false
        }
        let channel = connections.values.lazy.flatMap(\.values).first {
            $0.consumer(consumer.tag) === consumer
        }
        return channel.map { $0.consumerOutCount < $0.prefetchMax } ?? false
    }
}
