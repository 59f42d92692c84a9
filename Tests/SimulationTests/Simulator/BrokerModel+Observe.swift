import Wire

@testable import Broker

/// Something a client got, and where.
struct Arrival {
    let heard: Heard
    let channel: ModelChannel
    /// Messages that were still to be returned when it came.
    var returns: [Int] = []
}

/// Bringing together what was heard and what became of messages nobody heard of.
///
/// A message that died may come out elsewhere in the same moment, and push out others there. So
/// what is heard is matched with what is known; then those who have disappeared are looked for,
/// and sent on if the broker has done so; and so on until nothing is left.
extension BrokerModel {
    /// Takes in all that came of one operation.
    func observe(_ arrivals: [Arrival], _ virtualHost: VirtualHost) throws(Violation) {
        for model in liveQueues { model.meet(virtualHost.queue(named: model.name)) }
        var open = arrivals
        var confirms: [Arrival] = []
        try noteFired(virtualHost)
        for arrival in arrivals { try noteTag(of: arrival) }
        while true {
            let count = open.count
            open = try hearKnown(open, &confirms)
            let hasNews = try noteMissing(virtualHost)
            let hasLetters = bury(virtualHost)
            guard hasNews || hasLetters || open.count < count else { break }
        }
        if let first = open.first { throw stranger(first) }
        for arrival in confirms { try hearConfirm(arrival) }
        try endOperation(virtualHost)
        let last = nextSequence()
        for letter in letters { letter.lastSequence = last }
        letters = []
    }

    /// Tags count up, whatever is known of the messages.
    private func noteTag(of arrival: Arrival) throws(Violation) {
        let tag: UInt64
        switch arrival.heard.method {
        case .basicDeliver(let deliver): tag = deliver.deliveryTag
        case .basicGetOk(let getOk): tag = getOk.deliveryTag
        default: return
        }
        let last = arrival.channel.lastTag
        try insist(tag == last + 1, "\(arrival.channel.name): tag \(tag) follows \(last)")
        arrival.channel.lastTag = tag
    }

    /// Takes in what can be matched.
    ///
    /// - Returns: The rest; confirms wait until it is known who was refused.
    private func hearKnown(
        _ arrivals: [Arrival],
        _ confirms: inout [Arrival]
    ) throws(Violation) -> [Arrival] {
        var rest: [Arrival] = []
        var waiting: Set<ObjectIdentifier> = []
        for arrival in arrivals {
            let channel = arrival.channel
            switch arrival.heard.method {
            case .basicDeliver:
                guard isKnown(arrival) else {
                    rest.append(arrival)
                    continue
                }
            case .basicAck, .basicNack:
                confirms.append(
                    Arrival(heard: arrival.heard, channel: channel, returns: channel.returns)
                )
                continue
            default:
                if waiting.contains(ObjectIdentifier(channel)) || !isKnown(arrival) {
                    waiting.insert(ObjectIdentifier(channel))
                    rest.append(arrival)
                    continue
                }
            }
            do throws(Violation) {
                try hear(arrival.heard, on: channel)
            } catch {
                throw Violation("\(channel.name): \(error)")
            }
        }
        return rest
    }

    /// Whether the message that came waits where it came from, as far as is known.
    private func isKnown(_ arrival: Arrival) -> Bool {
        // The queue of a commit that failed may have gone with its consumers.
        guard let queue = source(of: arrival), queue.stream == nil, !queue.isDeleted else {
            return true
        }
        return copy(of: arrival.heard, in: queue) != nil
    }

    private func source(of arrival: Arrival) -> ModelQueue? {
        switch arrival.heard.method {
        case .basicDeliver(let deliver):
            arrival.channel.consumer(deliver.consumerTag)?.queue
        case .basicGetOk: arrival.channel.expected.first?.fetch?.queue
        default: nil
        }
    }

    /// Which ready copy this is, first of all that are alike.
    func copy(of heard: Heard, in queue: ModelQueue) -> ModelCopy? {
        guard let id = ModelMessage.id(in: heard.body) else { return nil }
        let alike = (queue.copies[id] ?? []).filter {
            $0.place == .ready && $0.isContent(of: heard)
        }
        return alike.min { $0.isBefore($1) }
    }

    /// What is wrong with a message that is not what waits there.
    private func stranger(_ arrival: Arrival) -> Violation {
        let heard = arrival.heard
        guard let queue = source(of: arrival) else { return Violation("out of the blue") }
        guard let id = ModelMessage.id(in: heard.body), let message = messages[id] else {
            return Violation("a message nobody published, of \(heard.body.count) octets")
        }
        guard let copy = queue.copies[id]?.last else {
            return Violation("message \(id) never was in \(queue.name.string)/\(queue.life)")
        }
        if heard.body != message.body { return Violation("\(copy.name) has another body") }
        let ready = queue.copies[id]?.filter { $0.place == .ready } ?? []
        guard let next = ready.first else {
            return Violation("\(copy.name) handed out while it is \(copy.place)")
        }
        return Violation(
            "\(copy.name) has other properties or another route: "
                + "\(heard.properties), not \(next.properties())"
        )
    }

    // MARK: Those who have disappeared

    /// Finds out which ready messages are there no more although nobody got them.
    ///
    /// - Returns: Whether there are any.
    private func noteMissing(_ virtualHost: VirtualHost) throws(Violation) -> Bool {
        var hasNews = false
        for model in liveQueues {
            guard let queue = model.handle else {
                throw Violation("queue \(model.name.string) is gone")
            }
            let isSame =
                model.entered.isEmpty && model.nextPosition == Int(queue.state.nextPosition)
                && model.ready.count == queue.state.ready.count
            guard !isSame else { continue }
            let view = QueueView(queue)
            place(model.entered.filter { $0.place == .ready }, among: view.ready, in: model)
            let there = Set(view.ready.map { Int($0.position) })
            for copy in model.ready where !copy.isPlaced || !there.contains(copy.position) {
                hasNews = true
                try explain(copy, queue, virtualHost)
            }
            model.sort()
        }
        return hasNews
    }

    /// Why a message is not there.
    private func explain(
        _ copy: ModelCopy,
        _ queue: Queue,
        _ virtualHost: VirtualHost
    ) throws(Violation) {
        let model = copy.queue
        let isNew = model.entered.contains { $0 === copy }
        if isNew, let rival = model.rival(of: copy), isTold(copy, from: rival, queue) {
            // It is answered for when the first one is durable.
            if copy.journalEpoch != nil { copy.message.copies.append(rival) }
            model.forget(copy)
        } else if isNew, copy.timeToLive == 0,
            !model.refuses || !model.isShort(queue) || !isFull(queue, for: copy)
        {
            die(copy, .expired)
        } else if isNew, model.refuses {
            try insist(
                isFull(queue, for: copy),
                "\(copy.name) was refused, and there are \(queue.state.ready.count) "
                    + "(\(queue.state.ready.bodyBytes) octets)"
            )
            model.refuse(copy)
            if model.overflow == "reject-publish-dlx", model.deadLetterExchange != nil {
                die(copy, .maxLength)
            }
        } else if copy.isOver(at: now), !model.isCut(by: operation) {
            end(copy, virtualHost)
        } else if model.dropsHead || model.isCut(by: operation) {
            model.dropped.append(copy)
            if copy.returnedBy == operation { model.group(of: copy)?.forget(copy) }
            die(copy, .maxLength)
        } else {
            throw Violation("\(copy.name) is gone; \(queue.state.counters.lost) are lost")
        }
    }

    /// Whether a queue has no room for one more, or had none before something left it just now.
    private func isFull(_ queue: Queue, for copy: ModelCopy) -> Bool {
        let model = copy.queue
        let bytes = queue.state.ready.bodyBytes + model.leftBytes + copy.message.body.count
        return queue.state.ready.count + model.leftCount >= model.countMax ?? Int.max
            || bytes > model.bytesMax ?? Int.max
    }

    /// Whether a copy that is not there was a duplicate of another one: for certain if that is
    /// there and came first, else if nothing else explains it.
    private func isTold(_ copy: ModelCopy, from rival: ModelCopy, _ queue: Queue) -> Bool {
        let model = copy.queue
        // Of two that came in one operation the second is the duplicate.
        let isFirst = model.entered.first { $0 === copy || $0 === rival } === copy
        return rival.isIn && !isFirst || model.isShort(queue)
            || copy.timeToLive != 0 && !model.isLimited
    }

    /// Gives new copies the positions of entries that hold their messages.
    func place(_ copies: [ModelCopy], among entries: [QueueEntry], in model: ModelQueue) {
        var taken = Set(model.entered.filter(\.isPlaced).map(\.position))
        for copy in copies where !copy.isPlaced {
            let entry = entries.first {
                let position = Int($0.position)
                return position >= model.nextPosition && !taken.contains(position)
                    && $0.terms.priority == copy.priority && $0.holds(copy.message)
            }
            guard let entry else { continue }
            copy.position = Int(entry.position)
            copy.isPlaced = true
            taken.insert(copy.position)
        }
    }
}

extension ModelCopy {
    /// Whether what a client got is this.
    func isContent(of heard: Heard) -> Bool {
        let route: (ShortString, ShortString)? =
            switch heard.method {
            case .basicDeliver(let deliver): (deliver.exchange, deliver.routingKey)
            case .basicGetOk(let getOk): (getOk.exchange, getOk.routingKey)
            default: nil
            }
        let isFetched = heard.method.arguments.id == BasicGetOk.id
        return route?.0 == message.exchange && route?.1 == message.key
            && heard.body == message.body
            && heard.properties.isLike(properties(isFetched: isFetched))
    }
}

extension ModelQueue {
    /// Whether the broker's queue never took some of those that came in.
    fileprivate func isShort(_ queue: Queue) -> Bool {
        nextPosition + entered.count > Int(queue.state.nextPosition)
    }
}
