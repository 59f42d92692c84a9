import Wire

/// What the frames of the broker mean; all of it runs with the lock held.
extension Session {
    /// Largest body accepted, in octets: RabbitMQ's own upper limit.
    static let bodyBytesMax = 512 << 20

    /// Takes in one frame.
    ///
    /// - Throws: `.protocolViolation` when the broker broke the protocol, which ends the
    ///   connection.
    func handle(_ frame: Frame) throws(ClientError) {
        guard frame.type != .heartbeat else { return }
        guard let channel = channels[frame.channel] else {
            if isLateCloseOk(frame) { return }
            throw .protocolViolation("frame on channel \(frame.channel), which is not open")
        }
        if case .closing = channel.phase, frame.type != .method { return }
        switch frame.type {
        case .method: try handleMethod(frame, on: channel)
        case .header: try handleHeader(frame, on: channel)
        case .body: try handleBody(frame, on: channel)
        case .heartbeat: break
        }
    }

    private func handleMethod(_ frame: Frame, on channel: ChannelState) throws(ClientError) {
        let method: Method
        do throws(WireError) {
            method = try ByteView.with(frame.payload) { view throws(WireError) in
                try Method.decode(view)
            }
        } catch {
            throw .protocolViolation("the broker sent a malformed method: \(error)")
        }
        if channel.number == 0 { return try handleOnConnection(method, channel) }
        if case .closing = channel.phase { return handleWhileClosing(method, channel) }
        switch method {
        case .basicDeliver, .basicReturn, .basicGetOk:
            guard channel.content == nil else {
                throw .protocolViolation("\(method.name) inside the content of another message")
            }
            channel.content = ChannelState.PartialContent(method: method)
        case .basicAck(let ack):
            try settle(channel, ack.deliveryTag, isMultiple: ack.multiple, isAccepted: true)
        case .basicNack(let nack):
            try settle(channel, nack.deliveryTag, isMultiple: nack.multiple, isAccepted: false)
        case .basicCancel(let cancel):
            let buffer = channel.consumers.removeValue(forKey: cancel.consumerTag)
            buffer?.finish(.consumerCancelled(cancel.consumerTag), session: self)
        case .channelFlow(let flow):
            channel.isFlowing = flow.active
            send(ChannelFlowOk(active: flow.active), on: channel.number)
            if flow.active { wakePublishers() }
        case .channelClose(let close):
            endByBroker(channel, close)
        default:
            try answer(Reply(method: method), on: channel)
        }
    }

    private func endByBroker(_ channel: ChannelState, _ close: ChannelClose) {
        send(ChannelCloseOk(), on: channel.number)
        let reason = CloseReason(
            code: close.replyCode,
            text: close.replyText,
            classID: close.classID,
            methodID: close.methodID
        )
        end(channel, .channelClosed(reason))
    }

    /// Between channel.close and its answer only the end matters (AMQP 0-9-1 §1.5.2.5).
    private func handleWhileClosing(_ method: Method, _ channel: ChannelState) {
        switch method {
        case .channelCloseOk:
            end(channel, .closed)
        case .channelClose(let close):
            endByBroker(channel, close)
        default:
            break
        }
    }

    /// When both sides close a channel at once, the broker's answer comes after its own close.
    private func isLateCloseOk(_ frame: Frame) -> Bool {
        frame.type == .method && frame.payload == Self.closeOkPayload
    }

    private static let closeOkPayload: [UInt8] = {
        var writer = ByteWriter()
        ChannelCloseOk().encode(into: &writer)
        return writer.bytes
    }()

    private func handleOnConnection(
        _ method: Method,
        _ channel: ChannelState
    ) throws(ClientError) {
        switch method {
        case .connectionClose(let close):
            send(ConnectionCloseOk(), on: 0)
            let reason = CloseReason(
                code: close.replyCode,
                text: close.replyText,
                classID: close.classID,
                methodID: close.methodID
            )
            end(.connectionClosed(reason))
        case .connectionCloseOk:
            end(.closed)
        case .connectionBlocked(let blocked):
            blockedReason = blocked.reason.string
            noticeSink.yield(.blocked(reason: blocked.reason.string))
        case .connectionUnblocked:
            blockedReason = nil
            noticeSink.yield(.unblocked)
        default:
            try answer(Reply(method: method), on: channel)
        }
    }

    private func answer(_ reply: Reply, on channel: ChannelState) throws(ClientError) {
        guard !channel.calls.isEmpty else {
            throw .protocolViolation("the broker sent \(reply.method.name) without being asked")
        }
        let call = channel.calls.removeFirst()
        endWaiting()
        call.accept?(reply)
        call.continuation?.resume(returning: .success(reply))
    }

    private func settle(
        _ channel: ChannelState,
        _ tag: UInt64,
        isMultiple: Bool,
        isAccepted: Bool
    ) throws(ClientError) {
        let resumed = channel.confirms?.settle(
            tag: tag,
            isMultiple: isMultiple,
            isAccepted: isAccepted
        )
        guard let count = resumed ?? nil else {
            throw .protocolViolation("the broker confirmed message \(tag), which was not published")
        }
        for _ in 0..<count { endWaiting() }
        channel.confirmSink?.yield(
            Confirmation(
                sequenceNumber: PublishSequenceNumber(tag),
                isMultiple: isMultiple,
                isAccepted: isAccepted
            )
        )
        wakePublishers()
    }

    // MARK: Content

    private func handleHeader(_ frame: Frame, on channel: ChannelState) throws(ClientError) {
        guard channel.content != nil, channel.content?.bodySize == nil else {
            throw .protocolViolation("the broker sent a content header out of place")
        }
        let header: ContentHeader
        do throws(WireError) {
            header = try ByteView.with(frame.payload) { view throws(WireError) in
                try ContentHeader(decoding: view)
            }
        } catch {
            throw .protocolViolation("the broker sent a malformed content header: \(error)")
        }
        guard header.bodySize <= UInt64(Self.bodyBytesMax) else {
            throw .protocolViolation("the broker announced a body of \(header.bodySize) octets")
        }
        channel.content?.properties = header.properties
        channel.content?.bodySize = Int(header.bodySize)
        if header.bodySize == 0 { try finishContent(on: channel) }
    }

    private func handleBody(_ frame: Frame, on channel: ChannelState) throws(ClientError) {
        guard let size = channel.content?.bodySize else {
            throw .protocolViolation("the broker sent a body frame out of place")
        }
        let received = channel.content?.body.count ?? 0
        guard received + frame.payload.count <= size else {
            throw .protocolViolation("the broker sent more body than it had announced")
        }
        if received == 0 {
            channel.content?.body = frame.payload
        } else {
            channel.content?.body.append(contentsOf: frame.payload)
        }
        if received + frame.payload.count == size { try finishContent(on: channel) }
    }

    private func finishContent(on channel: ChannelState) throws(ClientError) {
        guard let content = channel.content else { return }
        channel.content = nil
        let message = Message(content.body, properties: content.properties)
        switch content.method {
        case .basicDeliver(let deliver):
            let delivery = Delivery(
                consumerTag: deliver.consumerTag,
                tag: DeliveryTag(deliver.deliveryTag),
                isRedelivered: deliver.redelivered,
                exchange: deliver.exchange,
                routingKey: deliver.routingKey,
                message: message
            )
            channel.consumers[deliver.consumerTag]?.append(delivery, session: self)
        case .basicReturn(let returned):
            channel.returnedCount += 1
            channel.returnSink?.yield(
                ReturnedMessage(
                    replyCode: returned.replyCode,
                    replyText: returned.replyText.string,
                    exchange: returned.exchange,
                    routingKey: returned.routingKey,
                    message: message
                )
            )
        default:
            try answer(Reply(method: content.method, message: message), on: channel)
        }
    }
}
