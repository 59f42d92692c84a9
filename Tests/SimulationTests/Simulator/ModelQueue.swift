import Wire

@testable import Broker

/// When something happens: in which operation, batch of the journal, and at what time.
struct ModelMoment {
    let operation: Int
    let epoch: Int
    let now: Instant
}

/// One life of a queue, with all that ever was in it.
final class ModelQueue {
    let name: ShortString
    let life: Int
    /// The broker's, as long as it is there.
    private(set) var handle: Queue?
    /// The number the journal knows it by, which no other life has.
    private(set) var number: UInt32 = 0
    /// The batch that says it exists.
    var declaredEpoch: Int
    let isDurable: Bool
    let isAutoDelete: Bool
    let isQuorum: Bool
    /// Whether an exchange keeps in it what it delays.
    let isDelay: Bool
    private(set) var countMax: Int?
    private(set) var bytesMax: Int?
    private(set) var overflow: String = "drop-head"
    private(set) var deliveryLimit: Int?
    let priorityMax: UInt8
    private(set) var timeToLive: Int?
    private(set) var unusedTimeMax: Int?
    private(set) var deadLetterExchange: ShortString?
    private(set) var deadLetterKey: ShortString?
    let hasSingleActiveConsumer: Bool
    /// What it has in place of ready messages, if it is one.
    let stream: ModelStream?
    /// What of all that policies say.
    var policies = ModelPolicies.Applied()
    /// The operation in which policies gave it other limits, to be kept at once.
    var cutBy = -1
    /// Whether it holds no two messages with one value.
    let isUnique: Bool
    /// The header whose value says which messages go to one consumer at a time, in order.
    let groupHeader: ShortString?
    /// By their values.
    var groups: [[UInt8]: ModelGroup] = [:]
    var isDeleted = false
    /// Since when nobody has used it, as far as x-expires goes.
    var unusedSince = Instant.zero
    /// By the numbers of the messages, oldest first.
    private(set) var copies: [Int: [ModelCopy]] = [:]
    /// In the order they are to be handed out.
    private(set) var ready: [ModelCopy] = []
    private(set) var outCount = 0
    var consumers: [ModelConsumer] = []
    var active: ModelConsumer?
    /// Copies put in by the operation at hand.
    var entered: [ModelCopy] = []
    /// The last in order that the operation at hand handed out.
    var handedOut: ModelCopy?
    /// All it handed out, and to whom, in a queue with groups; `nil` stands for basic.get.
    var handedOutOfGroups: [(copy: ModelCopy, consumer: ModelConsumer?)] = []
    /// What nobody could have before the disk was read, when the last operation was over.
    var awaited: Set<Awaited> = []

    /// What waits for the disk: a group for its next message, or one that has no group.
    enum Awaited: Hashable {
        case group([UInt8])
        case message(Int)

        init(_ copy: ModelCopy) {
            self = copy.groupValue.map { .group($0) } ?? .message(copy.position)
        }
    }

    /// What a full queue dropped in the operation at hand.
    var dropped: [ModelCopy] = []
    /// What left in the operation at hand and had a value.
    var departed: [ModelCopy] = []
    /// Messages that time ended in the operation at hand, or that went just before.
    var endedUnseen = 0
    /// Whether there is more in it than it may hold since a restart brought back what was out.
    var isOver = false
    /// Ready messages that have left in the operation at hand, and octets of their bodies.
    var leftCount = 0
    var leftBytes = 0
    /// What the broker's counters said last.
    var droppedSeen = 0
    /// The position of the next message.
    var nextPosition = 0

    init(
        _ queue: ModelTopology.Queue,
        isDelay: Bool = false,
        declaredIn epoch: Int,
        at now: Instant
    ) {
        self.isDelay = isDelay
        declaredEpoch = epoch
        unusedSince = now
        name = queue.declare.queue
        life = queue.life
        isDurable = queue.isDurable
        isAutoDelete = queue.declare.autoDelete
        let arguments = queue.declare.arguments
        stream = ModelStream(arguments)
        isQuorum = arguments["x-queue-type"] == .string("quorum")
        priorityMax = UInt8(arguments.number("x-max-priority") ?? 0)
        hasSingleActiveConsumer = arguments["x-single-active-consumer"] == .bool(true)
        isUnique = arguments["x-message-deduplication"] == .bool(true)
        groupHeader = arguments.text("x-group-header")
        read(arguments)
    }

    /// Reads what policies can change.
    func read(_ arguments: FieldTable) {
        countMax = arguments.number("x-max-length")
        bytesMax = stream == nil ? arguments.number("x-max-length-bytes") : nil
        overflow = arguments.text("x-overflow")?.string ?? "drop-head"
        // Which quorum queues take and do not have.
        if isQuorum, overflow == "reject-publish-dlx" { overflow = "drop-head" }
        deliveryLimit = arguments.number("x-delivery-limit")
        timeToLive = arguments.number("x-message-ttl")
        unusedTimeMax = arguments.number("x-expires")
        deadLetterExchange = arguments.text("x-dead-letter-exchange")
        deadLetterKey = arguments.text("x-dead-letter-routing-key")
        stream?.read(arguments)
    }

    /// The broker's queue is this.
    func meet(_ queue: Queue?) {
        handle = queue
        if let queue, queue.state.journalID != 0 { number = queue.state.journalID }
    }

    /// Messages that wait; of a stream, all there are.
    var readyCount: Int { stream.map { $0.next - $0.first } ?? ready.count }

    /// Whether it may lose or refuse messages.
    var isLimited: Bool { countMax != nil || bytesMax != nil }
    var dropsHead: Bool { isLimited && overflow == "drop-head" }
    var refuses: Bool { isLimited && overflow != "drop-head" }

    /// Whether there is more in it than it may hold.
    func isBeyondLimit(adding size: Int = 0, count: Int = 0) -> Bool {
        let bytes = ready.reduce(size) { $0 + $1.message.body.count }
        return ready.count + count > countMax ?? Int.max || bytes > bytesMax ?? Int.max
    }

    /// Adds a copy at the end of its priority; where it stands, the broker says later.
    ///
    /// - Parameters:
    ///   - message: What comes.
    ///   - sequence: Its place in the journal.
    ///   - isKept: Whether the journal has it if the queue is durable.
    ///   - moment: When.
    /// - Returns: The copy, ready to be handed out.
    func append(
        _ message: ModelMessage,
        sequence: Int,
        isKept: Bool,
        _ moment: ModelMoment
    ) -> ModelCopy {
        let times = isDelay ? [message.delay] : [timeToLive, message.expiration]
        let copy = ModelCopy(
            message,
            in: self,
            priority: min(message.priority ?? 0, priorityMax),
            timeToLive: times.compactMap { $0 }.min()
        )
        copy.sequence = sequence
        copy.enteredBy = moment.operation
        copy.deadline = copy.timeToLive.map { moment.now + .milliseconds($0) }
        copy.position = nextPosition + entered.count
        if isKept, isDurable { copy.journalEpoch = moment.epoch }
        copies[message.id, default: []].append(copy)
        insert(copy)
        entered.append(copy)
        return copy
    }

    private func insert(_ copy: ModelCopy) {
        let index = ready.firstIndex { copy.isBefore($0) } ?? ready.count
        ready.insert(copy, at: index)
    }

    /// The broker has said where the new ones stand.
    func sort() { ready.sort { $0.isBefore($1) } }

    /// The queue was full after all: it never had the copy.
    func refuse(_ copy: ModelCopy) {
        forget(copy)
        copy.message.isRefused = true
    }

    /// Another one with the value of a copy that is there, or was a moment ago.
    func rival(of copy: ModelCopy) -> ModelCopy? {
        guard let value = copy.value else { return nil }
        func isRival(_ other: ModelCopy) -> Bool { other !== copy && other.value == value }
        // What came with it may be missing as well.
        func isThere(_ other: ModelCopy) -> Bool {
            other.place == .out || other.place == .ready && other.isPlaced
        }
        return copies.values.joined().first { isThere($0) && isRival($0) }
            ?? departed.first(where: isRival)
    }

    /// The queue had another copy with the same value: it never took this one.
    func forget(_ copy: ModelCopy) {
        ready.removeAll { $0 === copy }
        copy.place = .gone
        copy.journalEpoch = nil
        entered.removeAll { $0 === copy }
    }

    /// Takes a ready copy away, to be settled or handed out.
    private func remove(_ copy: ModelCopy) {
        ready.removeAll { $0 === copy }
        leftCount += 1
        leftBytes += copy.message.body.count
    }

    /// A copy goes to a consumer; to a basic.get with `nil`.
    func handOut(_ copy: ModelCopy, to consumer: ModelConsumer?) {
        remove(copy)
        group(of: copy)?.handOut(to: consumer)
        copy.place = .out
        outCount += 1
    }

    /// A copy has died and is to be sent on.
    func beginDying(_ copy: ModelCopy) {
        leave(copy)
        copy.place = .dying
    }

    /// Lets go of a copy for good.
    func settle(_ copy: ModelCopy, epoch: Int) {
        leave(copy)
        copy.place = .gone
        if !isDeleted, copy.journalEpoch != nil { copy.settledEpoch = epoch }
    }

    private func leave(_ copy: ModelCopy) {
        if copy.value != nil, copy.isIn { departed.append(copy) }
        switch copy.place {
        case .out:
            outCount -= 1
            group(of: copy)?.release()
        case .ready: remove(copy)
        case .dying, .gone: break
        }
    }

    /// A copy comes back to its place.
    ///
    /// - Returns: What it dies of instead.
    func putBack(_ copy: ModelCopy, _ moment: ModelMoment) -> ModelDeathReason? {
        guard !isDeleted else {
            leave(copy)
            copy.place = .gone
            return nil
        }
        if let deadline = copy.deadline, deadline <= moment.now { return .expired }
        if let deliveryLimit, copy.deliveryCount >= deliveryLimit { return .deliveryLimit }
        leave(copy)
        copy.place = .ready
        copy.returnEpochs.append(moment.epoch)
        copy.deliveryCount += 1
        copy.returnedBy = moment.operation
        group(of: copy)?.hold(copy)
        insert(copy)
        return nil
    }

    /// A restart left these; nobody has them.
    func restore(_ survivors: [ModelCopy], nextPosition: Int, at now: Instant) {
        handle = nil
        copies = [:]
        ready = survivors
        outCount = 0
        groups = [:]
        handedOutOfGroups = []
        awaited = []
        consumers = []
        active = nil
        droppedSeen = 0
        entered = []
        dropped = []
        departed = []
        endedUnseen = 0
        handedOut = nil
        declaredEpoch = 0
        isDeleted = false
        unusedSince = now
        self.nextPosition = nextPosition
        for copy in survivors {
            copies[copy.message.id, default: []].append(copy)
            copy.becomeDurable()
            // Where there are two with one value, the newest keeps it.
            let isNewest = !survivors.contains {
                $0.position > copy.position && $0.message.digest == copy.message.digest
            }
            copy.value = isUnique && isNewest ? copy.message.digest : nil
        }
        sort()
        isOver = isBeyondLimit()
    }

    /// Lets go of what holds on to each other: messages and their copies, copies and what they
    /// became.
    func cutTies() {
        for copy in copies.values.joined() {
            copy.message.copies = []
            copy.letters = []
        }
        stream?.cutTies()
    }

    /// It is not looked at any more: lets go of all that points back to it.
    func end() {
        cutTies()
        (copies, ready, entered, dropped, departed) = ([:], [], [], [], [])
        (handedOut, handedOutOfGroups, groups) = (nil, [], [:])
        (consumers, active) = ([], nil)
    }

    // MARK: Consumers

    func add(_ consumer: ModelConsumer) {
        consumers.append(consumer)
        if hasSingleActiveConsumer, active == nil { active = consumer }
    }

    func remove(_ consumer: ModelConsumer, at now: Instant) {
        consumers.removeAll { $0 === consumer }
        if consumers.isEmpty { unusedSince = now }
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
    /// The offset of the next message it may get of a stream, and what it wants of that.
    var nextOffset = 0
    let filter: ShortString?

    init(
        _ consume: BasicConsume,
        on queue: ModelQueue,
        prefetchMax: Int
    ) {
        tag = consume.consumerTag
        self.queue = queue
        isNoAck = consume.noAck
        isExclusive = consume.exclusive && !queue.isQuorum
        filter = consume.arguments.text("x-stream-filter")
        priority = Int32(consume.arguments.number("x-priority") ?? 0)
        self.prefetchMax = prefetchMax
    }
}

extension FieldTable {
    /// A number, where there is one.
    func number(_ name: ShortString) -> Int? {
        if case .int32(let number)? = self[name] { Int(number) } else { nil }
    }

    /// A short text, where there is one.
    func text(_ name: ShortString) -> ShortString? {
        if case .longString(let bytes)? = self[name] { ShortString(bytes: bytes) } else { nil }
    }
}
