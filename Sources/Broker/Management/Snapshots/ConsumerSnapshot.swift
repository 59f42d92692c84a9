import Wire

/// A consumer as inspection shows it, copied out of the core.
struct ConsumerSnapshot {
    /// What a consumer is doing, in RabbitMQ's words.
    enum Activity: String {
        case up
        /// Another consumer is the single active one.
        case waiting
    }

    let virtualHost: [UInt8]
    let queue: [UInt8]
    let tag: [UInt8]
    let peer: ConnectionPeer
    let node: String
    let channelNumber: UInt16
    let user: String
    let isAckRequired: Bool
    let isExclusive: Bool
    /// 0 without a limit.
    let prefetchCount: Int
    let activity: Activity
    let priority: Int64
    let unackedCount: Int
    let arguments: FieldTable
}

extension ConsumerSnapshot: ListedSnapshot {
    var listName: [UInt8] { tag }
    var listOrder: [[UInt8]] { [virtualHost, queue, tag] }

    var json: JSONValue {
        [
            "queue": ["name": .text(queue), "vhost": .text(virtualHost)],
            "consumer_tag": .text(tag),
            "channel_details": [
                "name": .string("\(peer.connectionName) (\(channelNumber))"),
                "connection_name": .string(peer.connectionName),
                "number": .integer(Int64(channelNumber)), "node": .string(node),
                "peer_host": .string(peer.host), "peer_port": .integer(Int64(peer.port)),
                "user": .string(user),
            ],
            "ack_required": .bool(isAckRequired), "exclusive": .bool(isExclusive),
            "prefetch_count": .count(prefetchCount), "active": .bool(activity == .up),
            "activity_status": .string(activity.rawValue), "priority": .integer(priority),
            "messages_unacknowledged": .count(unackedCount), "arguments": arguments.json,
        ]
    }
}
