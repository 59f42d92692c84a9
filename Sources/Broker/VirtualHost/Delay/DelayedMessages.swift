import Wire

/// The messages that wait in an x-delayed-message exchange for their time.
///
/// They belong to a queue that nobody can declare, bind or consume from: the exchange's delay
/// queue. So they are journaled, leave memory, come back and are moved by compaction like those
/// of any queue; only that they leave in the order of their time.
///
/// Most are known by an entry (32 octets) and an item in `far` (16 octets) only. When the first of
/// these have left memory and their time comes near, they are read and stand in `near` until then.
///
/// Times are those of the monotonic clock: a calendar that is set back or on changes nothing while
/// the process runs. The journal has the calendar's.
struct DelayedMessages: ~Copyable {
    /// Where they go when their time has come.
    let exchange: Exchange

    var entries = DelayedEntries()
    var far = DueHeap()
    /// Messages that were taken out of `far` to be read, a window of them.
    var near = DueHeap()
    /// Octets of the messages in `near`, estimated.
    var nearBytes = 0
    /// Octets of the messages in memory, estimated.
    var residentBytes = 0
    /// Every message below this position has been looked at whether it can leave memory.
    var sweep: UInt64 = 0
    var alarm = TimerWheel<TimerEvent>.ID.none
    /// What the alarm is set to, in milliseconds of the monotonic clock.
    var alarmTime = Int64.max

    init(of exchange: Exchange) { self.exchange = exchange }

    /// What is due first, wherever it is.
    var first: DueHeap.Item? {
        guard let near = near.first else { return far.first }
        guard let far = far.first else { return near }
        return far < near ? far : near
    }

    /// Takes out what is due first.
    ///
    /// - Returns: Its entry.
    mutating func popFirst() -> QueueEntry? {
        guard let first else { return nil }
        let isNear = near.first == first
        _ = isNear ? near.popFirst() : far.popFirst()
        guard let entry = entries.remove(first.position) else {
            preconditionFailure("a time without a message")
        }
        if isNear { nearBytes -= DelayedMessages.size(of: entry) }
        return entry
    }

    /// What a message takes in memory, estimated.
    static func size(of entry: QueueEntry) -> Int {
        Int(entry.bodySize) + PagingState.messageOverhead
    }

    /// Messages that are on disk only are read this long before their time, in milliseconds.
    static let readAheadTime: Int64 = 1_000
    /// Journaled messages whose time is not near do not take more memory than this, in octets.
    static let residentBytesMax = 16 << 20
    /// Messages that become due at once in one turn; the rest follows in the next millisecond.
    static let firedCountMax = 1_024
    /// Octets of them, since what fires in one turn is one transaction of the journal.
    static let firedBytesMax = 1 << 20
    /// Messages looked at in one turn for whether they can leave memory, when it is short.
    static let sweptCountMax = 4_096
    /// The same with each message that comes.
    static let sweptEachTime = 4
}

extension Handle where State == VirtualHostState {
    /// Makes the queue in which an exchange keeps what it delays.
    func makeDelayQueue(of exchange: Exchange, _ declare: ExchangeDeclare) -> Queue {
        let settings: QueueSettings
        do throws(ProtocolError) {
            settings = try QueueSettings(
                QueueDeclare(queue: declare.exchange, durable: declare.durable)
            )
        } catch {
            preconditionFailure("a queue without arguments is refused")
        }
        let queue = makeQueue(declare.exchange, settings: settings)
        queue.state.delayed = Handle<DelayedMessages>(DelayedMessages(of: exchange))
        if queue.state.journalID != 0 {
            journal(.delaysDeclared(queue.delaysRecord))
        }
        return queue
    }

    /// Keeps a message that passes through an exchange, if its headers ask for it.
    ///
    /// What is kept is a copy whose header says so with its sign turned, so that it is not delayed
    /// again. It is in the journal when the exchange is durable and the message persistent.
    ///
    /// - Parameters:
    ///   - message: With its traits.
    ///   - headers: The entries of its headers table, which can be read; `nil` without one.
    ///   - extraKeys: Further routing keys (CC, BCC).
    ///   - exchange: One that delays.
    /// - Returns: `false` when the message is to be routed now.
    func delay(
        _ message: Message,
        headers: ByteView?,
        _ extraKeys: [[UInt8]],
        in exchange: Exchange
    ) -> Bool {
        guard let queue = exchange.state.delayQueue, let headers,
            let request = DelayHeader.request(in: headers),
            let copy = copy(message, turning: request)
        else { return false }
        if !extraKeys.isEmpty { copy.header.traits.insert(.listsKeys) }
        let lsn = queue.enqueueDelayed(copy, for: request.delay)
        state.routeScratch.awaitedLSN = max(lsn, state.routeScratch.awaitedLSN ?? 0)
        return true
    }

    /// A copy of a message with the sign of its delay turned, and no reference.
    private func copy(_ message: Message, turning request: DelayHeader.Request) -> Message? {
        if let place = request.place(in: message.properties) {
            let copy = copy(message)
            request.writeTurned(at: place, of: copy)
            return copy
        }
        guard let properties = request.turned(in: message.properties) else { return nil }
        return ByteView.with(properties) {
            copy(message, route: message.route, properties: $0)
        }
    }
}

extension Handle where State == QueueState {
    /// The exchange's delayed messages, as the journal describes them.
    fileprivate var delaysRecord: DelaysRecord {
        DelaysRecord(
            id: state.journalID,
            exchange: ShortString(bytes: state.name) ?? "",
            nextPosition: state.nextPosition
        )
    }

    /// Keeps a message for some time.
    ///
    /// - Parameters:
    ///   - message: Without a reference.
    ///   - delay: In milliseconds, above 0.
    /// - Returns: The LSN that must be durable for the message to be; 0 when it is not journaled.
    fileprivate func enqueueDelayed(_ message: Message, for delay: Int64) -> UInt64 {
        guard let delayed = state.delayed else { return 0 }
        let virtualHost = state.virtualHost
        let wanted = virtualHost.state.now + .milliseconds(delay)
        let terms = EntryTerms(priority: 0, deadline: wanted)
        let deadline = terms.deadline ?? wanted
        let due = deadline.milliseconds
        let position = state.nextPosition
        message.retain()
        state.nextPosition += 1
        state.counters.published += 1
        let entry = QueueEntry(message: message, position: position, terms: terms)
        delayed.state.entries.append(entry)
        delayed.state.far.insert(.init(due: due, position: position))
        delayed.state.residentBytes += DelayedMessages.size(of: entry)
        var lsn: UInt64 = 0
        if state.journalID != 0, virtualHost.state.journal.isOn,
            message.header.traits.contains(.persistent)
        {
            let place = MessageRecord.Place(
                queue: state.journalID,
                position: position,
                terms: .init(priority: 0, end: virtualHost.wallTime(deadline))
            )
            lsn = virtualHost.journalOnTerms(message, places: [place])
        }
        if due < delayed.state.alarmTime { setAlarm() }
        if virtualHost.state.paging.isActive { noteForPaging() }
        letGoOfDistant()
        return lsn
    }

    /// Puts a message that was delayed before the restart back; it stays on disk for now.
    func restoreDelayed(_ saved: RecoveredState.Entry) {
        guard let delayed = state.delayed else { return }
        let virtualHost = state.virtualHost
        let bodySize = Int(saved.bodySize)
        virtualHost.state.journal.ledger.restore(saved.lsn, bodySize: bodySize)
        let due = saved.terms.end ?? WallTime(milliseconds: 0)
        delayed.state.entries.append(
            QueueEntry(
                place: .journal(saved.lsn),
                position: saved.position,
                bodySize: saved.bodySize,
                deliveryCount: 0,
                terms: EntryTerms(priority: 0, deadline: virtualHost.instant(due))
            )
        )
        // What was due before the clock's origin keeps its order.
        let time = due.milliseconds - virtualHost.state.wallOrigin
        delayed.state.far.insert(.init(due: time, position: saved.position))
        state.pagedCount += 1
        state.pagedBytes += bodySize
    }

    /// The exchange is gone, and with it what it delayed.
    func endDelays() {
        guard let delayed = state.delayed else { return }
        state.isDeleted = true
        if delayed.state.alarm != .none {
            state.virtualHost.state.timers.cancel(delayed.state.alarm)
            delayed.state.alarm = .none
        }
        while let entry = delayed.state.entries.first(from: 0) {
            _ = delayed.state.entries.remove(entry.position)
            discard(entry)
        }
        delayed.state.far.removeAll()
        delayed.state.near.removeAll()
        destroyIfUnused()
    }
}

extension Handle where State == ExchangeState {
    /// Where the journal finds what the exchange delays; `nil` when it is not to.
    var delaysRecord: DelaysRecord? {
        guard let queue = state.delayQueue else { return nil }
        let virtualHost = queue.state.virtualHost
        if queue.state.journalID == 0 {
            queue.state.journalID = virtualHost.state.journal.nextQueueID
            virtualHost.state.journal.nextQueueID += 1
            virtualHost.state.journal.queues[queue.state.journalID] = queue
        }
        return queue.delaysRecord
    }

    /// Messages that wait in the exchange for their time.
    var delayedCount: Int { state.delayQueue?.state.delayed?.state.entries.count ?? 0 }
}
