import Wire

/// A queue: messages in order, and the consumers that take turns on them.
///
/// A message goes straight to a consumer that can take it when nothing waits before it; else it
/// waits in `ready`. Whenever a consumer gets credit the queue is scheduled, and pumped once when
/// the batch ends. Consumers that can take nothing now are not in the turn list at all, so a slow
/// one with prefetch 1 costs a fast one nothing.
typealias Queue = Handle<QueueState>

/// The state behind a `Queue` handle.
struct QueueState: ~Copyable {
    let virtualHost: VirtualHost
    let name: [UInt8]
    /// Whether more is known of messages than their place in line: groups, or values.
    let isKeyed: Bool
    /// Which messages may go to whom (x-group-header).
    let groups: QueueGroups?
    fileprivate(set) var settings: QueueSettings
    /// What of the settings its policies say.
    var policies = AppliedPolicies.none
    /// The connection an exclusive queue belongs to.
    var owner: Connection?

    var ready = ReadyMessages()
    /// What it has in place of ready messages, for a queue of type stream.
    var stream: Stream?
    /// Messages that wait for their time instead; of an exchange's delay queue only.
    var delayed: Handle<DelayedMessages>?
    var nextPosition: UInt64 = 0
    /// Dead messages whose dead letters have not reached every target; `nil` until there is one.
    var kept: Handle<KeptDeaths>?
    /// Messages below this position may have no end although the queue gives them one: they came
    /// before it did.
    var untimedThrough: UInt64 = 0
    var unackedCount = 0
    var unackedBytes = 0
    /// Which traits of a message set the terms it is here on; see `EntryTerms`.
    fileprivate(set) var termsMask: UInt32 = 0
    /// Of the settings, what each such message asks; see `QueueSettings.refusesFirst`.
    fileprivate(set) var refusesFirst = false
    /// Limit on ready messages; `Int.max` without one.
    var readyCountMax = Int.max
    /// Limit on the bytes of ready messages' bodies; `Int.max` without one.
    var readyBytesMax = Int.max

    /// Consumers that may take a message now, highest priority first, then in turn.
    var turnFirst: Consumer?
    var turnLast: Consumer?
    /// Every consumer in the order it came.
    var consumers: [Consumer] = []
    /// The one that gets all messages of a queue with a single active consumer.
    var activeConsumer: Consumer?
    var exclusiveConsumer: Consumer?

    /// Its number in the journal; 0 for a queue that is not durable.
    var journalID: UInt32 = 0
    /// Every position below has been handed out at least once.
    var deliveredThrough: UInt64 = 0
    var nextMarked: Queue?
    var isMarked = false

    /// Messages that have died and are not yet dealt with.
    var dyingCount = 0
    /// Those of them that are being read, and those behind them.
    var dying = Ring<Death>()
    fileprivate(set) var hasDeadLetterExchange = false

    /// The values of messages that keep others out (x-message-deduplication).
    var values = UniqueValues()
    /// What the last message that came is known by.
    var lastKeys = MessageKeys.none

    /// Messages that are on disk only, and the octets of their bodies.
    var pagedCount = 0
    var pagedBytes = 0
    /// Messages on their way to the spill log.
    var spillingCount = 0
    /// Positions of those of them that had come back, or were handed out, when they began it.
    var leaving: Set<UInt64> = []
    /// Messages are being read, and how many were asked for the last time.
    var isReading = false
    var readAheadCount = 0
    /// Counted among the queues that are read ahead.
    var isReader = false
    var isPagingCandidate = false
    /// Channels whose basic.get waits for a message that is being read.
    var waitingGets: [Channel] = []

    var nextScheduled: Queue?
    var isScheduled = false
    var isDeleted = false
    /// The last routing that put this queue on its list.
    var routeMark: UInt64 = 0
    /// Bindings that lead here.
    var bindings = BindingList(at: .destination)

    var counters = MessageCounters()
    var reading = CounterReading()
    /// Since when nobody has used it, as far as x-expires goes.
    var unusedSince: Instant
    var unusedTimer = TimerWheel<TimerEvent>.ID.none
    /// When the queue last did something, for `idle_since`.
    var lastUsed: Instant
}

/// What became of a publish in one queue.
enum EnqueueOutcome: UInt8, BitwiseCopyable {
    /// It waits, or is out for an acknowledgement.
    case stored
    /// It died at once, and stays in the journal until it has been sent on.
    case dying
    /// Handed to a consumer that does not acknowledge, or pushed out at once: nothing is left.
    case gone
    /// A message with its value is here already.
    case duplicate
    /// The queue is full and says so to the publisher.
    case refused
    /// Appended to a stream, which keeps it in files of its own.
    case streamed
}

extension Handle where State == QueueState {
    /// Makes these the settings, from now on.
    func adopt(_ settings: QueueSettings) {
        state.settings = settings
        state.termsMask = settings.termsMask
        state.refusesFirst = settings.refusesFirst
        applyLimits()
        state.hasDeadLetterExchange = settings.deadLetterExchange != nil
    }

    /// Adds a message at the end; it gains a reference.
    ///
    /// - Returns: Whether it is in the queue, already gone, or refused (x-overflow).
    @inline(__always)
    func enqueue(_ message: Message) -> EnqueueOutcome {
        if message.header.traits.isSubject(to: state.termsMask) { return enqueueOnTerms(message) }
        return enqueue(QueueEntry(message: message, position: state.nextPosition))
    }

    @inline(never)
    private func enqueueOnTerms(_ message: Message) -> EnqueueOutcome {
        if let stream = state.stream { return stream.append(message) }
        let entry = QueueEntry(
            message: message,
            position: state.nextPosition,
            terms: terms(of: message)
        )
        return state.isKeyed ? enqueueKeyed(entry) : enqueueOnTerms(entry)
    }

    @inline(__always)
    func enqueueOnTerms(_ entry: QueueEntry) -> EnqueueOutcome {
        if state.refusesFirst, state.ready.isEmpty, isFull(for: entry) {
            return refuse(entry)
        }
        return entry.terms.isTimed && timeToLive(of: entry.message) == .zero
            ? hand(over: entry) : enqueue(entry)
    }

    /// Enqueues a message that has no time to wait: a consumer takes it now, or nobody does.
    private func hand(over entry: QueueEntry) -> EnqueueOutcome {
        if state.turnFirst != nil { pump() }
        guard state.ready.isEmpty, let consumer = takeTurn() else {
            // Whoever refuses does so whatever it is (RabbitMQ: maybe_deliver_or_enqueue).
            if state.settings.overflow != .dropHead, isFull(for: entry) { return refuse(entry) }
            accept(entry)
            return dieOnArrival(entry, .expired)
        }
        accept(entry)
        deliver(entry, to: consumer)
        return consumer.state.isNoAck ? .gone : .stored
    }

    @inline(__always)
    private func enqueue(_ entry: QueueEntry) -> EnqueueOutcome {
        let virtualHost = state.virtualHost
        if state.ready.isEmpty, let consumer = takeTurn() {
            accept(entry)
            deliver(entry, to: consumer)
            return consumer.state.isNoAck ? .gone : .stored
        }
        if isFull(for: entry) { return enqueueBeyondLimit(entry) }
        accept(entry)
        state.ready.append(entry.terms.isTimed ? timed(entry) : entry)
        if state.turnFirst != nil { virtualHost.schedule(self) }
        if virtualHost.state.paging.isActive { noteForPaging() }
        return .stored
    }

    @inline(__always)
    func accept(_ entry: QueueEntry) {
        entry.message.retain()
        state.nextPosition &+= 1
        state.counters.published &+= 1
    }

    @inline(never)
    private func enqueueBeyondLimit(_ entry: QueueEntry) -> EnqueueOutcome {
        // A consumer that got room in this batch goes first: nothing is lost that it could take.
        if state.turnFirst != nil {
            let count = state.ready.count
            pump()
            // Nobody takes anything while the first message has yet to be read from disk.
            if state.ready.count < count { return enqueue(entry.message) }
        }
        if state.settings.overflow != .dropHead { return refuse(entry) }
        accept(entry)
        state.ready.append(entry.terms.isTimed ? timed(entry) : entry)
        if state.virtualHost.state.paging.isActive { noteForPaging() }
        let outcome = makeRoom(for: entry)
        // What consumers waited for may have been dropped, and what is first now is there.
        if state.turnFirst != nil { state.virtualHost.schedule(self) }
        return outcome
    }

    @inline(__always)
    func isFull(for entry: QueueEntry) -> Bool {
        state.ready.count >= state.readyCountMax
            || state.ready.bodyBytes &+ Int(entry.bodySize) > state.readyBytesMax
    }

    /// Whether more is ready than the limits allow.
    var isBeyondLimit: Bool {
        state.ready.count > state.readyCountMax || state.ready.bodyBytes > state.readyBytesMax
    }

    /// Drops what is next until the limits are kept.
    ///
    /// - Returns: What became of the message that has just come; it may have to go itself.
    func makeRoom(for entry: QueueEntry) -> EnqueueOutcome {
        while isBeyondLimit {
            guard let oldest = takeFirst() else { break }
            state.counters.overflowed += 1
            guard oldest.position != entry.position else {
                return dieOnArrival(oldest, .maxLength)
            }
            die(oldest, .maxLength)
        }
        return .stored
    }

    /// Has no room for a message and tells its publisher; it may die of that.
    func refuse(_ entry: QueueEntry) -> EnqueueOutcome {
        if state.settings.overflow == .rejectPublishDeadLetter, state.hasDeadLetterExchange {
            entry.message.retain()
            hand(Death(queue: self, entry: entry, reason: .maxLength, wasStored: false))
        }
        return .refused
    }

    /// Lets go of a message for good, in memory and in the journal.
    @inline(__always)
    func discard(_ entry: QueueEntry) {
        if state.isKeyed { forgetKeys(of: entry) }
        guard !entry.isPaged else {
            discardPaged(entry)
            return
        }
        if state.journalID != 0, entry.message.header.lsn != 0 {
            if !state.isDeleted {
                state.virtualHost.journalSettled(
                    queue: state.journalID,
                    position: entry.position
                )
            }
            state.virtualHost.state.journal.ledger.settle(entry.message.header.lsn)
        }
        state.virtualHost.release(entry.message)
    }

    /// Hands ready messages to consumers until one side runs out.
    func pump() {
        guard !state.isDeleted else {
            destroyIfUnused()
            return
        }
        if let stream = state.stream { return stream.pump() }
        if let groups = state.groups { return pump(groups) }
        while let next = state.ready.first {
            if next.terms.isTimed, isDue(next.terms) {
                endFirst()
                continue
            }
            guard !next.isPaged else {
                guard next.place == .lost else { break }
                dropLost()
                continue
            }
            guard let consumer = takeTurn(), let entry = takeNext() else { break }
            deliver(entry, to: consumer)
        }
        if state.ready.hasPaged {
            if state.turnFirst != nil { readAhead() }
        } else if state.isReader {
            forgetReader()
        }
    }

    /// The same as `deliver`, where it need not be fast.
    @inline(never)
    func deliverOne(_ entry: QueueEntry, to consumer: Consumer) { deliver(entry, to: consumer) }

    /// Writes one message to a consumer that has its turn.
    @inline(__always)
    private func deliver(_ entry: QueueEntry, to consumer: Consumer) {
        let channel = consumer.state.channel
        let deliveryTag = channel.state.nextDeliveryTag
        channel.state.nextDeliveryTag = deliveryTag &+ 1
        if entry.isRedelivered {
            withMessage(of: entry) { message in
                channel.state.connection.writeDelivery(
                    message,
                    deliveryTag: deliveryTag,
                    isRedelivered: true,
                    consumer: consumer
                )
            }
        } else {
            channel.state.connection.writeDelivery(
                entry.message,
                deliveryTag: deliveryTag,
                isRedelivered: false,
                consumer: consumer
            )
        }
        if entry.isRedelivered {
            state.counters.redelivered &+= 1
            channel.state.counters.redelivered &+= 1
        }
        if consumer.state.isNoAck {
            state.counters.deliveredNoAck &+= 1
            channel.state.counters.deliveredNoAck &+= 1
            discard(entry)
            return
        }
        if state.journalID != 0 { state.virtualHost.markDelivered(self, through: entry.position) }
        noteDelivered(entry, deliveryTag, to: consumer)
    }

    /// Remembers a delivery that its consumer has to settle.
    @inline(__always)
    func noteDelivered(_ entry: QueueEntry, _ deliveryTag: UInt64, to consumer: Consumer) {
        let channel = consumer.state.channel
        state.counters.delivered &+= 1
        channel.state.counters.delivered &+= 1
        consumer.state.unackedCount &+= 1
        channel.state.consumerUnackedCount &+= 1
        state.unackedCount &+= 1
        state.unackedBytes &+= Int(entry.bodySize)
        channel.state.unacked.append(
            UnackedDelivery(
                deliveryTag: deliveryTag,
                queue: self,
                consumer: consumer,
                entry: entry,
                status: .open,
                tick: state.virtualHost.state.tick
            )
        )
        if state.virtualHost.state.paging.isActive { channel.noteForPaging() }
    }

    /// Puts a delivery that came back to its old place; the consumer's count is already lowered.
    func requeue(_ entry: QueueEntry) {
        guard entry.place != .streamed else { return discardUnacked(entry) }
        guard let groups = state.groups, !state.isDeleted else { return takeBack(entry) }
        requeue(entry.position, in: groups) { takeBack(entry) }
    }

    private func takeBack(_ entry: QueueEntry) {
        state.unackedCount -= 1
        state.unackedBytes -= Int(entry.bodySize)
        guard !state.isDeleted else {
            discard(entry)
            destroyIfUnused()
            return
        }
        guard !isDue(entry.terms) else {
            end(entry)
            return
        }
        var back = entry
        back.deliveryCount &+= 1
        if isTooOften(back.deliveryCount) {
            die(entry, .deliveryLimit)
            return
        }
        if state.journalID != 0, entry.journalLSN != nil {
            state.virtualHost.journal(
                .returned(
                    queue: state.journalID,
                    position: back.position,
                    deliveryCount: back.deliveryCount
                )
            )
        }
        state.ready.putBack(back)
        if back.terms.isTimed { noteReturned(back) }
        if state.virtualHost.state.paging.isActive { noteForPaging() }
        if isBeyondLimit, state.settings.overflow == .dropHead { dropBeyondLimit() }
        state.virtualHost.schedule(self)
    }

    /// Whether a message that comes back so often dies of it.
    func isTooOften(_ deliveryCount: UInt32) -> Bool {
        state.settings.deliveryLimit.map { Int(deliveryCount) > $0 } ?? false
    }

    /// Makes room for what came back: it counts like new messages (RabbitMQ: maybe_drop_head).
    func dropBeyondLimit() {
        while isBeyondLimit {
            guard let oldest = takeFirst() else { return }
            state.counters.overflowed += 1
            die(oldest, .maxLength)
        }
    }

    /// Forgets a delivery that was settled for good.
    @inline(__always)
    func discardUnacked(_ entry: QueueEntry) {
        state.unackedCount &-= 1
        state.unackedBytes &-= Int(entry.bodySize)
        // One that could be had no more has been delivered all the same.
        if entry.place == .lost { forgetLost(entry) } else { discard(entry) }
        if state.isDeleted { destroyIfUnused() }
    }

    /// Forgets a delivery that its consumer did not want; it dies unless the queue has gone.
    func rejectUnacked(_ entry: QueueEntry) {
        guard !state.isDeleted else { return discardUnacked(entry) }
        state.unackedCount &-= 1
        state.unackedBytes &-= Int(entry.bodySize)
        die(entry, .rejected)
    }

    /// Removes all ready messages; what is out for delivery stays (AMQP 0-9-1 queue.purge).
    ///
    /// - Returns: The number of messages removed.
    func purge() -> Int {
        var count = 0
        while let entry = takeFirst() {
            discard(entry)
            count += 1
        }
        return count
    }

    /// Frees a deleted queue once nothing refers to it: no delivery, no place on a list.
    func destroyIfUnused() {
        guard state.isDeleted, state.unackedCount == 0, !state.isScheduled, !state.isMarked,
            !state.isReading, state.spillingCount == 0, !state.isPagingCandidate,
            state.dyingCount == 0
        else { return }
        state.kept?.destroy()
        if state.journalID != 0 { state.virtualHost.state.journal.queues[state.journalID] = nil }
        state.stream?.destroy()
        state.delayed?.destroy()
        state.groups?.destroyAll()
        destroy()
    }
}
