import Wire

/// The types of queues (x-queue-type).
enum QueueType: String {
    case classic
    /// On one node: durable, every message in it is, and deliveries are counted.
    case quorum
    /// A log that consumers read without taking anything away; durable, as all in it is.
    case stream

    /// Arguments RabbitMQ has for other types only, and refuses for this one.
    private var refusedArguments: Set<ShortString> {
        switch self {
        case .classic:
            [
                "x-dead-letter-strategy", "x-delivery-limit", "x-initial-cluster-size",
                "x-max-age", "x-max-in-memory-bytes", "x-max-in-memory-length",
                "x-quorum-initial-group-size", "x-stream-max-segment-size-bytes",
            ]
        case .quorum:
            [
                "x-initial-cluster-size", "x-max-age", "x-max-priority", "x-queue-master-locator",
                "x-queue-mode", "x-queue-version", "x-stream-max-segment-size-bytes",
            ]
        case .stream:
            [
                "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy",
                "x-delivery-limit", "x-expires", "x-group-header", "x-max-in-memory-bytes",
                "x-max-in-memory-length", "x-max-length", "x-max-priority",
                "x-message-deduplication", "x-message-ttl", "x-overflow", "x-queue-master-locator",
                "x-queue-mode", "x-queue-version",
                "x-quorum-initial-group-size", "x-single-active-consumer",
            ]
        }
    }

    /// The type a declaration asks for.
    ///
    /// - Throws: 406 for an unknown type, for properties a queue of the type cannot have, and for
    ///   arguments of other types.
    init(_ declare: QueueDeclare) throws(ProtocolError) {
        let name = declare.queue.string
        guard let value = declare.arguments["x-queue-type"] else {
            self = .classic
            try check(declare)
            return
        }
        guard let text = value.text, let type = QueueType(rawValue: text) else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg 'x-queue-type' for queue '\(name)': unsupported type"
            )
        }
        self = type
        try check(declare)
    }

    private func check(_ declare: QueueDeclare) throws(ProtocolError) {
        let name = declare.queue.string
        if self != .classic {
            let wrong: [(Bool, String)] = [
                (!declare.durable, "non-durable"), (declare.exclusive, "exclusive"),
                (declare.autoDelete, "auto-delete"),
            ]
            for (isWrong, property) in wrong where isWrong {
                throw ProtocolError(
                    .preconditionFailed,
                    "invalid property '\(property)' for queue '\(name)'"
                )
            }
        }
        for entry in declare.arguments.entries where refusedArguments.contains(entry.name) {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg '\(entry.name.string)' for queue '\(name)' of queue type \(rawValue)"
            )
        }
    }
}

/// Deliveries that are counted: of messages in quorum queues that came back.
extension Handle where State == QueueState {
    static var deliveryCountHeader: ShortString { "x-delivery-count" }

    /// Calls `body` with the message of an entry as a consumer is to get it.
    ///
    /// In a quorum queue what came back says how often in a header, and what basic.get fetches
    /// does so even when it did not (RabbitMQ); so it is a copy.
    func withMessage(
        of entry: QueueEntry,
        isFetched: Bool = false,
        _ body: (Message) -> Void
    ) {
        guard state.settings.type == .quorum, isFetched || entry.isRedelivered else {
            body(entry.message)
            return
        }
        let virtualHost = state.virtualHost
        let counted: Message
        do throws(WireError) {
            var properties = try BasicProperties(decoding: entry.message.properties)
            var headers = properties.headers ?? [:]
            headers[Queue.deliveryCountHeader] = .int64(Int64(entry.deliveryCount))
            properties.headers = headers
            counted = virtualHost.copy(entry.message, with: properties)
        } catch {
            // Headers that cannot be read cannot be added to.
            body(entry.message)
            return
        }
        counted.retain()
        body(counted)
        virtualHost.release(counted)
    }
}
