import Wire

/// Direct reply-to: answers without a queue (RabbitMQ's extension).
///
/// A client consumes, without acknowledgements, from the pseudo queue. Requests it publishes on
/// the same channel with that `reply_to` leave with a token behind it, and whoever publishes to
/// that address through the default exchange reaches the channel directly, if it is still there.
enum DirectReply {
    static let pseudoQueue: ShortString = "amq.rabbitmq.reply-to"
    static let addressPrefix = Array("amq.rabbitmq.reply-to.".utf8)
    /// Random octets of a token: 132 bits, so that nobody answers who was not asked.
    static let tokenSize = 22
}

/// The consumer of a channel's direct replies.
struct DirectReplyConsumer {
    let consumerTag: ShortString
    /// The pseudo queue's name, a dot and the token.
    let address: [UInt8]
    let deliveryHead: [UInt8]
}

extension Handle where State == ChannelState {
    /// basic.consume on the pseudo queue.
    ///
    /// - Throws: 406 unless no-ack, or when the channel has such a consumer.
    func consumeDirectReplies(_ consume: BasicConsume, tag: ShortString) throws(ProtocolError) {
        guard consume.noAck else {
            throw ProtocolError(.preconditionFailed, "reply consumer cannot acknowledge")
        }
        guard state.directReply == nil else {
            throw ProtocolError(.preconditionFailed, "reply consumer already set")
        }
        let token = state.virtualHost.state.random.name(count: DirectReply.tokenSize)
        let reply = DirectReplyConsumer(
            consumerTag: tag,
            address: DirectReply.addressPrefix + token,
            deliveryHead: deliveryHead(for: tag)
        )
        state.directReply = reply
        let channel = self
        ByteView.with(reply.address) {
            _ = state.virtualHost.state.replyAddresses.insert(channel, for: $0)
        }
        if !consume.noWait { send(BasicConsumeOk(consumerTag: tag)) }
    }

    func endDirectReply() {
        guard let reply = state.directReply else { return }
        state.directReply = nil
        ByteView.with(reply.address) {
            _ = state.virtualHost.state.replyAddresses.remove($0)
        }
    }

    /// Delivers a message published to a reply address.
    ///
    /// - Returns: `false` when the routing key is no such address.
    func deliverDirectReply(_ message: Message, isMandatory: Bool) -> Bool {
        let key = message.routingKey
        guard key.count > DirectReply.addressPrefix.count,
            key.slice(from: 0, count: DirectReply.addressPrefix.count)
                == DirectReply.addressPrefix,
            let exchange = state.virtualHost.state.defaultExchange
        else { return false }
        let isDelivered = state.virtualHost.reply(message)
        if !isDelivered { reportUnroutable(message, isMandatory: isMandatory) }
        countPublish(through: exchange, deliveries: isDelivered ? 1 : 0)
        return true
    }
}

extension Handle where State == VirtualHostState {
    /// Hands a message to the channel its routing key is the reply address of.
    ///
    /// - Returns: Whether somebody got it. A requester that does not read, with as much waiting
    ///   for it as a connection may have, gets no more.
    func reply(_ message: Message) -> Bool {
        guard let channel = state.replyAddresses.value(for: message.routingKey),
            let reply = channel.state.directReply,
            !channel.state.connection.isOutboundFull
        else { return false }
        let deliveryTag = channel.state.nextDeliveryTag
        channel.state.nextDeliveryTag += 1
        channel.state.counters.deliveredNoAck += 1
        ByteView.with(reply.deliveryHead) { head in
            channel.state.connection.writeContent(
                message,
                head: head,
                deliveryTag: deliveryTag,
                isRedelivered: false
            )
        }
        return true
    }

    /// Answers a management request at its reply address; nobody there is no error.
    ///
    /// - Parameters:
    ///   - answer: Where it goes and what it says.
    ///   - lsn: What must be durable first; 0 for what needs no disk. What goes to an address keeps
    ///     its order, so an answer may wait for the one before.
    func send(_ answer: ManagementAnswer, whenDurable lsn: UInt64) {
        let waiting = state.journal.waitingAnswers
        let isBehind = waiting.contains { $0.answer.address == answer.address }
        guard lsn > state.journal.durableLSN || isBehind else { return send(answer) }
        guard waiting.count < state.limits.waitingAnswerCountMax else { return }
        state.journal.isUrgent = true
        state.journal.waitingAnswers.append((max(lsn, waiting.last?.lsn ?? 0), answer))
    }

    /// Sends answers to management requests that the disk now covers.
    func sendWaitingAnswers() {
        let durable = state.journal.durableLSN
        let covered = state.journal.waitingAnswers.prefix { $0.lsn <= durable }
        state.journal.waitingAnswers.removeFirst(covered.count)
        for (_, answer) in covered { send(answer) }
        if !state.journal.waitingAnswers.isEmpty { state.journal.isUrgent = true }
    }

    private func send(_ answer: ManagementAnswer) {
        let address = answer.address
        guard address.count <= ShortString.countMax else { return }
        var writer = ByteWriter()
        answer.properties.encode(into: &writer)
        let route: [UInt8] = [0, UInt8(address.count)] + address
        let message = ByteView.with(route) { route in
            ByteView.with(writer.bytes) { properties in
                ByteView.with(answer.body) { body in
                    var builder = MessageBuilder(
                        route: route,
                        properties: properties,
                        bodySize: body.count,
                        pool: &state.pool
                    )
                    builder.append(body, pool: &state.pool)
                    return builder.finish()
                }
            }
        }
        message.retain()
        _ = reply(message)
        release(message)
    }
}

/// An answer to a management request.
struct ManagementAnswer {
    /// The `replyTo` of the request.
    let address: [UInt8]
    /// Status header, content type, correlation id.
    let properties: BasicProperties
    let body: [UInt8]
}

extension Handle where State == ChannelState {
    /// Hands a message to the management exchange over to whoever answers.
    func requestManagement(_ message: Message, through exchange: Exchange) {
        countPublish(through: exchange, deliveries: 0)
        guard let management = state.virtualHost.state.management else { return }
        let properties: BasicProperties
        do throws(WireError) {
            properties = try BasicProperties(decoding: message.properties)
        } catch {
            // Inspection has refused such properties already.
            return
        }
        management.receive(
            ManagementMessage(
                target: message.routingKey.bytes,
                body: message.body.bytes,
                properties: properties,
                user: state.connection.state.user,
                virtualHost: state.virtualHost.state.name,
                replyTo: properties.replyTo?.bytes ?? []
            )
        )
    }
}
