import BrokerClient
import FoundationEssentials
import Wire

/// Asks the broker about itself with messages on the same connection (DESIGN §8).
///
/// A request is a message to the exchange `brokerd.management` whose routing key is method and
/// path of RabbitMQ's HTTP API, such as `GET /api/queues/%2F`. The reply comes through direct
/// reply-to: JSON, with the HTTP status in the header `status`.
struct ManagementClient {
    static let exchange: ShortString = "brokerd.management"
    private static let replyQueue: ShortString = "amq.rabbitmq.reply-to"
    /// Bound on waiting for one reply.
    private static let timeout = Duration.seconds(30)

    private let channel: Channel
    private let replies: Deliveries

    /// Prepares a channel for requests.
    init(channel: Channel) async throws(CommandFailure) {
        self.channel = channel
        var options = Channel.ConsumeOptions()
        options.isNoAck = true
        replies = try await attempting("receive replies from the broker") {
            () async throws(ClientError) in
            try await channel.consume(Self.replyQueue, options: options)
        }
    }

    /// What is to be done with what a path names.
    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// Gets what is at `path`, or changes it.
    ///
    /// - Parameters:
    ///   - method: What is to be done.
    ///   - path: Below `/api/`, its parts percent-encoded.
    ///   - body: What to put there, as JSON.
    ///   - what: What is there, for a person, as in "queue 'q'"; `nil` when it is always there.
    /// - Returns: The JSON as the broker wrote it; empty after a change.
    /// - Throws: `CommandFailure` with exit code 65 for status 404, 77 for 401.
    func request(
        _ method: Method,
        _ path: String,
        body: String = "",
        naming what: String? = nil
    ) async throws(CommandFailure) -> [UInt8] {
        let target = "\(method.rawValue) /api/\(path)"
        var properties = BasicProperties()
        // A path longer than a routing key may be goes into a header.
        if ShortString(target) == nil { properties.headers = ["target": .string(target)] }
        let key = ShortString(target) ?? ShortString(shortening: method.rawValue)
        properties.replyTo = Self.replyQueue
        properties.correlationID = "1"
        let request = Message(Array(body.utf8), properties: properties)
        let reply = try await exchange(request, key: key)
        guard let status = reply.properties.headers?["status"]?.integer else {
            throw CommandFailure(.failure, "the broker's reply to '\(key)' has no status")
        }
        if status == 404, let what {
            throw CommandFailure(.notFound, "the broker has no \(what)")
        }
        guard (200..<300).contains(status) else {
            throw Self.failure(status, reply.body, key)
        }
        return reply.body
    }

    /// Gets and decodes what is at `path`; see `request`.
    func get<Value: Decodable>(
        _ path: String,
        as type: Value.Type
    ) async throws(CommandFailure) -> Value {
        try Self.decode(try await request(.get, path), as: type)
    }

    /// Decodes a reply.
    static func decode<Value: Decodable>(
        _ bytes: [UInt8],
        as type: Value.Type
    ) throws(CommandFailure) -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: Data(bytes))
        } catch {
            throw CommandFailure(.failure, "the broker's reply cannot be understood: \(error)")
        }
    }

    private func exchange(
        _ request: Message,
        key: ShortString
    ) async throws(CommandFailure) -> Message {
        let channel = channel
        let replies = replies
        let worker = Task { () -> Result<Message?, ClientError> in
            do throws(ClientError) {
                try await channel.publish(request, to: Self.exchange, routingKey: key)
                var iterator = replies.makeAsyncIterator()
                return .success(try await iterator.next()?.message)
            } catch {
                return .failure(error)
            }
        }
        let alarm = Task {
            do {
                try await Task.sleep(for: Self.timeout)
                worker.cancel()
            } catch {
                // Cancelled: the reply came.
                return
            }
        }
        let result = await worker.value
        alarm.cancel()
        switch result {
        case .success(let message?): return message
        case .success(nil):
            throw CommandFailure(.unreachable, "the broker did not answer '\(key)' in time")
        case .failure(.channelClosed(let reason)) where reason.replyCode == .notFound:
            throw CommandFailure(
                .failure,
                "the broker does not answer management requests; it is not brokerd"
            )
        case .failure(let error):
            throw CommandFailure(error, doing: "ask the broker")
        }
    }

    /// What RabbitMQ's API says in a body of status 400 and above.
    private struct Problem: Decodable {
        let error: String?
        let reason: String?
    }

    private static func failure(
        _ status: Int64,
        _ body: [UInt8],
        _ key: ShortString
    ) -> CommandFailure {
        var text = "status \(status)"
        if let problem = parsed(body) {
            text = [problem.reason, problem.error].compactMap(\.self).first ?? text
            // RabbitMQ writes some reasons over several lines.
            text = text.split(separator: "\n").joined(separator: ": ")
        }
        switch status {
        case 401, 403: return CommandFailure(.denied, "the broker refused '\(key)': \(text)")
        case 404: return CommandFailure(.notFound, "the broker has no '\(key)': \(text)")
        default: return CommandFailure(.failure, "the broker refused '\(key)': \(text)")
        }
    }

    private static func parsed(_ body: [UInt8]) -> Problem? {
        do throws(CommandFailure) {
            return try decode(body, as: Problem.self)
        } catch {
            // The status alone has to do.
            return nil
        }
    }

    /// The name of an exchange as a part of a path, in which the default one has a name.
    static func encodedExchange(_ name: ShortString) -> String {
        name.isEmpty ? "amq.default" : encoded(name)
    }

    /// One part of a path, with everything but letters, digits and `-._~` percent-encoded.
    static func encoded(_ name: ShortString) -> String {
        var text = ""
        for byte in name.bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (byte < 16 ? "0" : "") + digits
            }
        }
        return text
    }
}
