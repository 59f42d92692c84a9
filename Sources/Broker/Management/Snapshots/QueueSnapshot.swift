import Wire

/// A queue as inspection shows it, copied out of the core.
struct QueueSnapshot {
    let virtualHost: [UInt8]
    let name: [UInt8]
    let node: String
    let type: [UInt8]
    let isDurable: Bool
    let isAutoDelete: Bool
    let isExclusive: Bool
    let arguments: FieldTable
    let policies: AppliedPolicies
    /// The connection an exclusive queue belongs to.
    let owner: ConnectionPeer?
    let consumerCount: Int
    let exclusiveConsumerTag: ShortString?
    let activeConsumerTag: ShortString?
    let readyCount: Int
    let unackedCount: Int
    let readyBytes: Int
    let unackedBytes: Int
    /// Dead messages that wait for every target of the dead letter; `nil` where none ever does.
    let keptCount: Int?
    let keptBytes: Int
    /// Messages that are on disk only, and their bodies.
    let pagedCount: Int
    let pagedBytes: Int
    /// Groups with messages that wait or are out; `nil` without x-group-header.
    let groupCount: Int?
    /// Values of messages that keep others out; `nil` without x-message-deduplication.
    let valueCount: Int?
    /// Octets the queue itself takes, without the messages' bodies.
    let memoryBytes: Int
    /// Since when nothing has been published to it, taken from it or settled.
    let idleSince: WallTime
    /// Whether that has been so for more than a moment.
    let isIdle: Bool
    let totals: MessageTotals
    /// What a stream has besides.
    var stream: StreamSnapshot?
    /// Shown for a single queue only.
    var consumers: [ConsumerSnapshot]?
}

extension QueueSnapshot: ListedSnapshot {
    var listName: [UInt8] { name }
    var listOrder: [[UInt8]] { [virtualHost, name] }

    var json: JSONValue {
        var object = identity
        addMessages(to: &object)
        if let stats = totals.queueStats { object.add("message_stats", stats) }
        if let consumers {
            object.add("consumer_details", .array(consumers.map(\.json)))
            object.add("incoming", [])
            object.add("deliveries", [])
        }
        return .object(object)
    }

    private var identity: JSONObject {
        var object = JSONObject([
            ("name", .text(name)), ("vhost", .text(virtualHost)), ("type", .text(type)),
            ("durable", .bool(isDurable)), ("auto_delete", .bool(isAutoDelete)),
            ("exclusive", .bool(isExclusive)), ("arguments", arguments.json),
            ("node", .string(node)), ("state", "running"),
        ])
        object.add("policy", policies.policy.nameJSON)
        object.add("operator_policy", policies.operatorPolicy.nameJSON)
        object.add("effective_policy_definition", policies.definition.json)
        if let owner {
            object.add("owner_pid_details", owner.details)
        }
        object.add("consumers", .count(consumerCount))
        object.add("exclusive_consumer_tag", exclusiveConsumerTag.json)
        object.add("single_active_consumer_tag", activeConsumerTag.json)
        return object
    }

    private func addMessages(to object: inout JSONObject) {
        // What is out for delivery has not left a stream.
        let count = readyCount + (stream == nil ? unackedCount : 0) + (keptCount ?? 0)
        let bytes = readyBytes + (stream == nil ? unackedBytes : 0) + keptBytes
        object.add("messages", .count(count))
        object.add("messages_ready", .count(readyCount))
        object.add("messages_unacknowledged", .count(unackedCount))
        object.add("messages_ram", .count(count - pagedCount))
        object.add("messages_persistent", 0)
        object.add("messages_paged_out", .count(pagedCount))
        if let keptCount {
            object.add("messages_dlx", .count(keptCount))
            object.add("message_bytes_dlx", .count(keptBytes))
        }
        object.add("message_bytes", .count(bytes))
        object.add("message_bytes_ready", .count(readyBytes))
        object.add("message_bytes_unacknowledged", .count(unackedBytes))
        object.add("message_bytes_ram", .count(bytes - pagedBytes))
        object.add("message_bytes_persistent", 0)
        object.add("message_bytes_paged_out", .count(pagedBytes))
        object.add("memory", .count(memoryBytes))
        if let groupCount { object.add("message_groups", .count(groupCount)) }
        if let valueCount {
            object.add("message_deduplication_cache_info", ["entries": .count(valueCount)])
        }
        if isIdle { object.add("idle_since", .string(idleSince.text)) }
        if let stream { stream.add(to: &object) }
    }
}

/// What inspection shows of a stream only.
struct StreamSnapshot {
    /// Of the oldest message there is.
    let firstOffset: UInt64
    /// Of the message that comes next.
    let nextOffset: UInt64
    /// Files of its log.
    let segmentCount: Int
    /// Octets of its log.
    let logBytes: Int

    fileprivate func add(to object: inout JSONObject) {
        object.add("first_offset", .count(firstOffset))
        object.add("next_offset", .count(nextOffset))
        object.add("segments", .count(segmentCount))
        object.add("log_bytes", .count(logBytes))
    }
}

extension Optional where Wrapped == ShortString {
    /// The text, or null.
    fileprivate var json: JSONValue { map { .text($0.bytes) } ?? .null }
}
