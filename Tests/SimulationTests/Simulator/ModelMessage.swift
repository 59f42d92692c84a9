import Wire

/// A message on its way into queues: as a client published it, or as it goes on when it has died.
final class ModelMessage {
    let id: Int
    let exchange: ShortString
    let key: ShortString
    let isPersistent: Bool
    /// Those its publisher gave it.
    let headers: FieldTable
    let isMandatory: Bool
    let priority: UInt8?
    /// How long it may wait, in milliseconds.
    let expiration: Int?
    /// How long an exchange is to keep it, in milliseconds.
    let delay: Int?
    let deaths: ModelDeaths
    let body: [UInt8]
    /// Where it went, once it was routed.
    var copies: [ModelCopy] = []
    /// Its places in streams.
    var streamed: [ModelStream.Entry] = []
    /// A full queue refused it.
    var isRefused = false
    /// The operation that published it.
    var operation = 0

    /// What is said of a message when it is published.
    struct Options {
        var isPersistent = false
        var isMandatory = false
        var headers: FieldTable = [:]
        var priority: UInt8?
        var expiration: Int?
        var delay: Int?
    }

    init(id: Int, exchange: ShortString, key: ShortString, size: Int, _ options: Options) {
        self.id = id
        self.exchange = exchange
        self.key = key
        isPersistent = options.isPersistent
        isMandatory = options.isMandatory
        var headers = options.headers
        if let delay = options.delay { headers["x-delay"] = .int32(Int32(delay)) }
        self.headers = headers
        priority = options.priority
        expiration = options.expiration
        delay = options.delay
        deaths = ModelDeaths()
        body = ModelMessage.body(id: id, size: size)
    }

    /// What a message becomes that died.
    ///
    /// - Parameters:
    ///   - message: As it was in the queue.
    ///   - queue: Where it died.
    ///   - reason: Of what.
    ///   - seconds: When it is sent on, in seconds since 1970.
    init(
        _ message: ModelMessage,
        from queue: ModelQueue,
        _ reason: ModelDeathReason,
        at seconds: Int64
    ) {
        id = message.id
        exchange = queue.deadLetterExchange ?? ""
        key = queue.deadLetterKey ?? message.key
        isPersistent = message.isPersistent
        isMandatory = false
        headers = message.headers
        priority = message.priority
        expiration = nil
        delay = message.delay
        body = message.body
        var deaths = message.deaths
        deaths.add(
            .init(
                reason: reason,
                queue: queue.name,
                seconds: seconds,
                exchange: message.exchange,
                key: message.key,
                expiration: message.properties().expiration
            )
        )
        self.deaths = deaths
    }

    /// What a message is while an exchange keeps it, and when it goes on.
    init(delaying message: ModelMessage) {
        id = message.id
        exchange = message.exchange
        key = message.key
        isPersistent = message.isPersistent
        isMandatory = false
        var headers = message.headers
        headers["x-delay"] = .int32(Int32(-(message.delay ?? 0)))
        self.headers = headers
        priority = message.priority
        expiration = message.expiration
        delay = message.delay
        deaths = message.deaths
        body = message.body
    }

    /// Octets that say which message it is, and then some that only it has.
    private static func body(id: Int, size: Int) -> [UInt8] {
        (0..<max(size, 8)).map { index in
            index < 8
                ? UInt8(truncatingIfNeeded: id >> (8 * (7 - index)))
                : UInt8(truncatingIfNeeded: id &* 31 &+ index &* 7)
        }
    }

    /// The message a body says it is; `nil` when it says nothing.
    static func id(in body: some Collection<UInt8>) -> Int? {
        guard body.count >= 8 else { return nil }
        return body.prefix(8).reduce(0) { $0 << 8 | Int($1) }
    }

    /// What a consumer gets with it.
    ///
    /// - Parameter deliveryCount: How often it came back to a queue that says so.
    /// - Returns: Its properties, with the headers brokers add.
    func properties(deliveryCount: Int? = nil) -> BasicProperties {
        var entries = headers.entries + deaths.headers
        if let deliveryCount {
            entries.append(.init(name: "x-delivery-count", value: .int64(Int64(deliveryCount))))
        }
        var properties = BasicProperties()
        properties.deliveryMode = isPersistent ? 2 : 1
        properties.priority = priority
        properties.expiration = expiration.map { ShortString(shortening: "\($0)") }
        if !entries.isEmpty { properties.headers = FieldTable(entries) }
        return properties
    }
}

extension BasicProperties {
    /// Whether these say the same, whatever the order of the headers.
    func isLike(_ other: BasicProperties) -> Bool {
        var (left, right) = (self, other)
        func sort(_ table: inout FieldTable?) {
            let entries = table?.entries.sorted {
                $0.name.bytes.lexicographicallyPrecedes($1.name.bytes)
            }
            table = entries.map { FieldTable($0) }
        }
        sort(&left.headers)
        sort(&right.headers)
        return left == right
    }
}
