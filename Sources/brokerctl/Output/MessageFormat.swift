import BrokerClient
import Wire

/// A message received in any way, with where it came from.
struct ReceivedMessage {
    let exchange: ShortString
    let routingKey: ShortString
    let isRedelivered: Bool
    /// Messages left in the queue, known for a fetched one.
    var remaining: UInt32?
    let message: Message
}

/// The forms in which messages are printed.
enum MessageFormat: String {
    case text
    case json
    case jsonl
    case raw

    init(_ invocation: Invocation) {
        self = invocation.value("output").flatMap(MessageFormat.init) ?? .text
    }

    /// What stands before the message at `index`, counted from 0.
    func opening(index: Int) -> String {
        guard self == .json else { return "" }
        return index == 0 ? "[\n" : ",\n"
    }

    /// What stands after the last of `count` messages.
    func closing(count: Int) -> String {
        guard self == .json else { return "" }
        return count == 0 ? "[]\n" : "\n]\n"
    }

    /// One message.
    ///
    /// - Parameters:
    ///   - received: The message.
    ///   - style: What the text form shows besides the body.
    /// - Returns: What to write for it, without opening and closing.
    func bytes(of received: ReceivedMessage, style: TextStyle) -> [UInt8] {
        switch self {
        case .raw: received.message.body
        case .jsonl: Array((Self.json(received).text + "\n").utf8)
        case .json: Array(Self.json(received).text.utf8)
        case .text: Array((Self.text(received, style: style) + "\n").utf8)
        }
    }

    /// How much the text form shows.
    enum TextStyle {
        case body
        /// The routing key before the body.
        case keyAndBody
        /// Everything known, on several lines.
        case everything
    }

    private static func text(_ received: ReceivedMessage, style: TextStyle) -> String {
        let body = PrintableText.escaped(received.message.body)
        switch style {
        case .body: return body
        case .keyAndBody:
            return "\(PrintableText.oneLine(received.routingKey.string))  \(body)"
        case .everything:
            var lines = [
                "exchange: '\(PrintableText.oneLine(received.exchange.string))'  "
                    + "routing key: '\(PrintableText.oneLine(received.routingKey.string))'"
                    + (received.isRedelivered ? "  redelivered" : "")
            ]
            for (name, value) in PropertiesJSON.members(of: received.message.properties) {
                lines.append("\(name): \(value.text)")
            }
            return lines.joined(separator: "\n") + "\n\n\(body)\n"
        }
    }

    /// The fields RabbitMQ's HTTP API gives for a message.
    static func json(_ received: ReceivedMessage) -> JSON {
        let body = received.message.body
        let text = String(validating: body, as: UTF8.self)
        var members: [(String, JSON)] = [
            ("exchange", .string(received.exchange.string)),
            ("routing_key", .string(received.routingKey.string)),
            ("redelivered", .bool(received.isRedelivered)),
        ]
        if let remaining = received.remaining {
            members.append(("message_count", .integer(Int64(remaining))))
        }
        members += [
            ("properties", .object(PropertiesJSON.members(of: received.message.properties))),
            ("payload_bytes", .integer(Int64(body.count))),
            ("payload_encoding", .string(text == nil ? "base64" : "string")),
            ("payload", .string(text ?? Base64.encode(body))),
        ]
        return .object(members)
    }
}

/// Message properties and field tables as JSON.
enum PropertiesJSON {
    /// The properties that are set, under the names RabbitMQ's HTTP API uses.
    static func members(of properties: BasicProperties) -> [(String, JSON)] {
        var members: [(String, JSON)] = []
        func add(_ name: String, _ value: JSON?) {
            if let value { members.append((name, value)) }
        }
        func text(_ value: ShortString?) -> JSON? { value.map { .string($0.string) } }
        add("content_type", text(properties.contentType))
        add("content_encoding", text(properties.contentEncoding))
        add("headers", properties.headers.map(json))
        add("delivery_mode", properties.deliveryMode.map { .integer(Int64($0)) })
        add("priority", properties.priority.map { .integer(Int64($0)) })
        add("correlation_id", text(properties.correlationID))
        add("reply_to", text(properties.replyTo))
        add("expiration", text(properties.expiration))
        add("message_id", text(properties.messageID))
        add("timestamp", properties.timestamp.map { .unsigned($0) })
        add("type", text(properties.type))
        add("user_id", text(properties.userID))
        add("app_id", text(properties.appID))
        add("cluster_id", text(properties.clusterID))
        return members
    }

    static func json(_ table: FieldTable) -> JSON {
        .object(table.entries.map { ($0.name.string, json($0.value)) })
    }

    private static func json(_ value: FieldValue) -> JSON {
        if let integer = value.integer { return .integer(integer) }
        switch value {
        case .bool(let value): return .bool(value)
        case .float(let value): return .number(Double(value))
        case .double(let value): return .number(value)
        case .decimal(let scale, let value):
            return .number(Double(value) / (0..<scale).reduce(1.0) { power, _ in power * 10 })
        case .longString(let bytes), .byteArray(let bytes):
            return .string(String(validating: bytes, as: UTF8.self) ?? Base64.encode(bytes))
        case .timestamp(let seconds): return .unsigned(seconds)
        case .table(let table): return json(table)
        case .array(let values): return .array(values.map(json))
        default: return .null
        }
    }
}
