import Wire

/// What a queue was declared with.
struct QueueSettings {
    let isDurable: Bool
    let isExclusive: Bool
    let isAutoDelete: Bool
    let arguments: FieldTable
    let type: QueueType

    /// What happens to a publish when the queue is full (x-overflow).
    enum Overflow {
        case dropHead
        case rejectPublish
        case rejectPublishDeadLetter
    }

    /// `nil` without x-max-length.
    private(set) var readyCountMax: Int?
    /// `nil` without x-max-length-bytes.
    private(set) var readyBytesMax: Int?
    /// How often a message may come back; `nil` without x-delivery-limit.
    private(set) var deliveryLimit: Int?
    /// Where messages that die go; `nil` without x-dead-letter-exchange.
    private(set) var deadLetterExchange: ShortString?
    /// The routing key they get; `nil` leaves them their own.
    private(set) var deadLetterRoutingKey: ShortString?
    /// x-dead-letter-strategy asks for at-least-once.
    private(set) var wantsEveryDeadLetter = false
    /// How long a message may wait; `nil` without x-message-ttl.
    private(set) var timeToLive: Duration?
    /// How long the queue may be unused before it is deleted; `nil` without x-expires.
    private(set) var unusedTimeMax: Duration?
    /// The highest priority that counts; 0 without x-max-priority, when none does.
    private(set) var priorityMax: UInt8 = 0
    /// How old messages of a stream may become; `nil` without x-max-age.
    private(set) var ageMax: Duration?
    /// Octets of a stream's file; `nil` without x-stream-max-segment-size-bytes.
    private(set) var segmentSize: Int?
    /// How long a delivery may stay unacknowledged, zero for ever; `nil` leaves it to the broker.
    private(set) var consumerTimeout: Duration?
    private(set) var overflow = Overflow.dropHead
    private(set) var hasSingleActiveConsumer = false
    /// The header whose value says which messages belong together; `nil` without x-group-header.
    private(set) var groupHeader: ShortString?
    /// Whether a message keeps others with its value out (x-message-deduplication).
    private(set) var isDeduplicating = false

    /// Reads and validates the arguments of a queue.declare.
    ///
    /// The durable flag of an exclusive queue is ignored, as RabbitMQ does. Unknown arguments are
    /// kept for inspection and otherwise ignored.
    ///
    /// - Parameters:
    ///   - declare: The method as the client sent it.
    ///   - policies: What else applies to the queue; valid by itself.
    /// - Throws: 406 (precondition-failed) for an argument of a wrong type or value.
    init(
        _ declare: QueueDeclare,
        under policies: AppliedPolicies = .none
    ) throws(ProtocolError) {
        isDurable = declare.durable && !declare.exclusive
        isExclusive = declare.exclusive
        isAutoDelete = declare.autoDelete
        arguments = declare.arguments
        type = try QueueType(declare)
        var names: Set<ShortString> = []
        for entry in policies.arguments(over: arguments, of: type).entries {
            // Of an argument that is there twice the first counts, as it does when compared.
            guard names.insert(entry.name).inserted else { continue }
            let declared = arguments[entry.name]
            do throws(ProtocolError) {
                try read(entry, of: declare)
            } catch {
                // What a policy says and this queue cannot take counts for nothing.
                guard declared != entry.value else { throw error }
                if let declared { try read(.init(name: entry.name, value: declared), of: declare) }
            }
        }
        guard groupHeader == nil || priorityMax == 0 else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg 'x-group-header' for queue '\(declare.queue.string)': "
                    + "cannot be combined with x-max-priority"
            )
        }
    }

    private mutating func read(
        _ entry: FieldTable.Entry,
        of declare: QueueDeclare
    ) throws(ProtocolError) {
        let context = Context(
            argument: entry.name,
            queue: declare.queue,
            isFromPolicy: declare.arguments[entry.name] != entry.value
        )
        switch entry.name {
        case "x-max-length":
            readyCountMax = try context.nonNegative(entry.value)
        case "x-max-length-bytes":
            readyBytesMax = try context.nonNegative(entry.value)
        case "x-message-ttl":
            timeToLive = try context.milliseconds(entry.value)
        case "x-expires":
            let time = try context.milliseconds(entry.value)
            guard time > .zero else { throw context.invalid("cannot be zero") }
            unusedTimeMax = time
        case "x-max-priority":
            let priority = try context.nonNegative(entry.value)
            guard priority <= 255 else { throw context.invalid("must be at most 255") }
            priorityMax = UInt8(priority)
        case "x-overflow":
            overflow = try context.overflow(entry.value)
            // Quorum queues take it and have no such thing (RabbitMQ: rabbit_quorum_queue).
            if type == .quorum, overflow == .rejectPublishDeadLetter { overflow = .dropHead }
        case "x-single-active-consumer":
            guard let value = entry.value.boolean else { throw context.wrongType(entry.value) }
            hasSingleActiveConsumer = value
        case AcknowledgementTimeout.argument:
            consumerTimeout = AcknowledgementTimeout.duration(try context.nonNegative(entry.value))
        case "x-queue-master-locator":
            guard entry.value.text != nil else { throw context.wrongType(entry.value) }
        case "x-dead-letter-exchange":
            guard case .longString(let name) = entry.value else {
                throw context.wrongType(entry.value)
            }
            deadLetterExchange = ShortString(ofExchange: name)
        case "x-dead-letter-routing-key":
            deadLetterRoutingKey = try context.name(entry.value)
            guard context.isFromPolicy || declare.arguments["x-dead-letter-exchange"] != nil
            else {
                throw context.invalid("needs x-dead-letter-exchange")
            }
        case "x-queue-mode":
            guard let mode = entry.value.text, ["default", "lazy"].contains(mode) else {
                throw context.invalid("must be default or lazy")
            }
        case "x-queue-version":
            guard [1, 2].contains(try context.integer(entry.value)) else {
                throw context.invalid("unsupported queue version")
            }
        case "x-queue-leader-locator":
            let locators = ["client-local", "balanced", "random", "least-leaders"]
            guard let text = entry.value.text, locators.contains(text) else {
                throw context.invalid("invalid_queue_locator_arg")
            }
        default:
            if type == .quorum { try readOfQuorum(entry, context) }
            if type == .stream { try readOfStream(entry, context) }
            try readKey(entry, context)
        }
    }

    /// Arguments that ask for more of a message than its place in line.
    private mutating func readKey(
        _ entry: FieldTable.Entry,
        _ context: Context
    ) throws(ProtocolError) {
        switch entry.name {
        case "x-group-header":
            let name = try context.name(entry.value)
            guard !name.isEmpty else { throw context.invalid("cannot be empty") }
            groupHeader = name
        case "x-message-deduplication":
            guard let value = entry.value.boolean else { throw context.wrongType(entry.value) }
            isDeduplicating = value
        default: break
        }
    }

    /// Arguments that only quorum queues have.
    private mutating func readOfQuorum(
        _ entry: FieldTable.Entry,
        _ context: Context
    ) throws(ProtocolError) {
        switch entry.name {
        case "x-delivery-limit":
            // A negative one is none (RabbitMQ from 4.0 on).
            let limit = try context.integer(entry.value)
            deliveryLimit = limit < 0 ? nil : limit
        case "x-max-in-memory-length", "x-max-in-memory-bytes":
            _ = try context.nonNegative(entry.value)
        case "x-quorum-initial-group-size":
            guard try context.nonNegative(entry.value) > 0 else {
                throw context.invalid("cannot be zero")
            }
        case "x-dead-letter-strategy":
            guard let text = entry.value.text, ["at-most-once", "at-least-once"].contains(text)
            else { throw context.invalid("must be at-most-once or at-least-once") }
            wantsEveryDeadLetter = text == "at-least-once"
        default: break
        }
    }

    /// Arguments that only streams have.
    private mutating func readOfStream(
        _ entry: FieldTable.Entry,
        _ context: Context
    ) throws(ProtocolError) {
        switch entry.name {
        case "x-max-age":
            guard let text = entry.value.text else { throw context.wrongType(entry.value) }
            guard let age = StreamAge.parse(text) else { throw context.invalid("invalid_max_age") }
            ageMax = age
        case "x-stream-max-segment-size-bytes":
            let size = try context.nonNegative(entry.value)
            guard size <= QueueSettings.segmentSizeMax else {
                throw context.invalid("must be at most \(QueueSettings.segmentSizeMax)")
            }
            segmentSize = size
        case "x-stream-filter-size-bytes":
            guard (16...255).contains(try context.nonNegative(entry.value)) else {
                throw context.invalid("must be 16 to 255")
            }
        case "x-initial-cluster-size":
            guard try context.nonNegative(entry.value) > 0 else {
                throw context.invalid("cannot be zero")
            }
        default: break
        }
    }

    /// Octets of a stream's file at most (RabbitMQ: rabbit_stream_queue).
    static let segmentSizeMax = 3_000_000_000

    /// The arguments RabbitMQ compares when a queue is declared again.
    private static let comparedArguments: [ShortString] = [
        "x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-max-priority",
        "x-overflow", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-queue-mode",
        "x-single-active-consumer", "x-queue-type", "x-max-age",
        "x-stream-max-segment-size-bytes", "x-group-header",
        "x-message-deduplication", "x-queue-version", "x-delivery-limit",
        "x-dead-letter-strategy", "x-queue-leader-locator", "x-queue-master-locator",
        "x-quorum-initial-group-size", "x-max-in-memory-length", "x-max-in-memory-bytes",
        "x-initial-cluster-size",
    ]

    /// Whether declaring again with these settings is the same queue (AMQP 0-9-1 queue.declare).
    ///
    /// - Parameters:
    ///   - other: The settings of the second declaration.
    ///   - queue: Its name, for the text.
    ///   - virtualHost: Where it lives, for the text.
    /// - Throws: 406 naming the first property or argument that differs. Integers are compared
    ///   by value, whatever their width.
    func checkEquivalence(
        to other: QueueSettings,
        queue: String,
        virtualHost: String
    ) throws(ProtocolError) {
        func differs(_ what: String, _ received: String, _ current: String) -> ProtocolError {
            ProtocolError(
                .preconditionFailed,
                "inequivalent arg '\(what)' for queue '\(queue)' in vhost '\(virtualHost)': "
                    + "received \(received) but current is \(current)"
            )
        }
        func quoted(_ flag: Bool) -> String { "'\(flag)'" }
        if isDurable != other.isDurable {
            throw differs("durable", quoted(other.isDurable), quoted(isDurable))
        }
        if isAutoDelete != other.isAutoDelete {
            throw differs("auto_delete", quoted(other.isAutoDelete), quoted(isAutoDelete))
        }
        for name in QueueSettings.comparedArguments {
            let current = arguments[name]
            let received = other.arguments[name]
            if name == "x-queue-type" {
                if (current?.text ?? "classic") == (received?.text ?? "classic") { continue }
            }
            guard !ArgumentComparison.isSame(current, received) else { continue }
            let texts = ArgumentComparison.describe(received, current)
            throw differs(name.string, texts.0, texts.1)
        }
    }

    /// Says what is wrong with one argument, in RabbitMQ's words.
    private struct Context {
        let argument: ShortString
        let queue: ShortString
        /// Whether the value is that of a policy, which are bounded less.
        var isFromPolicy = false

        /// As good as for ever, and never beyond what an instant can say.
        private static let millisecondsMax = 1 << 42

        func integer(_ value: FieldValue) throws(ProtocolError) -> Int {
            guard let number = value.integer else { throw wrongType(value) }
            return Int(number)
        }

        func nonNegative(_ value: FieldValue) throws(ProtocolError) -> Int {
            let number = try integer(value)
            guard number >= 0 else { throw invalid("negative value \(number)") }
            return number
        }

        func milliseconds(_ value: FieldValue) throws(ProtocolError) -> Duration {
            let number = min(try nonNegative(value), Self.millisecondsMax)
            guard isFromPolicy || number <= Expiration.millisecondsMax else {
                throw invalid("value \(number) is too large")
            }
            return .milliseconds(number)
        }

        /// A name of a header, or a routing key.
        func name(_ value: FieldValue) throws(ProtocolError) -> ShortString {
            guard case .longString(let bytes) = value else { throw wrongType(value) }
            guard let name = ShortString(bytes: bytes) else {
                throw invalid("longer than \(ShortString.countMax) octets")
            }
            return name
        }

        func overflow(_ value: FieldValue) throws(ProtocolError) -> Overflow {
            switch value.text {
            case "drop-head": return .dropHead
            case "reject-publish": return .rejectPublish
            case "reject-publish-dlx": return .rejectPublishDeadLetter
            default: throw invalid("must be drop-head, reject-publish or reject-publish-dlx")
            }
        }

        func wrongType(_ value: FieldValue) -> ProtocolError {
            invalid("unacceptable type \(value.type.errorName)")
        }

        func invalid(_ reason: String) -> ProtocolError {
            ProtocolError(
                .preconditionFailed,
                "invalid arg '\(argument.string)' for queue '\(queue.string)': \(reason)"
            )
        }
    }
}
