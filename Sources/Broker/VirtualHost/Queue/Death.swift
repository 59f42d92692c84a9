import Wire

/// Why a message left its queue for the dead-letter exchange.
enum DeathReason: UInt8, BitwiseCopyable {
    case expired
    case rejected
    case maxLength
    /// It came back to a quorum queue more often than it may.
    case deliveryLimit

    /// As x-death says it.
    var text: String {
        switch self {
        case .expired: "expired"
        case .rejected: "rejected"
        case .maxLength: "maxlen"
        case .deliveryLimit: "delivery_limit"
        }
    }
}

/// A message that has died in a queue and is yet to go to the dead-letter exchange.
struct Death: BitwiseCopyable {
    let queue: Queue
    var entry: QueueEntry
    let reason: DeathReason
    /// Whether the queue had taken it in; one it had no room for was never journaled there.
    let wasStored: Bool
    /// How many queues have its dead letter as the journal says; -1 when that does not know of
    /// the death.
    var journaledCount = -1
}

/// The deaths of a message, as its header x-death tells them: the latest first.
///
/// Format and order are RabbitMQ's (rabbit_dead_letter; x-last-death-* as from 3.13 on).
enum DeathHistory {
    static let header: ShortString = "x-death"

    /// What is told of a death.
    struct Event {
        let reason: DeathReason
        let queue: [UInt8]
        let time: WallTime
        /// Where the message had been published.
        let exchange: [UInt8]
        let routingKeys: [[UInt8]]
        /// The expiration it had, which it loses.
        let expiration: ShortString?

        /// A table of its own in x-death.
        fileprivate var table: FieldTable {
            var table: FieldTable = [
                "count": .int64(1),
                "reason": .longString(Array(reason.text.utf8)),
                "queue": .longString(queue),
                "time": .timestamp(UInt64(max(0, time.seconds))),
                "exchange": .longString(exchange),
                "routing-keys": .array(routingKeys.map { .longString($0) }),
            ]
            if let expiration { table["original-expiration"] = .longString(expiration.bytes) }
            return table
        }

        fileprivate func isLike(_ other: FieldTable) -> Bool {
            other["queue"] == .longString(queue)
                && other["reason"] == .longString(Array(reason.text.utf8))
        }
    }

    /// Tells of one more death.
    ///
    /// The same death again raises a count and moves to the front; what it was the first time
    /// stays. Anything but an array under x-death was not written by a broker and is replaced.
    static func add(_ event: Event, to headers: inout FieldTable) {
        let reason = FieldValue.longString(Array(event.reason.text.utf8))
        if case .array(let old)? = headers[header] {
            var others: [FieldValue] = []
            var again: FieldTable?
            var likeCount: Int64 = 0
            for value in old {
                guard case .table(let table) = value, event.isLike(table) else {
                    others.append(value)
                    continue
                }
                again = again ?? table
                likeCount += 1
            }
            var table = again ?? event.table
            if let again {
                // Brokers before 3.5 wrote every death anew, without a count.
                let count = again["count"]?.integer ?? likeCount
                table["count"] = .int64(count < Int64.max ? count + 1 : count)
            }
            headers[header] = .array([.table(table)] + others)
        } else {
            headers[header] = .array([.table(event.table)])
            headers["x-first-death-reason"] = reason
            headers["x-first-death-queue"] = .longString(event.queue)
            headers["x-first-death-exchange"] = .longString(event.exchange)
        }
        headers["x-last-death-reason"] = reason
        headers["x-last-death-queue"] = .longString(event.queue)
        headers["x-last-death-exchange"] = .longString(event.exchange)
    }

    /// Whether a message would come back to a queue it has died in without a client's doing.
    ///
    /// A reject on the way is a client's doing; so is anything a broker would not have written.
    static func isCycle(_ queue: [UInt8], _ headers: FieldTable) -> Bool {
        guard case .array(let deaths)? = headers[header] else { return false }
        for death in deaths {
            guard case .table(let table) = death,
                table["reason"] != .longString(Array(DeathReason.rejected.text.utf8))
            else { return false }
            if table["queue"] == .longString(queue) { return true }
        }
        return false
    }
}
