/// A channel as inspection shows it, copied out of the core.
struct ChannelSnapshot {
    let peer: ConnectionPeer
    let node: String
    let number: UInt16
    let user: String
    let virtualHost: [UInt8]
    /// Whether the server has closed it and waits for the client to agree.
    let isClosing: Bool
    let consumerCount: Int
    /// For each consumer started from now on; 0 without a limit.
    let prefetchCount: Int
    /// For all consumers together; 0 without a limit.
    let globalPrefetchCount: Int
    let unackedCount: Int
    let unconfirmedCount: Int
    let uncommittedPublishCount: Int
    let uncommittedAckCount: Int
    let isConfirming: Bool
    let isTransactional: Bool
    let totals: MessageTotals
    /// Shown for a single channel only.
    var consumers: [ConsumerSnapshot]?

    /// As RabbitMQ names channels: the connection's name and the number.
    var name: String { "\(peer.connectionName) (\(number))" }
}

extension ChannelSnapshot: ListedSnapshot {
    var listName: [UInt8] { Array(name.utf8) }

    var listOrder: [[UInt8]] {
        // Two octets, high one first: channel 10 comes behind channel 9.
        [
            virtualHost, Array(peer.connectionName.utf8),
            [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)],
        ]
    }

    var json: JSONValue {
        var object = JSONObject([
            ("name", .string(name)), ("number", .integer(Int64(number))),
            ("connection_details", peer.details), ("user", .string(user)),
            ("user_who_performed_action", .string(user)), ("vhost", .text(virtualHost)),
            ("node", .string(node)), ("state", isClosing ? "closing" : "running"),
            ("consumer_count", .count(consumerCount)), ("prefetch_count", .count(prefetchCount)),
            ("global_prefetch_count", .count(globalPrefetchCount)),
            ("messages_unacknowledged", .count(unackedCount)),
            ("messages_unconfirmed", .count(unconfirmedCount)),
            ("messages_uncommitted", .count(uncommittedPublishCount)),
            ("acks_uncommitted", .count(uncommittedAckCount)), ("confirm", .bool(isConfirming)),
            ("transactional", .bool(isTransactional)),
        ])
        if let stats = totals.channelStats { object.add("message_stats", stats) }
        if let consumers {
            object.add("consumer_details", .array(consumers.map(\.json)))
            object.add("publishes", [])
            object.add("deliveries", [])
        }
        return .object(object)
    }
}
