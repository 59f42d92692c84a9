import Wire

/// A message as a client published it.
final class ModelMessage {
    let id: Int
    let exchange: ShortString
    let key: ShortString
    let isPersistent: Bool
    let headers: FieldTable
    let isMandatory: Bool
    let body: [UInt8]
    /// Where it went, once it was routed.
    var copies: [ModelCopy] = []
    /// A full queue refused it.
    var isRefused = false
    /// The operation that published it.
    var operation = 0

    init(
        id: Int,
        exchange: ShortString,
        key: ShortString,
        isPersistent: Bool,
        isMandatory: Bool,
        headers: FieldTable,
        size: Int
    ) {
        self.id = id
        self.exchange = exchange
        self.key = key
        self.isPersistent = isPersistent
        self.isMandatory = isMandatory
        self.headers = headers
        body = ModelMessage.body(id: id, size: size)
    }

    /// Octets that say which message it is, and then some that only it has.
    private static func body(id: Int, size: Int) -> [UInt8] {
        (0..<max(size, 8)).map { index in
            index < 8
                ? UInt8(truncatingIfNeeded: id >> (8 * (7 - index)))
                : UInt8(truncatingIfNeeded: id &* 31 &+ index &* 7)
        }
    }

    /// The message a body says it is; `nil` when it says nothing.
    static func id(in body: [UInt8]) -> Int? {
        guard body.count >= 8 else { return nil }
        return body.prefix(8).reduce(0) { $0 << 8 | Int($1) }
    }

    var properties: BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = isPersistent ? 2 : 1
        if headers.entries.count > 0 { properties.headers = headers }
        return properties
    }
}

/// One message in one queue.
final class ModelCopy {
    let message: ModelMessage
    let queue: ModelQueue
    /// Its place among all copies of the queue.
    let position: Int
    /// Its place among everything that was written to the journal.
    var sequence: Int
    var place = Place.ready
    /// It is in the journal, with this batch.
    var journalEpoch: Int?
    /// It was settled, dropped or purged, which this batch says.
    var settledEpoch: Int?
    /// The place of the commit that settled it, if one did.
    var settledWith: Int?
    /// It came back, or was handed out before a restart that knew it.
    var isRedelivered = false
    /// It was first handed out to be acknowledged when this batch collected.
    var deliveredEpoch: Int?
    /// The operation that last put it back.
    var returnedBy = 0

    enum Place: Equatable {
        case ready
        case out
        case gone
        /// The queue was full.
        case refused
    }

    init(_ message: ModelMessage, in queue: ModelQueue, position: Int, sequence: Int) {
        self.message = message
        self.queue = queue
        self.position = position
        self.sequence = sequence
    }

    var name: String { "message \(message.id) in \(queue.name.string)/\(queue.life)" }
}

/// One life of a queue, with all that ever was in it.
final class ModelQueue {
    let name: ShortString
    let life: Int
    /// The batch that says it exists.
    var declaredEpoch: Int
    let isDurable: Bool
    let isAutoDelete: Bool
    let countMax: Int?
    let refuses: Bool
    let hasSingleActiveConsumer: Bool
    var isDeleted = false
    private(set) var copies: [Int: ModelCopy] = [:]
    /// In order of their positions.
    private(set) var ready: [ModelCopy] = []
    private(set) var outCount = 0
    var consumers: [ModelConsumer] = []
    var active: ModelConsumer?
    /// Copies put in by the operation at hand.
    var entered: [ModelCopy] = []
    /// The highest position handed out by the operation at hand.
    var handedOut: Int?
    /// What the broker's counters said last.
    var acceptedSeen = 0
    var droppedSeen = 0
    private var nextPosition = 0

    init(_ queue: ModelTopology.Queue, declaredIn epoch: Int) {
        declaredEpoch = epoch
        name = queue.declare.queue
        life = queue.life
        isDurable = queue.isDurable
        isAutoDelete = queue.declare.autoDelete
        let arguments = queue.declare.arguments
        if case .int32(let count)? = arguments["x-max-length"] {
            countMax = Int(count)
        } else {
            countMax = nil
        }
        refuses = arguments["x-overflow"] == .string("reject-publish")
        hasSingleActiveConsumer = arguments["x-single-active-consumer"] == .bool(true)
    }

    /// Whether it may lose or refuse messages.
    var isLimited: Bool { countMax != nil }

    func append(_ message: ModelMessage, sequence: Int, epoch: Int) -> ModelCopy {
        let copy = ModelCopy(message, in: self, position: nextPosition, sequence: sequence)
        nextPosition += 1
        if isDurable, message.isPersistent { copy.journalEpoch = epoch }
        copies[message.id] = copy
        ready.append(copy)
        entered.append(copy)
        return copy
    }

    /// The queue was full after all.
    func refuse(_ copy: ModelCopy) {
        remove(copy)
        copy.place = .refused
        copies[copy.message.id] = nil
        copy.message.isRefused = true
    }

    /// Takes a ready copy away, to be settled or handed out.
    private func remove(_ copy: ModelCopy) {
        ready.removeAll { $0 === copy }
    }

    func handOut(_ copy: ModelCopy) {
        remove(copy)
        copy.place = .out
        outCount += 1
    }

    /// Lets go of a copy for good.
    func settle(_ copy: ModelCopy, epoch: Int) {
        if copy.place == .out { outCount -= 1 } else { remove(copy) }
        copy.place = .gone
        if !isDeleted, copy.journalEpoch != nil { copy.settledEpoch = epoch }
    }

    func putBack(_ copy: ModelCopy, operation: Int) {
        outCount -= 1
        guard !isDeleted else {
            copy.place = .gone
            return
        }
        copy.place = .ready
        copy.isRedelivered = true
        copy.returnedBy = operation
        let index = ready.firstIndex { $0.position > copy.position } ?? ready.count
        ready.insert(copy, at: index)
    }

    /// A restart left these, in this order; nobody has them.
    func restore(_ survivors: [ModelCopy]) {
        copies = [:]
        ready = survivors
        outCount = 0
        consumers = []
        active = nil
        acceptedSeen = 0
        droppedSeen = 0
        entered = []
        handedOut = nil
        declaredEpoch = 0
        for copy in survivors {
            copies[copy.message.id] = copy
            copy.place = .ready
            copy.journalEpoch = 0
            copy.settledEpoch = nil
            copy.settledWith = nil
        }
    }

    // MARK: Consumers

    func add(_ consumer: ModelConsumer) {
        consumers.append(consumer)
        if hasSingleActiveConsumer, active == nil { active = consumer }
    }

    func remove(_ consumer: ModelConsumer) {
        consumers.removeAll { $0 === consumer }
        guard active === consumer else { return }
        active = nil
        for candidate in consumers where candidate.priority > active?.priority ?? Int32.min {
            active = candidate
        }
    }
}

/// A subscription.
final class ModelConsumer {
    let tag: ShortString
    let queue: ModelQueue
    let isNoAck: Bool
    let isExclusive: Bool
    let priority: Int32
    let prefetchMax: Int
    var unackedCount = 0

    init(
        _ consume: BasicConsume,
        on queue: ModelQueue,
        prefetchMax: Int
    ) {
        tag = consume.consumerTag
        self.queue = queue
        isNoAck = consume.noAck
        isExclusive = consume.exclusive
        if case .int32(let value)? = consume.arguments["x-priority"] {
            priority = value
        } else {
            priority = 0
        }
        self.prefetchMax = prefetchMax
    }
}
