import Wire

/// One channel of a connection: where publishing, consuming and settling happen.
typealias Channel = Handle<ChannelState>

/// The state behind a `Channel` handle.
struct ChannelState: ~Copyable {
    let connection: Connection
    let virtualHost: VirtualHost
    let number: UInt16
    var phase = Phase.open

    // Publishing
    var assembly = ContentAssembly()
    var lastRoute = RouteMemory()
    var lastProperties = InspectionMemory()
    var confirms = ConfirmTracker()
    var transaction: Transaction?

    // Consuming
    var nextDeliveryTag: UInt64 = 1
    var unacked = UnackedDeliveries()
    /// It has had a consumer of a stream.
    var readsStreams = false
    /// What it is known by among those whose deliveries may be paged; 0 for one that is not.
    var holderNumber: UInt64 = 0
    var isPagingCandidate = false
    /// Unsettled deliveries to consumers; what basic.get fetched does not count.
    var consumerUnackedCount = 0
    /// Limit for all consumers together (basic.qos global); `Int.max` without one.
    var prefetchCountMax = Int.max
    /// Limit for each consumer started from now on; `Int.max` without one.
    var consumerPrefetchCountMax = Int.max
    var consumers: [Consumer] = []
    var blockedConsumerCount = 0
    /// Looks for deliveries that were not acknowledged in time.
    var acknowledgementTimer = TimerWheel<TimerEvent>.ID.none
    /// The shortest time that a delivery here may stay unacknowledged; zero for ever.
    var shortestTimeout = Duration.zero
    /// Not all deliveries have that timeout.
    var hasUnequalTimeouts = false
    /// Where in `consumers` the last round of unblocking began.
    var firstToUnblock = 0
    /// The consumer of direct replies, if there is one.
    var directReply: DirectReplyConsumer?

    /// Answers that leave when the disk has what they promise.
    var heldAnswers: [HeldAnswer] = []
    var isWaitingForDisk = false
    /// A basic.get that waits until its message has been read from disk.
    var waitingGet: WaitingGet?
    /// Reads that a tx.commit waits for.
    var commitReadCount = 0

    /// The name '' stands for this one (AMQP 0-9-1 queue.declare).
    var lastQueueName: ShortString = ""
    var counters = MessageCounters()
    /// What of the counters is in the virtual host's already.
    var folded = MessageCounters()
    var reading = CounterReading()

    enum Phase: UInt8, BitwiseCopyable {
        case open
        /// Our channel.close is sent; everything but the answer is ignored.
        case closing
    }
}

extension Handle where State == ConnectionState {
    /// channel.open (AMQP 0-9-1 §1.5.2.1).
    func openChannel(_ number: UInt16) throws(ProtocolError) {
        guard let virtualHost = state.virtualHost else { return }
        guard state.channels[number] == nil else {
            throw ProtocolError(
                .channelError,
                "second 'channel.open' seen on channel \(number)",
                method: ChannelOpen.id
            )
        }
        guard state.channelCount < state.channelMax else {
            throw ProtocolError(
                .notAllowed,
                "number of channels opened (\(state.channelCount)) has reached the negotiated "
                    + "channel_max (\(state.channelMax))",
                method: ChannelOpen.id
            )
        }
        let channel = Channel(
            ChannelState(connection: self, virtualHost: virtualHost, number: number)
        )
        state.channels.set(channel, at: number)
        state.channelCount += 1
        send(ChannelOpenOk(), channel: number)
    }
}

extension Handle where State == ChannelState {
    func send(_ method: some MethodArguments) {
        state.connection.send(method, channel: state.number)
    }

    /// Closes the channel because of an error; the number is free once the client answers.
    func close(with error: ProtocolError) {
        sendConfirms()
        release()
        state.phase = .closing
        send(
            ChannelClose(
                replyCode: error.code.value,
                replyText: error.replyText,
                classID: error.method?.classID ?? 0,
                methodID: error.method?.methodID ?? 0
            )
        )
    }

    /// Frames on a channel we have closed: only the answer, or the client's own close, counts.
    func handleWhileClosing(type: UInt8, payload: ByteView) {
        guard type == FrameOctet.method, payload.count >= 4 else { return }
        let id = MethodID(packed: payload.loadUInt32(at: 0))
        if id == ChannelClose.id {
            send(ChannelCloseOk())
            return
        }
        if id == ChannelCloseOk.id { end() }
    }

    /// Gives back what the channel holds and frees it.
    func end() {
        release()
        foldCounters()
        let connection = state.connection
        connection.state.channels.set(nil, at: state.number)
        connection.state.channelCount -= 1
        forgetConfirming()
        forgetWaiting()
        destroy()
    }

    /// Adds to the virtual host's counters what was handed out and settled here since last time.
    func foldCounters() {
        let counters = state.counters
        let folded = state.folded
        guard counters != folded else { return }
        state.virtualHost.state.counters.addConsumption(from: folded, to: counters)
        state.folded = counters
    }

    /// Gives back consumers, unacked deliveries (oldest place first), and unfinished work.
    private func release() {
        abandonAssembly()
        forgetWaitingGet()
        forgetWaitingCommit()
        stopWatchingAcknowledgements()
        for consumer in state.consumers { detach(consumer) }
        state.consumers = []
        endDirectReply()
        dropTransaction()
        while let delivery = state.unacked.popFirst() {
            delivery.queue.requeue(delivery.entry)
            if let consumer = delivery.consumer {
                consumer.state.unackedCount -= 1
                consumer.destroyIfUnused()
            }
        }
        state.virtualHost.state.paging.holders.forget(self)
        state.consumerUnackedCount = 0
        state.confirms.isSelected = false
    }

    /// Takes a consumer off its queue, which may be the end of an auto-delete queue.
    ///
    /// The consumer lives on until its last delivery is settled.
    func detach(_ consumer: Consumer) {
        let queue = consumer.state.queue
        queue.remove(consumer)
        if queue.state.settings.isAutoDelete, queue.state.consumers.isEmpty {
            state.virtualHost.delete(queue)
        }
        consumer.destroyIfUnused()
    }

    /// Consumers that waited for credit or room get their turn back.
    func unblockConsumers() {
        // While the window is full none of them could take anything, and the turn must not move on.
        guard state.blockedConsumerCount > 0, !state.consumers.isEmpty,
            state.consumerUnackedCount < state.prefetchCountMax
        else { return }
        // Not always from the first: with one credit for all, the others would never have a turn.
        let count = state.consumers.count
        state.firstToUnblock = (state.firstToUnblock + 1) % count
        for index in 0..<count {
            state.consumers[(state.firstToUnblock + index) % count].unblock()
        }
    }

    // MARK: Confirms

    /// Remembers that confirms are owed when the batch ends.
    @inline(__always)
    func oweConfirms() {
        guard !state.confirms.isConfirming else { return }
        state.confirms.isConfirming = true
        state.confirms.nextConfirming = state.virtualHost.state.confirmingFirst
        state.virtualHost.state.confirmingFirst = self
    }

    /// Answers every publish that can be: one basic.ack for a run, a basic.nack for each refused.
    func sendConfirms() {
        guard state.confirms.isSelected else { return }
        let durable = state.virtualHost.state.journal.durableLSN
        while let answer = state.confirms.nextAnswer(durableLSN: durable) {
            if answer.isRefused {
                send(
                    BasicNack(deliveryTag: answer.number, multiple: false, requeue: false)
                )
                continue
            }
            state.counters.confirmed += answer.count
            state.virtualHost.state.counters.confirmed += answer.count
            send(BasicAck(deliveryTag: answer.number, multiple: answer.count > 1))
        }
        if state.confirms.isPending { waitForDisk() }
    }

    private func forgetConfirming() {
        guard state.confirms.isConfirming else { return }
        let virtualHost = state.virtualHost
        if virtualHost.state.confirmingFirst == self {
            virtualHost.state.confirmingFirst = state.confirms.nextConfirming
            return
        }
        var before = virtualHost.state.confirmingFirst
        while let channel = before {
            if channel.state.confirms.nextConfirming == self {
                channel.state.confirms.nextConfirming = state.confirms.nextConfirming
                return
            }
            before = channel.state.confirms.nextConfirming
        }
    }
}
