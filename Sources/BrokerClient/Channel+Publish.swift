import Wire

extension Channel {
    /// Publishes a message (basic.publish).
    ///
    /// It returns once the message is queued for sending. It suspends while too much is queued,
    /// while the broker has stopped the channel's flow, and in confirm mode while the window of
    /// unconfirmed messages is full.
    ///
    /// - Parameters:
    ///   - message: Body and properties.
    ///   - exchange: The empty name is the default exchange, which routes to the queue named by
    ///     the routing key.
    ///   - routingKey: What bindings are compared with.
    ///   - isMandatory: Whether the broker returns the message when no queue gets it.
    /// - Returns: The message's number in confirm mode, else `nil`.
    /// - Throws: Why the channel has ended. An exchange that does not exist closes the channel
    ///   with 404 some time after.
    @discardableResult
    public func publish(
        _ message: Message,
        to exchange: ShortString = "",
        routingKey: ShortString,
        isMandatory: Bool = false
    ) async throws(ClientError) -> PublishSequenceNumber? {
        let method = BasicPublish(
            exchange: exchange,
            routingKey: routingKey,
            mandatory: isMandatory
        )
        while true {
            let attempt = try lock.withLock { () throws(ClientError) in
                try attemptPublish(method, message)
            }
            if case .published(let number) = attempt { return number }
            await session.waitToPublish { self.mayPublish }
            if Task.isCancelled { throw .cancelled }
        }
    }

    /// What came of an attempt to publish.
    enum Attempt {
        case published(PublishSequenceNumber?)
        case wait
    }

    /// Queues a message if there is room; the lock is held.
    func attemptPublish(
        _ method: BasicPublish,
        _ message: Message
    ) throws(ClientError) -> Attempt {
        if let error = session.obstacle(on: state) { throw error }
        guard mayPublish else { return .wait }
        session.outbound.appendMethod(method, channel: state.number)
        session.outbound.appendContent(
            message.body,
            properties: message.properties,
            channel: state.number,
            frameMax: session.tuning.frameMax
        )
        lock.signal(.writer)
        return .published(state.confirms?.take())
    }

    /// Whether a message may be queued now, or will never be; the lock is held.
    var mayPublish: Bool {
        if session.obstacle(on: state) != nil { return true }
        return state.isFlowing && state.confirms?.hasRoom != false
            && session.outbound.bytes.count < session.options.outboundBytesMax
    }

    /// Messages the broker gives back, for one reader; 4,096 are kept, then the newest are
    /// dropped.
    ///
    /// Only messages returned after the first use of this property are in it. Returns precede the
    /// confirm of the same message.
    public var returns: AsyncStream<ReturnedMessage> {
        let (stream, sink) = AsyncStream<ReturnedMessage>.makeStream(
            bufferingPolicy: .bufferingOldest(4096)
        )
        lock.withLock {
            state.returnSink?.finish()
            state.returnSink = sink
            if session.obstacle(on: state) != nil { sink.finish() }
        }
        return stream
    }

    /// How many messages the broker has given back on this channel.
    public var returnedCount: Int { lock.withLock { state.returnedCount } }
}
