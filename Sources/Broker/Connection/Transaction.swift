/// What a transactional channel has done since the last commit (AMQP 0-9-1 class tx).
///
/// Published messages and settled tags wait here; the deliveries themselves stay in the channel's
/// unacked ring, marked, so that a rollback makes them settleable again.
struct Transaction {
    struct Publish {
        let message: Message
        let isMandatory: Bool
    }

    struct Settlement {
        let deliveryTag: UInt64
        let outcome: Outcome
    }

    /// A full queue refused something of the commit that this transaction follows.
    var followsRefusal = false
    private(set) var publishes: [Publish] = []
    private(set) var settlements: [Settlement] = []

    var isEmpty: Bool { publishes.isEmpty && settlements.isEmpty }

    /// Keeps a publish; the message gains a reference.
    mutating func add(_ message: Message, isMandatory: Bool) {
        message.retain()
        publishes.append(Publish(message: message, isMandatory: isMandatory))
    }

    mutating func add(_ settlement: Settlement) { settlements.append(settlement) }
}

/// How a consumer is done with a delivery.
enum Outcome: Equatable {
    case ack
    case requeue
    /// Rejected for good: dropped, or dead-lettered where the queue says so.
    case reject
}
