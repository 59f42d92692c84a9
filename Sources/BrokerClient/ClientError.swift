import Wire

/// What can go wrong between an application and a broker.
public enum ClientError: Error, Hashable, Sendable {
    /// No connection could be made; the text names the address and the system's reason.
    case unreachable(String)
    /// The broker refused the user name or password; its own words, or what was observed.
    case accessRefused(String)
    /// The broker closed the connection and said why.
    case connectionClosed(CloseReason)
    /// The broker closed the channel and said why; the connection goes on.
    case channelClosed(CloseReason)
    /// The connection ended without a word, or the peer fell silent.
    case connectionLost(String)
    /// The peer sent something that AMQP 0-9-1 does not allow at this point.
    case protocolViolation(String)
    /// The time limit passed; the text names what was awaited.
    case timedOut(String)
    /// The broker ended the consumer, for instance because its queue was deleted.
    case consumerCancelled(ShortString)
    /// All channels the broker allows on a connection, whose number is given, are in use.
    case channelsExhausted(Int)
    /// The connection or channel was closed by this side before.
    case closed
    /// The waiting task was cancelled.
    case cancelled
}

/// The broker's reason for closing a channel or connection (AMQP 0-9-1 §1.4.2.10, §1.5.2.7).
public struct CloseReason: Hashable, Sendable {
    /// The number on the wire; `replyCode` names it when it is a known one.
    public var code: UInt16
    /// Such as "NOT_FOUND - no queue 'q' in vhost '/'".
    public var text: String
    /// The method that caused it, if one did.
    public var method: MethodID?

    /// Puts a reason together.
    public init(code: UInt16, text: String, method: MethodID? = nil) {
        self.code = code
        self.text = text
        self.method = method
    }

    /// The code as the specification names it.
    public var replyCode: ReplyCode? { ReplyCode(rawValue: code) }

    init(code: UInt16, text: ShortString, classID: UInt16, methodID: UInt16) {
        let method = MethodID(classID: classID, methodID: methodID)
        self.init(code: code, text: text.string, method: method.packed == 0 ? nil : method)
    }
}

extension ClientError: CustomStringConvertible {
    /// One sentence without its full stop.
    public var description: String {
        switch self {
        case .unreachable(let text), .connectionLost(let text), .protocolViolation(let text): text
        case .accessRefused(let text): "the broker refused the login: \(text)"
        case .connectionClosed(let reason):
            "the broker closed the connection: \(reason.code) \(reason.text)"
        case .channelClosed(let reason):
            "the broker closed the channel: \(reason.code) \(reason.text)"
        case .timedOut(let what): "no answer in time: \(what)"
        case .consumerCancelled(let tag): "the broker cancelled the consumer '\(tag)'"
        case .channelsExhausted(let count): "all \(count) channels of the connection are in use"
        case .closed: "the connection or channel is already closed"
        case .cancelled: "the operation was cancelled"
        }
    }
}
