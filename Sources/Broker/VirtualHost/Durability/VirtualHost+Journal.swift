import Wire

/// What a virtual host has to do with its journal.
struct JournalState: ~Copyable {
    /// Whether anything is journaled at all; without a data directory nothing is.
    var isOn = false
    var buffer = JournalBuffer(nextLSN: JournalState.firstLSN)
    /// Everything below is as durable as the sync policy wants; by default, synced to the disk.
    var durableLSN = JournalState.firstLSN
    /// Everything below has been taken by the journal thread.
    var takenLSN = JournalState.firstLSN
    /// Somebody waits for records that have not been taken yet.
    var isUrgent = false
    var nextQueueID: UInt32 = 1
    /// Settlements not yet written: a run of positions of one queue.
    var settledRun: SettledRun?
    /// Queues of which more has been handed out than the journal says.
    var markedFirst: Queue?
    /// Channels with answers that wait for the disk.
    var waitingChannels: [Channel] = []
    /// Answers to management requests that wait for the disk, in the order they were given.
    var waitingAnswers: [(lsn: UInt64, answer: ManagementAnswer)] = []
    /// Live messages by where they stand.
    var ledger: JournalLedger
    /// Durable queues by their numbers, deleted ones as long as deliveries of theirs are out.
    var queues: [UInt32: Queue] = [:]
    var compaction = CompactionState()
    /// Where the transaction begins that is being written, which may come to nothing.
    var transactionLSN: UInt64?
    /// Values that exchanges have come to remember and the journal has yet to be told of.
    var newValues: [(exchange: Exchange, value: RememberedValue)] = []
    /// Where the newest description of the topology begins, and its size.
    var topologyLSN = JournalState.firstLSN
    var topologySize: UInt64 = 0
    /// Where the newest description that is durable begins.
    var describedLSN = JournalState.firstLSN
    /// A start describes the topology anew, unless the last description is larger than this and
    /// still young, in octets.
    static let costlyDescriptionSize: UInt64 = 1 << 20
    /// Some connections are read no more until the journal has caught up.
    var hasHeldPublishers = false
    /// Why publishers are held back, while they are, and for how many reasons.
    var blockReason: String?
    var blockCount = 0

    /// No record has LSN 0, so that 0 can say "not in the journal".
    static let firstLSN: UInt64 = 1

    init(_ limits: Limits) { ledger = JournalLedger(stretchShift: limits.journalStretchShift) }

    struct SettledRun: BitwiseCopyable {
        let queue: UInt32
        let first: UInt64
        var last: UInt64
    }
}

extension Handle where State == VirtualHostState {
    /// Adds a record.
    ///
    /// - Returns: The LSN that must be durable for the record to be.
    @discardableResult
    func journal(_ record: JournalRecord) -> UInt64 {
        state.journal.buffer.append(record.payload)
        return state.journal.buffer.nextLSN
    }

    /// Adds a message with the places it took; its content is copied from the image.
    ///
    /// - Returns: The LSN that must be durable for the message to be.
    func journal(_ message: Message, places: [MessageRecord.Place]) -> UInt64 {
        let record = unsafe addRecord(of: message, placeCount: places.count)
        for index in places.indices {
            unsafe MessageRecord.write(places[index], number: index, to: record)
        }
        return state.journal.buffer.nextLSN
    }

    /// The same for a message that took one place, which is nearly every message.
    @inline(__always)
    func journal(_ message: Message, place: MessageRecord.Place) -> UInt64 {
        unsafe MessageRecord.write(place, number: 0, to: addRecord(of: message, placeCount: 1))
        return state.journal.buffer.nextLSN
    }

    /// The same for a message that is in one of its places on terms of its own, or hides keys.
    @inline(never)
    func journalOnTerms(_ message: Message, places: [MessageRecord.Place]) -> UInt64 {
        message.header.lsn = state.journal.buffer.nextLSN
        let record = MessageRecord(
            places: places,
            form: .init(for: places),
            routeSize: message.route.count + message.hiddenKeys.count,
            propertiesSize: message.properties.count,
            bodySize: message.body.count
        )
        var writer = ByteWriter(capacity: record.prefixSize)
        record.encodePrefix(into: &writer)
        state.journal.ledger.add(message.header.lsn, count: places.count, size: record.size)
        var place = unsafe state.journal.buffer.addFrame(payloadSize: record.size)
        ByteView.with(writer.bytes) { prefix in
            let parts = [
                prefix, message.route, message.hiddenKeys, message.properties, message.body,
            ]
            for part in parts {
                unsafe place.copyMemory(from: part.base, byteCount: part.count)
                unsafe place += part.count
            }
        }
        return state.journal.buffer.nextLSN
    }

    /// Adds a message's record with everything but its places.
    ///
    /// - Returns: Where its payload begins.
    @inline(__always)
    private func addRecord(of message: Message, placeCount: Int) -> UnsafeMutableRawPointer {
        message.header.lsn = state.journal.buffer.nextLSN
        let prefixSize = MessageRecord.prefixSize(placeCount: placeCount)
        let route = message.route
        let properties = message.properties
        let body = message.body
        let size = prefixSize + route.count + properties.count + body.count
        state.journal.ledger.add(message.header.lsn, count: placeCount, size: size)
        let payload = unsafe state.journal.buffer.addFrame(payloadSize: size)
        unsafe MessageRecord.writeSizes(
            placeCount: placeCount,
            routeSize: route.count,
            propertiesSize: properties.count,
            bodySize: body.count,
            to: payload
        )
        var place = unsafe payload + prefixSize
        unsafe place.copyMemory(from: route.base, byteCount: route.count)
        unsafe place += route.count
        unsafe place.copyMemory(from: properties.base, byteCount: properties.count)
        unsafe place += properties.count
        if body.count > 0 {
            unsafe place.copyMemory(from: body.base, byteCount: body.count)
        }
        return unsafe payload
    }

    /// Notes that a queue is done with a journaled message; runs are written as one record.
    @inline(__always)
    func journalSettled(queue: UInt32, position: UInt64) {
        if let run = state.journal.settledRun, run.queue == queue, run.last &+ 1 == position {
            state.journal.settledRun?.last = position
            return
        }
        flushSettledRun()
        state.journal.settledRun = .init(queue: queue, first: position, last: position)
    }

    func flushSettledRun() {
        guard let run = state.journal.settledRun else { return }
        state.journal.settledRun = nil
        let record = JournalRecord.settled(queue: run.queue, first: run.first, last: run.last)
        state.journal.buffer.append(record.payload)
    }

    /// Notes that a durable queue handed out more than the journal says.
    @inline(__always)
    func markDelivered(_ queue: Queue, through position: UInt64) {
        guard position >= queue.state.deliveredThrough else { return }
        queue.state.deliveredThrough = position &+ 1
        guard !queue.state.isMarked, state.journal.isOn else { return }
        queue.state.isMarked = true
        queue.state.nextMarked = state.journal.markedFirst
        state.journal.markedFirst = queue
    }

    /// Takes what the journal must write next; called by its thread under the lock.
    func takeJournal() -> JournalBatch? {
        flushNewValues()
        flushSettledRun()
        while let queue = state.journal.markedFirst {
            state.journal.markedFirst = queue.state.nextMarked
            queue.state.nextMarked = nil
            queue.state.isMarked = false
            if queue.state.isDeleted {
                queue.destroyIfUnused()
            } else {
                let record = JournalRecord.delivered(
                    queue: queue.state.journalID,
                    through: queue.state.deliveredThrough
                )
                state.journal.buffer.append(record.payload)
            }
        }
        takeStreams()
        state.journal.isUrgent = false
        state.journal.ledger.settlementsAreTaken()
        let batch = state.journal.buffer.take()
        state.journal.takenLSN = state.journal.buffer.firstLSN
        return batch
    }

    /// Records up to here are as durable as the sync policy wants: answers that waited leave.
    func becomeDurable(_ batch: JournalBatch) {
        state.journal.durableLSN = max(state.journal.durableLSN, batch.endLSN)
        if state.journal.topologyLSN + state.journal.topologySize <= state.journal.durableLSN {
            state.journal.describedLSN = state.journal.topologyLSN
        }
        state.journal.buffer.reuse(batch)
        finishMoves()
        let waiting = state.journal.waitingChannels
        state.journal.waitingChannels.removeAll(keepingCapacity: true)
        for channel in waiting {
            channel.state.isWaitingForDisk = false
            channel.answerDurable()
        }
        sendWaitingAnswers()
    }

    /// Starts writing a journal, behind what was restored.
    func startJournal(at lsn: UInt64) {
        state.journal.buffer = JournalBuffer(nextLSN: lsn)
        state.journal.durableLSN = lsn
        state.journal.takenLSN = lsn
        state.journal.isOn = true
        let age = lsn - min(lsn, state.journal.topologyLSN)
        if state.journal.topologySize < JournalState.costlyDescriptionSize
            || age > descriptionAgeMax
        {
            describeTopology()
        }
        resumeQueues()
    }

    /// Whether the journal thread has something to write, and whether somebody waits for it.
    var hasJournalWork: Bool {
        state.journal.buffer.count > 0 || state.journal.settledRun != nil
            || state.journal.markedFirst != nil || !state.journal.newValues.isEmpty
            || state.streams.firstListed != nil
    }
}

extension Handle where State == ChannelState {
    /// Remembers to look at this channel's owed answers whenever the disk has more.
    func waitForDisk() {
        state.virtualHost.state.journal.isUrgent = true
        guard !state.isWaitingForDisk else { return }
        state.isWaitingForDisk = true
        state.virtualHost.state.journal.waitingChannels.append(self)
    }

    func forgetWaiting() {
        guard state.isWaitingForDisk else { return }
        state.isWaitingForDisk = false
        state.virtualHost.state.journal.waitingChannels.removeAll { $0 == self }
    }

    /// Sends what the disk now covers: held answers, then confirms.
    func answerDurable() {
        let durable = state.virtualHost.state.journal.durableLSN
        var sent = 0
        for held in state.heldAnswers {
            guard held.lsn <= durable else { break }
            state.connection.append(held.frame)
            sent += 1
        }
        state.heldAnswers.removeFirst(sent)
        if state.heldAnswers.isEmpty { state.connection.state.pauses.remove(.disk) }
        sendConfirms()
        if !state.heldAnswers.isEmpty || state.confirms.isPending { waitForDisk() }
    }

    /// Answers a method once its records are durable; the channel's answers keep their order.
    ///
    /// - Parameters:
    ///   - method: The answer.
    ///   - lsn: What must be durable first; 0 for what needs no disk.
    func send(_ method: some MethodArguments, whenDurable lsn: UInt64) {
        let isDurable = lsn <= state.virtualHost.state.journal.durableLSN
        guard !isDurable || !state.heldAnswers.isEmpty else {
            send(method)
            return
        }
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: state.number)
        let last = state.heldAnswers.last?.lsn ?? 0
        state.heldAnswers.append(HeldAnswer(lsn: max(lsn, last), frame: encoder.bytes))
        waitForDisk()
    }
}

/// An answer that leaves when its records are on the disk.
struct HeldAnswer {
    let lsn: UInt64
    let frame: [UInt8]
}

extension Handle where State == VirtualHostState {
    /// What must be durable before an answer that promises durability may leave.
    ///
    /// Everything so far: also a declaration that somebody else made a moment ago.
    func lsnToAwait(_ isDurable: Bool) -> UInt64 {
        guard isDurable, state.journal.isOn else { return 0 }
        flushSettledRun()
        return state.journal.buffer.nextLSN
    }
}

extension Handle where State == QueueState {
    /// The queue as the journal describes it.
    var record: QueueRecord {
        QueueRecord(
            id: state.journalID,
            name: ShortString(bytes: state.name) ?? "",
            isAutoDelete: state.settings.isAutoDelete,
            arguments: state.settings.arguments,
            nextPosition: state.stream?.state.journaledOffset ?? state.nextPosition,
            deliveredThrough: state.deliveredThrough
        )
    }
}

extension Handle where State == ExchangeState {
    /// The exchange as the journal describes it.
    var record: ExchangeDeclare {
        ExchangeDeclare(
            exchange: ShortString(bytes: state.name) ?? "",
            type: ShortString(shortening: state.kind.typeName),
            durable: true,
            autoDelete: state.isAutoDelete,
            internal: state.isInternal,
            arguments: state.arguments
        )
    }
}

extension Binding {
    /// The binding as the journal describes it; `nil` when one of its ends is not durable.
    var record: BindingRecord? {
        guard source.state.isDurable, let sourceName = ShortString(bytes: source.state.name),
            let key = ShortString(bytes: bindingKey)
        else { return nil }
        let name: [UInt8]
        let isToQueue: Bool
        switch destination {
        case .queue(let queue):
            guard queue.state.journalID != 0 else { return nil }
            name = queue.state.name
            isToQueue = true
        case .exchange(let exchange):
            guard exchange.state.isDurable else { return nil }
            name = exchange.state.name
            isToQueue = false
        }
        guard let destinationName = ShortString(bytes: name) else { return nil }
        return BindingRecord(
            source: sourceName,
            isToQueue: isToQueue,
            destination: destinationName,
            key: key,
            arguments: arguments
        )
    }
}
