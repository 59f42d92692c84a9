import InProcess
import TestSupport
import Wire

/// A client that does a bit of everything, and mostly knows what it is doing.
final class Client {
    let peer: Peer
    let check = ReplyCheck()
    /// What it has to say and has not sent.
    var pending: [UInt8] = []
    private var open: Set<UInt16> = []
    private var transactional: Set<UInt16> = []
    private var hasClosed = false
    private var frameMax = 131_072

    static let queues: [ShortString] = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"]
    static let exchanges: [ShortString] = [
        "", "x-direct", "x-fanout", "x-topic", "x-headers", "x-alternate", "amq.topic", "x-hash",
        "x-chance", "x-history",
    ]
    static let keys: [ShortString] = [
        "q1", "q2", "a", "a.b", "a.b.c", "", "b.", "q3", "q5", "q6", "q7", "q8",
    ]
    static let patterns: [ShortString] = ["q1", "a", "a.*", "#", "*.b.#", "#.c", "", "b.*", "7"]
    static let consumerTags: [ShortString] = ["c1", "c2", "c3", "", "", "", ""]

    init(_ peer: Peer) {
        self.peer = peer
        peer.records = true
    }

    /// Prepares the handshake and a first channel.
    func open(_ seed: inout Seed) {
        frameMax = seed.oneIn(3) ? 4_096 : 131_072
        var script = ClientScript()
        script.open(frameMax: UInt32(frameMax), heartbeat: seed.oneIn(4) ? 10 : 0)
        script.method(ChannelOpen(), channel: 1)
        open.insert(1)
        if !seed.oneIn(8) { declareEverything(in: &script, channel: 1) }
        for queue in Self.queues where seed.oneIn(2) {
            script.method(BasicQos(prefetchCount: seed.oneIn(2) ? 0 : 5), channel: 1)
            script.method(BasicConsume(queue: queue, noAck: seed.oneIn(3)), channel: 1)
        }
        pending += script.bytes
    }

    /// Reads what has come, and answers what must be answered.
    func listen(_ seed: inout Seed) throws(Failure) {
        guard !peer.isGone else { return }
        try check.read(peer)
        var script = ClientScript()
        for (number, channel) in check.channels.sorted(by: { $0.key < $1.key })
        where channel.isClosing && !channel.isAnswered && !seed.oneIn(4) {
            script.method(ChannelCloseOk(), channel: number)
            check.noteCloseOk(number)
            open.remove(number)
            transactional.remove(number)
        }
        if check.isConnectionClosing, !hasClosed, !seed.oneIn(4) {
            hasClosed = true
            script.method(ConnectionCloseOk(), channel: 0)
        }
        pending += script.bytes
    }

    /// A few operations as frames.
    func operations(_ seed: inout Seed) -> [[UInt8]] {
        var script = ClientScript()
        for _ in 0..<Int.random(in: 1...6, using: &seed) {
            let channel = UInt16.random(in: 1...3, using: &seed)
            if open.insert(channel).inserted {
                script.method(ChannelOpen(), channel: channel)
            } else {
                add(to: &script, channel, &seed)
            }
        }
        return script.frames
    }

    private func add(to script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        switch Int.random(in: 0..<100, using: &seed) {
        case 0..<40: publish(to: &script, channel, &seed)
        case 40..<62: settle(in: &script, channel, &seed)
        case 62..<80: consume(in: &script, channel, &seed)
        case 80..<95: changeTopology(in: &script, channel, &seed)
        default: changeMode(in: &script, channel, &seed)
        }
    }

    private func publish(to script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let size =
            switch Int.random(in: 0..<12, using: &seed) {
            case 0: 0
            case 1: Int.random(in: 4_000...5_000, using: &seed)
            case 2: Int.random(in: 12_000...40_000, using: &seed)
            default: Int.random(in: 1...100, using: &seed)
            }
        for _ in 0..<(seed.oneIn(6) ? 20 : 1) {
            script.publish(
                BasicPublish(
                    exchange: seed.oneIn(2) ? "" : seed.pick(Self.exchanges),
                    routingKey: seed.pick(Self.keys),
                    mandatory: seed.oneIn(4)
                ),
                properties: properties(&seed),
                body: [UInt8](repeating: 0x61, count: size),
                channel: channel,
                frameMax: seed.oneIn(4) ? 100 : frameMax
            )
        }
    }

    private func properties(_ seed: inout Seed) -> BasicProperties {
        guard seed.oneIn(3) else { return BasicProperties() }
        if seed.oneIn(30) { return .random(using: &seed) }
        var properties = BasicProperties()
        properties.deliveryMode = seed.oneIn(2) ? 2 : 1
        if seed.oneIn(2) {
            properties.headers = ["a": .int32(Int32.random(in: 0...3, using: &seed))]
            if seed.oneIn(8) { properties.headers?["x-stream-filter-value"] = "a" }
        }
        if seed.oneIn(4) {
            properties.headers?[seed.oneIn(2) ? "CC" : "BCC"] = .array([
                .longString(seed.pick(Self.keys).bytes), .longString(seed.pick(Self.keys).bytes),
            ])
        }
        if seed.oneIn(40) { properties.replyTo = "amq.rabbitmq.reply-to" }
        if seed.oneIn(8) { properties.userID = "guest" }
        if seed.oneIn(2) { properties.priority = UInt8.random(in: 0...6, using: &seed) }
        if seed.oneIn(3) { properties.expiration = seed.pick(["0", "1000", "9000", "30000"]) }
        return properties
    }

    private func settle(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let known = check.channels[channel]?.tags ?? []
        guard !known.isEmpty || seed.oneIn(40) else { return }
        // Now and then a tag that is settled, unknown, or zero.
        let isWild = known.isEmpty || seed.oneIn(40)
        let tag = isWild ? UInt64.random(in: 0...3, using: &seed) : seed.pick(known)
        let multiple = tag == 0 || seed.oneIn(3)
        check.settle(tag, multiple: multiple, channel: channel)
        switch Int.random(in: 0..<8, using: &seed) {
        case 0:
            script.method(BasicReject(deliveryTag: tag, requeue: seed.oneIn(2)), channel: channel)
        case 1, 2:
            script.method(
                BasicNack(deliveryTag: tag, multiple: multiple, requeue: seed.oneIn(2)),
                channel: channel
            )
        case 3: script.method(BasicRecover(requeue: !seed.oneIn(60)), channel: channel)
        default: script.method(BasicAck(deliveryTag: tag, multiple: multiple), channel: channel)
        }
    }

    private func consume(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let queue: ShortString = seed.oneIn(40) ? "amq.rabbitmq.reply-to" : seed.pick(Self.queues)
        switch Int.random(in: 0..<10, using: &seed) {
        case 0, 1, 2, 3:
            var arguments = FieldTable()
            if queue == "q8", !seed.oneIn(20) {
                readStream(in: &script, channel, &seed)
                return
            }
            if seed.oneIn(4) {
                arguments["x-priority"] = .int32(Int32.random(in: -2...2, using: &seed))
            }
            script.method(
                BasicConsume(
                    queue: queue,
                    consumerTag: seed.pick(Self.consumerTags),
                    noAck: seed.oneIn(2),
                    exclusive: seed.oneIn(30),
                    noWait: seed.oneIn(6),
                    arguments: arguments
                ),
                channel: channel
            )
        case 4, 5:
            script.method(
                BasicCancel(consumerTag: seed.pick(Self.consumerTags), noWait: seed.oneIn(4)),
                channel: channel
            )
        case 6, 7:
            script.method(
                BasicQos(
                    prefetchCount: UInt16.random(in: 0...4, using: &seed),
                    global: seed.oneIn(3)
                ),
                channel: channel
            )
        default:
            // A stream ends the connection of who tries.
            guard queue != "q8" || seed.oneIn(20) else { return }
            script.method(BasicGet(queue: queue, noAck: seed.oneIn(2)), channel: channel)
        }
    }

    private func readStream(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        let offsets: [FieldValue] = ["first", "last", "next", .int32(3), "1m", .timestamp(1)]
        var arguments: FieldTable = ["x-stream-offset": seed.pick(offsets)]
        if seed.oneIn(4) { arguments["x-stream-filter"] = seed.pick(["a", "b"]) }
        let prefetchCount = UInt16.random(in: 1...9, using: &seed)
        script.method(BasicQos(prefetchCount: prefetchCount), channel: channel)
        script.method(
            BasicConsume(
                queue: "q8",
                consumerTag: seed.pick(Self.consumerTags),
                noWait: seed.oneIn(6),
                arguments: arguments
            ),
            channel: channel
        )
    }

    private func changeMode(in script: inout ClientScript, _ channel: UInt16, _ seed: inout Seed) {
        switch Int.random(in: 0..<12, using: &seed) {
        case 0, 1: script.method(ConfirmSelect(noWait: seed.oneIn(4)), channel: channel)
        case 2...5:
            if transactional.insert(channel).inserted {
                script.method(TxSelect(), channel: channel)
            } else if seed.oneIn(3) {
                script.method(TxRollback(), channel: channel)
            } else {
                script.method(TxCommit(), channel: channel)
            }
        case 6: script.method(ChannelFlow(active: !seed.oneIn(20)), channel: channel)
        case 7, 8:
            script.method(ChannelClose(replyCode: 200, classID: 0, methodID: 0), channel: channel)
            open.remove(channel)
            transactional.remove(channel)
        case 9 where seed.oneIn(4):
            script.method(ConnectionClose(replyCode: 200, classID: 0, methodID: 0), channel: 0)
            hasClosed = true
        default: script.octets([8, 0, 0, 0, 0, 0, 0, 0xCE])
        }
    }
}

extension Seed {
    /// One of `choices`, which must not be empty.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }
}
