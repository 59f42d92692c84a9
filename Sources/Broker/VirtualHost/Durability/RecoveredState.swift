import Wire

/// The fold of a journal: what a virtual host was when its last record was written.
///
/// Holds what is left rather than what has been: a message that was settled goes, and so does a
/// deleted queue with all of its messages.
final class RecoveredState {
    /// A message in a queue, by its place in the journal.
    typealias Entry = RecoveredEntries.Entry

    /// A queue and the messages in it.
    final class RecoveredQueue {
        /// `nil` while only messages are known: their segment outlived the declaration's.
        fileprivate(set) var record: QueueRecord?
        fileprivate(set) var entries = RecoveredEntries()
        fileprivate(set) var deliveredThrough: UInt64 = 0
        fileprivate(set) var nextPosition: UInt64 = 0
        /// What messages are known by, of those that are known by more than their place.
        fileprivate(set) var keys: [UInt64: MessageKeys] = [:]
        /// What is dead of them, and waits for its dead letter to reach every target.
        fileprivate(set) var deaths: [UInt64: DeathRecord] = [:]

        /// The messages that are left, lowest position first; they are forgotten on the way.
        func takeEntries() -> RecoveredEntries.Taking { entries.take() }
    }

    /// Everything that can be declared.
    private struct Topology: ~Copyable {
        var queueIDs: Set<UInt32> = []
        var exchanges: [ShortString: ExchangeDeclare] = [:]
        /// The order in which exchanges were declared.
        var exchangeNumbers: [ShortString: Int] = [:]
        var nextExchangeNumber = 0
        var bindings = RecoveredBindings()
        /// What exchanges remember that do so beyond a restart.
        var values: [ShortString: RecoveredValues] = [:]
        /// Under which number an exchange keeps what it delays.
        var delays: [ShortString: UInt32] = [:]
        var policies: [PolicyName: PolicyRecord] = [:]
    }

    /// Policies of the two kinds may have the same name.
    private struct PolicyName: Hashable {
        let kind: Policy.Kind
        let name: ShortString
    }

    /// Where the newest complete description of the topology stands, in log sequence numbers.
    struct Description: Equatable {
        let lsn: UInt64
        /// Of all its records, in octets.
        let size: UInt64
    }

    private var topology = Topology()
    /// A new description of everything, not yet complete.
    private var unfinished = Topology()
    /// Where that begins; `nil` outside of one.
    private var unfinishedLSN: UInt64?
    private(set) var description: Description?
    private var queues: [UInt32: RecoveredQueue] = [:]
    /// The queue that the last record was about; the next one mostly is about it, too.
    private var lastQueue: (id: UInt32, queue: RecoveredQueue)?
    private(set) var highestQueueID: UInt32 = 0
    /// Records taken in so far.
    private(set) var recordCount = 0

    init() {}

    /// Takes in the next record.
    ///
    /// - Parameters:
    ///   - payload: Of a message, at least the prefix.
    ///   - lsn: Its place in the journal.
    ///   - size: Octets of its whole payload.
    /// - Throws: What is wrong with a record that says nothing this version understands; it
    ///   changes nothing.
    func apply(_ payload: ByteView, lsn: UInt64, size: Int) throws(WireError) {
        recordCount += 1
        guard payload.count > 0 else { throw .truncated }
        switch payload[0] {
        case JournalRecord.Kind.message.rawValue:
            if try !addSinglePlace(payload, lsn: lsn) {
                try applyDecoded(payload, lsn: lsn, size: size)
            }
        case JournalRecord.Kind.bound.rawValue:
            let octets = payload.slice(from: 1, count: payload.count - 1)
            try change { topology throws(WireError) in try topology.bindings.add(octets) }
        case JournalRecord.Kind.unbound.rawValue:
            let octets = payload.slice(from: 1, count: payload.count - 1)
            change { topology in topology.bindings.remove(octets) }
        default:
            try applyDecoded(payload, lsn: lsn, size: size)
        }
    }

    private func applyDecoded(_ payload: ByteView, lsn: UInt64, size: Int) throws(WireError) {
        switch try JournalRecord(decoding: payload) {
        case .queueDeclared(let queue): declare(queue)
        case .queueDeleted(let id): delete(id)
        case .exchangeDeclared(let exchange): declare(exchange)
        case .valuesRemembered(let record):
            change { topology in topology.values[record.exchange]?.add(record) }
        case .exchangeDeleted(let name):
            change { topology in
                topology.values[name] = nil
                topology.exchanges[name] = nil
                topology.exchangeNumbers[name] = nil
                topology.bindings.removeExchange(name)
                if let id = topology.delays.removeValue(forKey: name) { forget(id) }
            }
        case .bound, .unbound: preconditionFailure("bindings are taken in as they are")
        case .message(let message): add(message, lsn: lsn)
        case .settled(let queue, let first, let last):
            find(queue)?.settle(from: first, through: last)
        case .delivered(let queue, let through): find(queue)?.markDelivered(through: through)
        case .returned(let queue, let position, let deliveryCount):
            find(queue)?.entries.setDeliveryCount(deliveryCount, at: position)
        case .died(let death): find(death.queue)?.deaths[death.position] = death
        case .appended(let stream, let end): find(stream)?.setEnd(end)
        case .topologyBegins:
            unfinished = Topology()
            unfinishedLSN = lsn
        case .topologyEnds: endDescription(lsn + UInt64(JournalBuffer.frameHeadSize + size))
        case .transaction: break
        case .delaysDeclared(let delays): declare(delays)
        case .policySet(let policy):
            let name = PolicyName(kind: policy.kind, name: policy.name)
            change { topology in topology.policies[name] = policy }
        case .policyCleared(let kind, let name):
            change { topology in topology.policies[PolicyName(kind: kind, name: name)] = nil }
        }
    }

    // MARK: - Topology

    private func change<Failure: Error>(
        _ body: (inout Topology) throws(Failure) -> Void
    ) throws(Failure) {
        if unfinishedLSN == nil {
            try body(&topology)
        } else {
            try body(&unfinished)
        }
    }

    private func endDescription(_ end: UInt64) {
        guard let lsn = unfinishedLSN.take() else { return }
        description = Description(lsn: lsn, size: end - lsn)
        swap(&topology, &unfinished)
        unfinished = Topology()
    }

    private func declare(_ record: QueueRecord) {
        highestQueueID = max(highestQueueID, record.id)
        let queue = find(record.id) ?? addQueue(record.id)
        queue.record = record
        queue.nextPosition = max(queue.nextPosition, record.nextPosition)
        queue.markDelivered(through: max(queue.deliveredThrough, record.deliveredThrough))
        change { topology in _ = topology.queueIDs.insert(record.id) }
    }

    private func declare(_ record: DelaysRecord) {
        highestQueueID = max(highestQueueID, record.id)
        let queue = find(record.id) ?? addQueue(record.id)
        queue.nextPosition = max(queue.nextPosition, record.nextPosition)
        change { topology in topology.delays[record.exchange] = record.id }
    }

    @discardableResult
    private func forget(_ id: UInt32) -> RecoveredQueue? {
        if lastQueue?.id == id { lastQueue = nil }
        return queues.removeValue(forKey: id)
    }

    /// A queue takes its bindings with it: one declared later by its name does not inherit them.
    private func delete(_ id: UInt32) {
        let name = forget(id)?.record?.name
        change { topology in
            topology.queueIDs.remove(id)
            if let name { topology.bindings.removeQueue(name) }
        }
    }

    private func declare(_ exchange: ExchangeDeclare) {
        change { topology in
            let name = exchange.exchange
            if topology.exchanges.updateValue(exchange, forKey: name) == nil {
                topology.exchangeNumbers[name] = topology.nextExchangeNumber
                topology.nextExchangeNumber += 1
                topology.values[name] = RecoveredValues(of: exchange)
            }
        }
    }

    // MARK: - Messages

    private func find(_ id: UInt32) -> RecoveredQueue? {
        if let last = lastQueue, last.id == id { return last.queue }
        guard let queue = queues[id] else { return nil }
        lastQueue = (id, queue)
        return queue
    }

    private func addQueue(_ id: UInt32) -> RecoveredQueue {
        let queue = RecoveredQueue()
        queues[id] = queue
        lastQueue = (id, queue)
        return queue
    }

    /// Takes in a message that took one place, which is nearly every message, where it stands.
    ///
    /// - Returns: False when it took another number of places.
    private func addSinglePlace(
        _ prefix: ByteView,
        lsn: UInt64
    ) throws(WireError) -> Bool {
        guard prefix.count >= MessageRecord.prefixSize(placeCount: 1),
            prefix.littleEndianUInt32(at: 19) == 1
        else { return false }
        let bodySize = prefix.littleEndianUInt64(at: 11)
        guard bodySize < 1 << 40 else { throw .truncated }
        let place = MessageRecord.Place(
            queue: prefix.littleEndianUInt32(at: MessageRecord.fixedSize),
            position: prefix.littleEndianUInt64(at: MessageRecord.fixedSize + 4)
        )
        add(place, lsn: lsn, bodySize: Int(bodySize))
        return true
    }

    private func add(_ message: MessageRecord, lsn: UInt64) {
        for place in message.places {
            add(place, lsn: lsn, bodySize: message.bodySize)
        }
    }

    private func add(_ place: MessageRecord.Place, lsn: UInt64, bodySize: Int) {
        highestQueueID = max(highestQueueID, place.queue)
        let queue = find(place.queue) ?? addQueue(place.queue)
        queue.nextPosition = max(queue.nextPosition, place.position &+ 1)
        if place.terms.keys != .none { queue.keys[place.position] = place.terms.keys }
        queue.entries.add(
            Entry(
                position: place.position,
                lsn: lsn,
                bodySize: UInt32(clamping: bodySize),
                deliveryCount: place.deliveryCount,
                terms: place.terms
            )
        )
    }

    // MARK: - What is left

    /// The durable queues, lowest number first.
    var liveQueues: [(record: QueueRecord, queue: RecoveredQueue)] {
        topology.queueIDs.sorted().compactMap { id in
            guard let queue = queues[id], let record = queue.record else { return nil }
            return (record, queue)
        }
    }

    /// What exchanges delay, by the number it is kept under, lowest first.
    var liveDelays: [(id: UInt32, exchange: ShortString, queue: RecoveredQueue)] {
        topology.delays.sorted { $0.value < $1.value }.compactMap { exchange, id in
            queues[id].map { (id, exchange, $0) }
        }
    }

    /// The exchanges in the order of their declaration.
    var liveExchanges: [ExchangeDeclare] {
        topology.exchangeNumbers.sorted { $0.value < $1.value }.compactMap { name, _ in
            topology.exchanges[name]
        }
    }

    /// The policies in the order of their names.
    var livePolicies: [PolicyRecord] { topology.policies.values.sorted { $0.name < $1.name } }

    /// What an exchange remembered, oldest first; what is over by now is among it.
    func values(of exchange: ShortString) -> [RememberedValue] {
        topology.values[exchange]?.all ?? []
    }

    /// Gives the bindings that are left in the order they were made.
    func forEachBinding(_ body: (BindingRecord) -> Void) { topology.bindings.forEach(body) }
}

extension RecoveredState.RecoveredQueue {
    /// Everything below stands in the files of the stream.
    fileprivate func setEnd(_ offset: UInt64) { nextPosition = max(nextPosition, offset) }

    fileprivate func settle(from first: UInt64, through last: UInt64) {
        entries.settle(from: first, through: last)
        guard first <= last else { return }
        Self.forget(first...last, of: &keys)
        Self.forget(first...last, of: &deaths)
    }

    private static func forget<Fact>(
        _ positions: ClosedRange<UInt64>,
        of facts: inout [UInt64: Fact]
    ) {
        guard !facts.isEmpty else { return }
        if positions.upperBound - positions.lowerBound < UInt64(facts.count) {
            for position in positions { facts[position] = nil }
        } else {
            facts = facts.filter { !positions.contains($0.key) }
        }
    }

    /// Positions handed out are not given again, though what had them may not have been journaled:
    /// a new message there would look redelivered.
    fileprivate func markDelivered(through position: UInt64) {
        deliveredThrough = position
        nextPosition = max(nextPosition, position)
    }
}
