import Wire

/// What a client got.
struct Heard {
    let method: Method
    var properties = BasicProperties()
    var body: [UInt8] = []
}

/// Checking what the broker says.
extension BrokerModel {
    /// A client got something on one of its channels.
    func hear(_ heard: Heard, on channel: ModelChannel) throws(Violation) {
        switch heard.method {
        case .channelClose(let close):
            try insist(
                channel.phase == .closing && close.replyCode == channel.failure?.value,
                "channel closed with \(close.replyCode) \(close.replyText.string), "
                    + "not \(channel.failure.map { "\($0.value)" } ?? "at all")"
            )
            channel.forgetAnswers()
            channel.isCloseHeard = true
        case .basicDeliver(let deliver): try hear(deliver, heard, on: channel)
        case .basicReturn: try hearReturn(heard, on: channel)
        case .basicCancel: break
        default: try hearAnswer(heard, on: channel)
        }
    }

    private func hearAnswer(_ heard: Heard, on channel: ModelChannel) throws(Violation) {
        // What was held for the disk may follow the close of its channel; nobody listens.
        if channel.phase == .closing, channel.isCloseHeard { return }
        let name = heard.method.name
        guard !channel.expected.isEmpty else { throw Violation("\(name) out of the blue") }
        let expectation = channel.expected.removeFirst()
        if let fetch = expectation.fetch, case .basicGetEmpty = heard.method {
            saidEmpty.append(fetch.queue)
            return
        }
        try insist(
            heard.method.arguments.id == expectation.id,
            "\(name), and not \(expectation.id.name)"
        )
        try insist(
            expectation.epoch <= promisedEpoch,
            "\(name) before the disk has it (batch \(expectation.epoch) of \(promisedEpoch))"
        )
        // What was pushed out at once is not in the journal; that shows when the operation ends.
        committed += expectation.committed
        try checkDurable(expectation.streamed, "committed")
        try insist(expectation.isRight(heard.method), "wrong: \(heard.method.arguments)")
        if heard.method.arguments.id == TxCommitOk.id {
            try insist(channel.returns.isEmpty, "commit-ok without \(channel.returns)")
        }
        guard let fetch = expectation.fetch, case .basicGetOk(let getOk) = heard.method else {
            return
        }
        guard let copy = copy(of: heard, in: fetch.queue) else { return }
        // Later, others may have been served between this and what is heard of it.
        if fetch.operation == operation || isFetching {
            let first = next(toFetch: copy.queue)
            try insist(
                copy === first && Int(getOk.messageCount) == copy.queue.ready.count - 1,
                "\(copy.name) fetched, \(getOk.messageCount) left; first is "
                    + (first?.name ?? "none")
            )
        }
        try take(
            copy,
            getOk.deliveryTag,
            isRedelivered: getOk.redelivered,
            consumer: nil,
            isNoAck: fetch.isNoAck,
            on: channel
        )
    }

    // MARK: Deliveries

    private func hear(
        _ deliver: BasicDeliver,
        _ heard: Heard,
        on channel: ModelChannel
    ) throws(Violation) {
        guard let consumer = channel.consumer(deliver.consumerTag) else {
            throw Violation("delivery to \(deliver.consumerTag.string), who is no consumer")
        }
        let queue = consumer.queue
        if let stream = queue.stream {
            return try hearStreamed(deliver, heard, stream, to: consumer, on: channel)
        }
        guard let copy = copy(of: heard, in: queue) else { return }
        try checkTurn(of: consumer, on: channel, for: copy)
        try take(
            copy,
            deliver.deliveryTag,
            isRedelivered: deliver.redelivered,
            consumer: consumer,
            isNoAck: consumer.isNoAck,
            on: channel
        )
    }

    /// Whether a consumer may have a message now.
    private func checkTurn(
        of consumer: ModelConsumer,
        on channel: ModelChannel,
        for copy: ModelCopy
    ) throws(Violation) {
        let active = consumer.queue.active
        try insist(
            active == nil || active === consumer,
            "\(copy.name) to \(consumer.tag.string), who is not the active consumer"
        )
        try insist(
            channel.consumerOutCount < channel.prefetchMax,
            "\(copy.name) beyond the channel's prefetch of \(channel.prefetchMax)"
        )
        try insist(
            consumer.isNoAck || consumer.unackedCount < consumer.prefetchMax,
            "\(copy.name) beyond the prefetch of \(consumer.prefetchMax)"
        )
    }

    private func take(
        _ copy: ModelCopy,
        _ tag: UInt64,
        isRedelivered: Bool,
        consumer: ModelConsumer?,
        isNoAck: Bool,
        on channel: ModelChannel
    ) throws(Violation) {
        try insist(
            isRedelivered == copy.isRedelivered,
            "\(copy.name) \(isRedelivered ? "" : "not ")marked redelivered"
        )
        let queue = copy.queue
        if queue.groupHeader != nil {
            try checkGroup(copy, to: consumer)
            queue.handedOutOfGroups.append((copy, consumer))
        } else if queue.handedOut.map({ $0.isBefore(copy) }) ?? true {
            queue.handedOut = copy
        }
        guard !isNoAck else {
            queue.settle(copy, epoch: epoch)
            return
        }
        queue.handOut(copy, to: consumer)
        if copy.deliveredEpoch == nil { copy.deliveredEpoch = epoch }
        consumer?.unackedCount += 1
        channel.out[tag] = ModelChannel.Out(copy: copy, consumer: consumer)
    }

    // MARK: Publishers

    private func hearReturn(_ heard: Heard, on channel: ModelChannel) throws(Violation) {
        guard let id = ModelMessage.id(in: heard.body), !channel.returns.isEmpty,
            channel.returns.removeFirst() == id, heard.body == messages[id]?.body
        else { throw Violation("a message returned that should not be") }
    }

    /// A publisher heard that its messages are taken, or refused.
    func hearConfirm(_ arrival: Arrival) throws(Violation) {
        let channel = arrival.channel
        switch arrival.heard.method {
        case .basicAck(let ack):
            for message in try takeUnconfirmed(ack.deliveryTag, isMultiple: ack.multiple, channel) {
                try insist(!message.isRefused, "message \(message.id) confirmed and refused")
                try insist(
                    !arrival.returns.contains(message.id),
                    "message \(message.id) confirmed before it is returned"
                )
                try checkDurable(message.copies, "confirmed")
                try checkDurable(message.streamed, "confirmed")
            }
        case .basicNack(let nack):
            let refused = try takeUnconfirmed(nack.deliveryTag, isMultiple: nack.multiple, channel)
            for message in refused {
                try insist(
                    message.isRefused || message.operation <= lastBlocked,
                    "message \(message.id) refused for no reason"
                )
            }
        default: preconditionFailure("no confirm")
        }
    }

    /// What somebody is told to rely on is on the disk, or what became of it is, unless nobody
    /// needs it any more.
    func checkDurable(_ copies: [ModelCopy], _ what: String) throws(Violation) {
        for copy in copies where copy.journalEpoch ?? 0 > promisedEpoch {
            guard copy.place == .gone else {
                throw Violation("\(copy.name) \(what) before the disk has it")
            }
            try checkDurable(copy.letters, "that came of one \(what)")
        }
    }

    private func takeUnconfirmed(
        _ number: UInt64,
        isMultiple: Bool,
        _ channel: ModelChannel
    ) throws(Violation) -> [ModelMessage] {
        if channel.phase != .open { return [] }
        let answered = channel.unconfirmed.filter {
            isMultiple ? $0.number <= number : $0.number == number
        }
        try insist(
            answered.last?.number == number,
            "publish \(number) answered, which waits for no answer"
        )
        channel.unconfirmed.removeAll { item in answered.contains { $0.number == item.number } }
        return answered.map(\.message)
    }
}
