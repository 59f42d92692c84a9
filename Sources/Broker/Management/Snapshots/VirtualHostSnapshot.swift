/// A virtual host as inspection shows it: what its queues hold, and what has passed through it.
struct VirtualHostSnapshot: Equatable {
    let name: [UInt8]
    let node: String
    var objects = ObjectTotals()
    var readyCount = 0
    var unackedCount = 0
    var totals = MessageTotals()

    /// How many of everything there are.
    struct ObjectTotals: Equatable {
        var connections = 0
        var channels = 0
        var exchanges = 0
        var queues = 0
        var consumers = 0

        static func += (left: inout Self, right: Self) {
            left.connections += right.connections
            left.channels += right.channels
            left.exchanges += right.exchanges
            left.queues += right.queues
            left.consumers += right.consumers
        }
    }
}

extension VirtualHostSnapshot: ListedSnapshot {
    var listName: [UInt8] { name }
    var listOrder: [[UInt8]] { [name] }

    var json: JSONValue {
        var object = JSONObject([
            ("name", .text(name)), ("description", ""), ("tags", []), ("tracing", false),
            ("default_queue_type", "classic"),
            ("metadata", ["description": "", "tags": []]),
            ("cluster_state", .object(JSONObject([(node, "running")]))),
            ("messages", .count(readyCount + unackedCount)),
            ("messages_ready", .count(readyCount)),
            ("messages_unacknowledged", .count(unackedCount)),
        ])
        if let stats = totals.virtualHostStats { object.add("message_stats", stats) }
        return .object(object)
    }
}
