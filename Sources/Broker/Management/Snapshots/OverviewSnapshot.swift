/// The broker as a whole.
struct OverviewSnapshot {
    let server: ServerDescription
    let objects: VirtualHostSnapshot.ObjectTotals
    let readyCount: Int
    let unackedCount: Int
    let totals: MessageTotals
    let storage: [StorageSnapshot]
    /// Resident memory of the process, in octets.
    let memoryBytes: Int
    let uptime: Duration

    /// Adds the virtual hosts up.
    init(
        _ server: ServerDescription,
        virtualHosts: [VirtualHostSnapshot],
        storage: [StorageSnapshot],
        memoryBytes: Int,
        uptime: Duration
    ) {
        self.server = server
        self.storage = storage
        self.memoryBytes = memoryBytes
        self.uptime = uptime
        var objects = VirtualHostSnapshot.ObjectTotals()
        var totals = MessageTotals()
        for virtualHost in virtualHosts {
            objects += virtualHost.objects
            totals += virtualHost.totals
        }
        self.objects = objects
        self.totals = totals
        readyCount = virtualHosts.reduce(0) { $0 + $1.readyCount }
        unackedCount = virtualHosts.reduce(0) { $0 + $1.unackedCount }
    }
}

/// What does not change while the process runs.
struct ServerDescription: Sendable {
    let product: String
    let version: String
    /// `brokerd@` and the host's name.
    let node: String
    let processID: Int
    let processorCount: Int
    let listeners: [Listener]

    /// An address connections are accepted at.
    struct Listener: Sendable {
        let host: String
        let port: UInt16
    }

    /// What a confirm promises by default.
    static let durability = "confirms wait for fdatasync"

    static let exchangeTypes: JSONValue = .array(
        ["direct", "fanout", "headers", "topic"].map { type in
            [
                "name": .string(type), "description": .string("AMQP 0-9-1 \(type) exchange"),
                "enabled": true,
            ]
        }
    )
}

extension OverviewSnapshot {
    /// `GET /api/overview`.
    var json: JSONValue {
        var object = JSONObject([
            ("product_name", .string(server.product)),
            ("product_version", .string(server.version)),
            ("management_version", .string(server.version)),
            ("cluster_name", .string(server.node)), ("node", .string(server.node)),
            ("rates_mode", "basic"), ("disable_stats", false), ("enable_queue_totals", true),
            ("exchange_types", ServerDescription.exchangeTypes),
            ("object_totals", objects.json),
        ])
        object.add(
            "queue_totals",
            [
                "messages": .count(readyCount + unackedCount),
                "messages_ready": .count(readyCount),
                "messages_unacknowledged": .count(unackedCount),
            ]
        )
        object.add("message_stats", totals.virtualHostStats ?? [:])
        object.add("listeners", .array(server.listeners.map { $0.json(node: server.node) }))
        object.add("contexts", [])
        object.add("uptime", .integer(uptime.clampedNanoseconds / 1_000_000))
        object.add("mem_used", .count(memoryBytes))
        let durability = storage.first?.durability ?? ServerDescription.durability
        object.add("durability", .string(durability))
        object.add("storage", .array(storage.map(\.json)))
        return .object(object)
    }

    /// The one element of `GET /api/nodes`.
    var nodeJSON: JSONValue {
        [
            "name": .string(server.node), "type": "disc", "running": true, "partitions": [],
            "os_pid": .string("\(server.processID)"), "processors": .count(server.processorCount),
            "uptime": .integer(uptime.clampedNanoseconds / 1_000_000),
            "mem_used": .count(memoryBytes), "mem_alarm": false,
            "disk_free_alarm": .bool(storage.contains { $0.blockReason != nil }),
            "disk_free": .count(storage.first?.status.freeSpace ?? 0),
            "disk_free_limit": .count(storage.first?.diskFreeLimit ?? 0),
            "rates_mode": "basic", "exchange_types": ServerDescription.exchangeTypes,
            "sockets_used": .count(objects.connections), "enabled_plugins": [],
        ]
    }
}

extension VirtualHostSnapshot.ObjectTotals {
    fileprivate var json: JSONValue {
        [
            "connections": .count(connections), "channels": .count(channels),
            "exchanges": .count(exchanges), "queues": .count(queues),
            "consumers": .count(consumers),
        ]
    }
}

extension ServerDescription.Listener {
    fileprivate func json(node: String) -> JSONValue {
        [
            "node": .string(node), "protocol": "amqp", "ip_address": .string(host),
            "port": .integer(Int64(port)),
        ]
    }
}

extension MessageTotals {
    static func += (left: inout Self, right: Self) {
        for path in [
            \Self.publish, \.confirm, \.returnUnroutable, \.dropUnroutable, \.deliver,
            \.deliverNoAck, \.get, \.getNoAck, \.getEmpty, \.ack, \.redeliver,
        ] {
            left[keyPath: path].count &+= right[keyPath: path].count
            left[keyPath: path].rate += right[keyPath: path].rate
        }
    }
}
