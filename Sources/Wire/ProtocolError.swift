/// A violation the peer must be told about (AMQP 0-9-1 §4.8.1).
public struct ProtocolError: Error, Hashable, Sendable {
    /// Why, and how far it reaches.
    public var code: ReplyCode
    /// The reply text, such as "NOT_FOUND - no queue 'q' in vhost '/'"; clients match on it.
    public var text: String
    /// The method at fault, echoed as class-id and method-id of the close method; `nil` is 0, 0.
    public var method: MethodID?

    /// Names the code and explains it.
    ///
    /// - Parameters:
    ///   - code: Why, and how far it reaches.
    ///   - explanation: What follows "CODE_NAME - " in the reply text.
    ///   - method: The method at fault, where there is one.
    public init(_ code: ReplyCode, _ explanation: String, method: MethodID? = nil) {
        self.code = code
        self.text = "\(code.name) - \(explanation)"
        self.method = method
    }

    /// Turns what the decoder found into what the peer is told.
    public init(_ error: WireError, method: MethodID? = nil) {
        self.init(error.replyCode, error.description, method: method)
    }

    /// The reply text as it fits a close method, shortened as RabbitMQ does.
    public var replyText: ShortString { ShortString(shortening: text) }
}
