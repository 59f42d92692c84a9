import Wire

/// What an application publishes: a body and what describes it.
public struct Message: Hashable, Sendable {
    public var body: [UInt8]
    public var properties: BasicProperties

    /// Wraps octets.
    public init(_ body: [UInt8], properties: BasicProperties = BasicProperties()) {
        self.body = body
        self.properties = properties
    }

    /// Wraps the UTF-8 form of `text`.
    public init(_ text: String, properties: BasicProperties = BasicProperties()) {
        self.init(Array(text.utf8), properties: properties)
    }
}

/// A message the broker could not route and gives back (AMQP 0-9-1 §1.8.3.10, basic.return).
public struct ReturnedMessage: Hashable, Sendable {
    /// 312 (no-route) for a mandatory message without a queue.
    public var replyCode: UInt16
    public var replyText: String
    /// Where it was published.
    public var exchange: ShortString
    public var routingKey: ShortString
    public var message: Message
}

/// Names a delivery within its channel, for acknowledging it.
public struct DeliveryTag: Hashable, Comparable, Sendable {
    public var value: UInt64

    /// Wraps the number on the wire.
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Orders by the time of delivery.
    public static func < (left: DeliveryTag, right: DeliveryTag) -> Bool {
        left.value < right.value
    }
}

/// A message that a consumer received (basic.deliver).
public struct Delivery: Hashable, Sendable {
    public var consumerTag: ShortString
    public var tag: DeliveryTag
    /// Whether it may have been delivered before.
    public var isRedelivered: Bool
    /// Where it was published; the empty name is the default exchange.
    public var exchange: ShortString
    public var routingKey: ShortString
    public var message: Message
}

/// A message fetched by `Channel.get` (basic.get-ok).
public struct FetchedMessage: Hashable, Sendable {
    public var tag: DeliveryTag
    /// Whether it may have been delivered before.
    public var isRedelivered: Bool
    /// Where it was published; the empty name is the default exchange.
    public var exchange: ShortString
    public var routingKey: ShortString
    /// Messages that were left ready in the queue.
    public var messageCount: UInt32
    public var message: Message
}
