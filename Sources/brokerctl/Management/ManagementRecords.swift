// What RabbitMQ's HTTP API tells about things: every field may be missing, and unknown ones are
// passed over.

/// A record that is listed in a table.
protocol ListedRecord: Decodable, Sendable {
    /// The members the table needs, to ask for no more.
    static var columns: [String] { get }
}

/// Events per second.
struct RateRecord: Decodable, Sendable {
    var rate: Double?
}

/// Counters of messages with their rates.
struct MessageStatsRecord: Decodable, Sendable {
    var publish: Int?
    var publishDetails: RateRecord?
    var publishIn: Int?
    var publishInDetails: RateRecord?
    var publishOut: Int?
    var publishOutDetails: RateRecord?
    var deliverGet: Int?
    var deliverGetDetails: RateRecord?
    var ack: Int?
    var ackDetails: RateRecord?
}

struct QueueRecord: ListedRecord {
    static let columns = [
        "name", "type", "durable", "exclusive", "auto_delete", "arguments", "messages_ready",
        "messages_unacknowledged", "consumers", "memory", "message_stats.publish_details",
        "message_stats.deliver_get_details", "message_stats.ack_details",
    ]

    var name: String?
    var vhost: String?
    var durable: Bool?
    var autoDelete: Bool?
    var exclusive: Bool?
    var arguments: [String: JSONRecord]?
    var messages: Int?
    var messagesReady: Int?
    var messagesUnacknowledged: Int?
    var messagesDlx: Int?
    var consumers: Int?
    var memory: Int?
    var state: String?
    var type: String?
    var policy: String?
    var operatorPolicy: String?
    var effectivePolicyDefinition: [String: JSONRecord]?
    var messageStats: MessageStatsRecord?
    var firstOffset: Int?
    var nextOffset: Int?
    var segments: Int?
    var logBytes: Int?
}

struct ExchangeRecord: ListedRecord {
    static let columns = [
        "name", "type", "durable", "auto_delete", "internal", "arguments",
        "message_stats.publish_in_details", "message_stats.publish_out_details",
        "messages_delayed",
    ]

    var name: String?
    var vhost: String?
    var type: String?
    var durable: Bool?
    var autoDelete: Bool?
    var `internal`: Bool?
    var arguments: [String: JSONRecord]?
    var messagesDelayed: Int?
    var policy: String?
    var messageStats: MessageStatsRecord?
}

struct PolicyRecord: ListedRecord {
    static let columns = ["name", "pattern", "apply-to", "priority", "definition"]

    var name: String?
    var vhost: String?
    var pattern: String?
    var applyTo: String?
    var priority: Double?
    var definition: [String: JSONRecord]?

    private enum CodingKeys: String, CodingKey {
        case name, vhost, pattern, priority, definition
        case applyTo = "apply-to"
    }
}

struct BindingRecord: Decodable, Sendable {
    var source: String?
    var vhost: String?
    var destination: String?
    var destinationType: String?
    var routingKey: String?
    var propertiesKey: String?
    var arguments: [String: JSONRecord]?

    /// The record under the names it came with.
    var json: JSON {
        .object([
            ("source", .string(source ?? "")),
            ("vhost", .string(vhost ?? "")),
            ("destination", .string(destination ?? "")),
            ("destination_type", .string(destinationType ?? "")),
            ("routing_key", .string(routingKey ?? "")),
            ("arguments", JSONRecord.object(arguments ?? [:]).json),
            ("properties_key", .string(propertiesKey ?? "")),
        ])
    }
}

struct ConnectionRecord: ListedRecord {
    static let columns = [
        "name", "peer_host", "peer_port", "user", "vhost", "state", "channels", "recv_oct",
        "send_oct", "client_properties.connection_name", "client_properties.product",
        "client_properties.version",
    ]

    var name: String?
    var user: String?
    var vhost: String?
    var peerHost: String?
    var peerPort: Int?
    var channels: Int?
    var recvOct: Int?
    var sendOct: Int?
    var state: String?
    var clientProperties: [String: JSONRecord]?
    var connectedAt: Int?
    var timeout: Int?
}

struct ChannelRecord: ListedRecord {
    static let columns = [
        "connection_details", "number", "user", "consumer_count", "prefetch_count",
        "global_prefetch_count", "messages_unacknowledged", "messages_unconfirmed", "confirm",
        "transactional",
    ]

    struct Owner: Decodable, Sendable {
        var name: String?
        var peerHost: String?
        var peerPort: Int?
    }

    var number: Int?
    var user: String?
    var vhost: String?
    var connectionDetails: Owner?
    var prefetchCount: Int?
    var globalPrefetchCount: Int?
    var messagesUnacknowledged: Int?
    var messagesUnconfirmed: Int?
    var consumerCount: Int?
    var confirm: Bool?
    var transactional: Bool?
}

struct ConsumerRecord: ListedRecord {
    static let columns = [
        "queue.name", "consumer_tag", "channel_details.name", "prefetch_count", "ack_required",
        "exclusive", "active", "arguments",
    ]

    struct Source: Decodable, Sendable {
        var name: String?
        var vhost: String?
    }

    struct Owner: Decodable, Sendable {
        var name: String?
        var number: Int?
        var connectionName: String?
    }

    var queue: Source?
    var consumerTag: String?
    var channelDetails: Owner?
    var ackRequired: Bool?
    var exclusive: Bool?
    var prefetchCount: Int?
    var active: Bool?
    var arguments: [String: JSONRecord]?
}

struct OverviewRecord: Decodable, Sendable {
    struct Totals: Decodable, Sendable {
        var messages: Int?
        var messagesReady: Int?
        var messagesUnacknowledged: Int?
    }

    struct Objects: Decodable, Sendable {
        var connections: Int?
        var channels: Int?
        var exchanges: Int?
        var queues: Int?
        var consumers: Int?
    }

    var productName: String?
    var productVersion: String?
    var rabbitmqVersion: String?
    var clusterName: String?
    var node: String?
    var uptime: Int?
    var memory: Int?
    var queueTotals: Totals?
    var objectTotals: Objects?
    var messageStats: MessageStatsRecord?
    var storage: [StorageRecord]?
}

/// Any JSON value, for arguments and properties whose names are not fixed.
enum JSONRecord: Decodable, Sendable, CustomStringConvertible {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONRecord])
    case object([String: JSONRecord])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = Self.attempt({ try value.decode(Bool.self) }) {
            self = .bool(bool)
        } else if let number = Self.attempt({ try value.decode(Double.self) }) {
            self = .number(number)
        } else if let string = Self.attempt({ try value.decode(String.self) }) {
            self = .string(string)
        } else if let array = Self.attempt({ try value.decode([JSONRecord].self) }) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSONRecord].self))
        }
    }

    /// A decoder tells what a value is by failing at what it is not.
    private static func attempt<Result>(_ body: () throws -> Result) -> Result? {
        do { return try body() } catch { return nil }
    }

    /// The value for writing.
    var json: JSON {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .number(let value): .number(value)
        case .string(let value): .string(value)
        case .array(let values): .array(values.map(\.json))
        case .object(let members):
            .object(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })
        }
    }

    /// As people read it: text without quotes, everything else as JSON.
    var description: String {
        if case .string(let value) = self { value } else { json.text }
    }

    /// A table of arguments on one line, in the order of the names.
    static func line(_ arguments: [String: JSONRecord]?) -> String {
        (arguments ?? [:]).sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }
            .joined(separator: " ")
    }
}
