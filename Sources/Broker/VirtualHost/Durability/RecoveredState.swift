import Wire

/// The fold of a journal: what a virtual host was when its last record was written.
///
/// A plain value, so that recovery, the offline checker and tests share it.
struct RecoveredState {
    /// A queue and the messages in it.
    struct RecoveredQueue {
        /// `nil` while only messages are known: their segment outlived the declaration's.
        var record: QueueRecord?
        var entries: [Entry] = []
        var deliveredThrough: UInt64 = 0
        var nextPosition: UInt64 = 0
    }

    /// A message in a queue, by its place in the journal.
    struct Entry: Equatable {
        let position: UInt64
        let lsn: UInt64
        /// Octets of the record's payload.
        let size: UInt32
        var deliveryCount: UInt32
        var isSettled: Bool
    }

    /// Everything that can be declared.
    struct Topology {
        var queueIDs: Set<UInt32> = []
        var exchanges: [ShortString: ExchangeDeclare] = [:]
        /// Names in the order of their declaration.
        var exchangeOrder: [ShortString] = []
        var bindings: Set<BindingRecord> = []
        var bindingOrder: [BindingRecord] = []
    }

    private(set) var topology = Topology()
    /// A new description of everything, not yet complete.
    private var rewritten: Topology?
    private(set) var queues: [UInt32: RecoveredQueue] = [:]
    private(set) var highestQueueID: UInt32 = 0
    /// Records taken in so far.
    private(set) var recordCount = 0

    init() {}

    /// Takes in the next record.
    ///
    /// - Parameters:
    ///   - record: Decoded; of a message, its places only.
    ///   - lsn: Its place in the journal.
    ///   - size: Octets of its whole payload.
    mutating func apply(_ record: JournalRecord, lsn: UInt64, size: Int) {
        recordCount += 1
        switch record {
        case .queueDeclared(let queue): declare(queue)
        case .queueDeleted(let id): delete(id)
        case .exchangeDeclared(let exchange):
            change { topology in
                if topology.exchanges.updateValue(exchange, forKey: exchange.exchange) == nil {
                    topology.exchangeOrder.append(exchange.exchange)
                }
            }
        case .exchangeDeleted(let name):
            change { topology in
                topology.exchanges[name] = nil
                topology.exchangeOrder.removeAll { $0 == name }
                topology.bindings = topology.bindings.filter { binding in
                    binding.source != name && (binding.isToQueue || binding.destination != name)
                }
            }
        case .bound(let binding):
            change { topology in
                if topology.bindings.insert(binding).inserted {
                    topology.bindingOrder.append(binding)
                }
            }
        case .unbound(let binding):
            change { topology in
                topology.bindings.remove(binding)
            }
        case .message(let message): add(message, lsn: lsn, size: size)
        case .settled(let queue, let first, let last):
            queues[queue]?.settle(from: first, through: last)
        case .delivered(let queue, let through):
            queues[queue]?.markDelivered(through: through)
        case .returned(let queue, let position, let deliveryCount):
            queues[queue]?.setDeliveryCount(deliveryCount, at: position)
        case .topologyBegins: rewritten = Topology()
        case .topologyEnds:
            if let complete = rewritten { topology = complete }
            rewritten = nil
        }
    }

    private mutating func change(_ body: (inout Topology) -> Void) {
        if var unfinished = rewritten.take() {
            body(&unfinished)
            rewritten = unfinished
        } else {
            body(&topology)
        }
    }

    private mutating func declare(_ record: QueueRecord) {
        highestQueueID = max(highestQueueID, record.id)
        var queue = queues[record.id] ?? RecoveredQueue()
        queue.record = record
        queue.nextPosition = max(queue.nextPosition, record.nextPosition)
        queue.markDelivered(through: max(queue.deliveredThrough, record.deliveredThrough))
        queues[record.id] = queue
        change { topology in
            topology.queueIDs.insert(record.id)
        }
    }

    /// A queue takes its bindings with it: one declared later by its name does not inherit them.
    private mutating func delete(_ id: UInt32) {
        let name = queues.removeValue(forKey: id)?.record?.name
        change { topology in
            topology.queueIDs.remove(id)
            topology.bindings = topology.bindings.filter { binding in
                !binding.isToQueue || binding.destination != name
            }
        }
    }

    private mutating func add(_ message: MessageRecord, lsn: UInt64, size: Int) {
        for place in message.places {
            highestQueueID = max(highestQueueID, place.queue)
            let entry = Entry(
                position: place.position,
                lsn: lsn,
                size: UInt32(clamping: size),
                deliveryCount: 0,
                isSettled: false
            )
            queues[place.queue, default: RecoveredQueue()].append(entry)
        }
    }

    /// The durable queues with their unsettled messages, lowest number first.
    var liveQueues: [(record: QueueRecord, queue: RecoveredQueue)] {
        topology.queueIDs.sorted().compactMap { id in
            guard let queue = queues[id], let record = queue.record else { return nil }
            return (record, queue)
        }
    }

    /// Bindings that are still there, in the order they were made.
    var liveBindings: [BindingRecord] {
        var left = topology.bindings
        return topology.bindingOrder.filter { left.remove($0) != nil }
    }
}

extension RecoveredState.RecoveredQueue {
    /// Positions come in rising order, but for messages copied forward, which take the place of
    /// their first copy.
    fileprivate mutating func append(_ entry: RecoveredState.Entry) {
        nextPosition = max(nextPosition, entry.position + 1)
        guard let last = entries.last, last.position >= entry.position else {
            entries.append(entry)
            return
        }
        let index = lowerBound(of: entry.position)
        if index < entries.count, entries[index].position == entry.position {
            entries[index] = entry
        } else {
            entries.insert(entry, at: index)
        }
    }

    /// Positions handed out are not given again, though what had them may not have been journaled:
    /// a new message there would look redelivered.
    fileprivate mutating func markDelivered(through position: UInt64) {
        deliveredThrough = position
        nextPosition = max(nextPosition, position)
    }

    fileprivate mutating func settle(from first: UInt64, through last: UInt64) {
        var index = lowerBound(of: first)
        while index < entries.count, entries[index].position <= last {
            entries[index].isSettled = true
            index += 1
        }
    }

    fileprivate mutating func setDeliveryCount(_ count: UInt32, at position: UInt64) {
        let index = lowerBound(of: position)
        guard index < entries.count, entries[index].position == position else { return }
        entries[index].deliveryCount = count
    }

    /// The first entry at or behind a position.
    private func lowerBound(of position: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
