@testable import TestSupport
import Wire

@testable import Broker

/// What a client believes of one of its channels.
struct ClientChannel {
    var isOpen = false
    var isTransactional = false
}

/// What clients say.
extension Simulation {
    var anyPeer: SimulatedPeer? {
        let ids = peers.keys.sorted()
        return ids.isEmpty ? nil : peers[random.pick(ids)]
    }

    /// The first client declares what the seed has chosen.
    func open() throws {
        let peer = try connect()
        openChannel(1, of: peer)
        for declare in choices.exchanges { say(.exchangeDeclare(declare), peer, 1) }
        for declare in choices.queues where !declare.exclusive || random.oneIn(2) {
            say(.queueDeclare(declare), peer, 1)
        }
        for _ in 0..<choices.queues.count { say(bind(), peer, 1) }
        if random.oneIn(2) { peer.transmit(peer.untransmittedCount) }
        try turn { try self.feed(peer) }
    }

    /// Some clients say something; some of it arrives.
    func actAsClients() throws {
        try turn {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                guard let peer = anyPeer else { return }
                let number = UInt16.random(in: 1...3, using: &random)
                for _ in 0..<Int.random(in: 1...5, using: &random) { speak(peer, number) }
                let all = peer.untransmittedCount
                peer.transmit(random.oneIn(5) ? Int.random(in: 0...all, using: &random) : all)
                try feed(peer)
            }
        }
        if peers.isEmpty { try connect() }
    }

    private func say(_ method: Method, _ peer: SimulatedPeer, _ number: UInt16) {
        peer.say(.method(method), on: number, frameMax: choices.frameMax)
    }

    private func openChannel(_ number: UInt16, of peer: SimulatedPeer) {
        var channel = ClientChannel(isOpen: true)
        say(.channelOpen(ChannelOpen()), peer, number)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            channel.isTransactional = true
            say(.txSelect(TxSelect()), peer, number)
        case 1: break
        default: say(.confirmSelect(ConfirmSelect()), peer, number)
        }
        sessions[peer.id]?[number] = channel
    }

    private func speak(_ peer: SimulatedPeer, _ number: UInt16) {
        guard let channel = sessions[peer.id]?[number], channel.isOpen else {
            openChannel(number, of: peer)
            return
        }
        if choices.isStreaming, number == SimulationChoices.streamChannel, random.oneIn(2) {
            readStream(peer, number)
            return
        }
        if channel.isTransactional, random.oneIn(5) {
            say(random.oneIn(4) ? .txRollback(TxRollback()) : .txCommit(TxCommit()), peer, number)
            return
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<42: publish(peer, number)
        case 42..<90 where choices.isStreaming && number == SimulationChoices.streamChannel:
            readStream(peer, number)
        case 42..<64: settle(peer, number)
        case 64..<90: consume(peer, number)
        case 90..<99: say(topologyChange(), peer, number)
        default:
            guard random.oneIn(3) else { return }
            say(.channelClose(ChannelClose(replyCode: 200, classID: 0, methodID: 0)), peer, number)
            sessions[peer.id]?[number]?.isOpen = false
        }
    }

    // MARK: Publishing

    private func publish(_ peer: SimulatedPeer, _ number: UInt16) {
        let exchange = anyExchange
        let isToQueue = random.oneIn(2)
        var headers: [FieldTable.Entry] = []
        for name: ShortString in ["h1", "h2"] where random.oneIn(3) {
            headers.append(.init(name: name, value: .int32(.random(in: 0...1, using: &random))))
        }
        var options = ModelMessage.Options(
            isPersistent: !random.oneIn(4),
            isMandatory: random.oneIn(4),
            headers: FieldTable(headers)
        )
        if !choices.isPlain {
            if random.oneIn(5) { options.priority = random.pick([0, 1, 2, 5, 200]) }
            if random.oneIn(6) { options.delay = random.pick([0, 1, 30, 400, 4_000]) }
            if random.oneIn(8) { options.expiration = random.pick([0, 20, 300, 5_000]) }
        }
        var name = isToQueue ? "" : random.oneIn(60) ? "nowhere" : exchange
        if choices.isDeduplicating, random.oneIn(2) {
            options.headers["x-deduplication-header"] = random.pick(SimulationChoices.values)
            if random.oneIn(5) {
                options.headers["x-cache-ttl"] = .int32(random.pick([0, 30, 900, 6_000]))
            }
            if random.oneIn(3) { name = "x3" }
        }
        if choices.isGrouping, !random.oneIn(5) {
            options.headers["g"] = random.pick(SimulationChoices.groups)
        }
        if choices.isStreaming, random.oneIn(3) {
            options.headers["x-stream-filter-value"] = .string(random.pick(["f", "g"]))
        }
        let message = ModelMessage(
            id: nextMessageID(),
            exchange: name,
            key: isToQueue ? anyQueue : random.pick(choices.keys),
            size: random.pick(choices.bodySizes),
            options
        )
        peer.say(.publish(message), on: number, frameMax: choices.frameMax)
    }

    private var anyExchange: ShortString {
        if random.oneIn(5) { return random.pick(ModelTopology.predefined).0 }
        return random.pick(choices.exchanges).exchange
    }

    private var anyQueue: ShortString { random.pick(choices.queues).queue }

    /// No stream: what it does not do costs the connection.
    private var anyOtherQueue: ShortString {
        random.pick(choices.queues.filter { $0.queue != SimulationChoices.stream }).queue
    }

    // MARK: Consuming

    private func settle(_ peer: SimulatedPeer, _ number: UInt16) {
        let channel = model.channel(peer.id, number)
        var tags = channel.openTags
        if random.oneIn(50) { tags.append(channel.lastTag + 7) }
        guard !tags.isEmpty else { return consume(peer, number) }
        // Mostly in order, as clients do.
        let tag = random.oneIn(2) ? tags[0] : random.pick(tags)
        let isMultiple = random.oneIn(4)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<6:
            let all = isMultiple && random.oneIn(4)
            say(
                .basicAck(BasicAck(deliveryTag: all ? 0 : tag, multiple: isMultiple)),
                peer,
                number
            )
        case 6, 7:
            let nack = BasicNack(deliveryTag: tag, multiple: isMultiple, requeue: !random.oneIn(3))
            say(.basicNack(nack), peer, number)
        case 8:
            let reject = BasicReject(deliveryTag: tag, requeue: random.oneIn(2))
            say(.basicReject(reject), peer, number)
        default: say(.basicRecover(BasicRecover(requeue: true)), peer, number)
        }
    }

    /// On a channel that does nothing else: much of what other channels do is an error there.
    private func readStream(_ peer: SimulatedPeer, _ number: UInt16) {
        let channel = model.channel(peer.id, number)
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1:
            let qos = BasicQos(prefetchCount: random.pick([1, 1, 2, 5, 50]))
            say(.basicQos(qos), peer, number)
        case 2..<5:
            var arguments: FieldTable = [:]
            if !random.oneIn(6) { arguments["x-stream-offset"] = anyStreamOffset }
            if random.oneIn(4) { arguments["x-stream-filter"] = .string(random.pick(["f", "g"])) }
            let consume = BasicConsume(
                queue: SimulationChoices.stream,
                consumerTag: nextConsumerTag(),
                arguments: arguments
            )
            say(.basicConsume(consume), peer, number)
        case 5:
            guard let consumer = channel.consumers.first else { return }
            say(.basicCancel(BasicCancel(consumerTag: consumer.tag)), peer, number)
        default:
            guard let tag = channel.openTags.last else { return }
            let isMultiple = random.oneIn(2)
            let some = isMultiple ? tag : random.pick(channel.openTags)
            say(.basicAck(BasicAck(deliveryTag: some, multiple: isMultiple)), peer, number)
        }
    }

    private var anyStreamOffset: FieldValue {
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: "first"
        case 2: "last"
        case 3: "next"
        case 4: .int64(Int64.random(in: 0...40, using: &random))
        default:
            .timestamp(
                UInt64(
                    SimulatedMachine.wallTime(now).seconds
                        - Int64.random(in: -1...6, using: &random)
                )
            )
        }
    }

    private func consume(_ peer: SimulatedPeer, _ number: UInt16) {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<7:
            var arguments: FieldTable = [:]
            if random.oneIn(4) {
                arguments = ["x-priority": .int32(.random(in: -1...2, using: &random))]
            }
            var consume = BasicConsume(
                queue: anyOtherQueue,
                consumerTag: nextConsumerTag(),
                noAck: random.oneIn(4),
                exclusive: random.oneIn(12),
                arguments: arguments
            )
            // Which queues with groups refuse.
            if choices.isGrouping, consume.noAck { consume.noAck = random.oneIn(4) }
            say(.basicConsume(consume), peer, number)
        case 7..<12:
            let consumers = model.channel(peer.id, number).consumers
            guard !consumers.isEmpty else { return }
            say(.basicCancel(BasicCancel(consumerTag: random.pick(consumers).tag)), peer, number)
        case 12..<16:
            let qos = BasicQos(
                prefetchCount: random.pick([0, 1, 1, 2, 3, 10]),
                global: !choices.hasQuorumQueues && !choices.isStreaming && random.oneIn(3)
            )
            say(.basicQos(qos), peer, number)
        default:
            say(.basicGet(BasicGet(queue: anyOtherQueue, noAck: random.oneIn(4))), peer, number)
        }
    }

    // MARK: Topology

    private func topologyChange() -> Method {
        switch Int.random(in: 0..<16, using: &random) {
        case 0..<5:
            var declare = random.pick(choices.queues)
            if random.oneIn(10) { declare = choices.queue(declare.queue, &random) }
            if random.oneIn(6) { declare = QueueDeclare(queue: declare.queue, passive: true) }
            return .queueDeclare(declare)
        case 5..<7:
            var declare = random.pick(choices.exchanges)
            if random.oneIn(10) {
                declare = choices.exchange(declare.exchange, &random)
            }
            return .exchangeDeclare(declare)
        case 7:
            var delete = QueueDelete(queue: anyQueue)
            // Of a quorum queue a condition would end the connection.
            delete.ifUnused = random.oneIn(3) && !choices.hasQuorumQueues
            delete.ifEmpty = random.oneIn(3) && !choices.hasQuorumQueues
            return .queueDelete(delete)
        case 8:
            return .exchangeDelete(
                ExchangeDelete(exchange: random.pick(choices.exchanges).exchange)
            )
        case 9: return .queuePurge(QueuePurge(queue: anyOtherQueue))
        case 10..<13: return bind()
        case 13:
            return .exchangeBind(
                ExchangeBind(
                    destination: choices.isDeduplicating ? "amq.fanout" : anyExchange,
                    source: anyExchange,
                    routingKey: random.pick(choices.patterns + choices.keys),
                    arguments: bindingArguments
                )
            )
        default: return unbind()
        }
    }

    private var bindingArguments: FieldTable {
        let name: ShortString = random.pick(["h1", "h2"])
        let value = FieldValue.int32(.random(in: 0...1, using: &random))
        return FieldTable([
            .init(name: "x-match", value: .string(random.pick(["all", "any"]))),
            .init(name: name, value: value),
        ])
    }

    func bind() -> Method {
        .queueBind(
            QueueBind(
                queue: anyQueue,
                exchange: anyExchange,
                routingKey: random.pick(choices.patterns + choices.keys),
                arguments: bindingArguments
            )
        )
    }

    /// Of a binding that is there, mostly.
    private func unbind() -> Method {
        let bindings = model.topology.bindings.map { ($0.octets, $0) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
        guard !bindings.isEmpty else { return bind() }
        let binding = random.pick(bindings)
        switch binding.destination {
        case .queue(let queue):
            return .queueUnbind(
                QueueUnbind(
                    queue: queue,
                    exchange: binding.source,
                    routingKey: binding.key,
                    arguments: binding.arguments
                )
            )
        case .exchange(let destination):
            return .exchangeUnbind(
                ExchangeUnbind(
                    destination: destination,
                    source: binding.source,
                    routingKey: binding.key,
                    arguments: binding.arguments
                )
            )
        }
    }
}
