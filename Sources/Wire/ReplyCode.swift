/// Why a channel or a connection is closed, or a message returned (AMQP 0-9-1 §1.2 constants).
public enum ReplyCode: UInt16, CaseIterable, Sendable {
    case success = 200
    case contentTooLarge = 311
    case noRoute = 312
    case noConsumers = 313
    case connectionForced = 320
    case invalidPath = 402
    case accessRefused = 403
    case notFound = 404
    case resourceLocked = 405
    case preconditionFailed = 406
    case frameError = 501
    case syntaxError = 502
    case commandInvalid = 503
    case channelError = 504
    case unexpectedFrame = 505
    case resourceError = 506
    case notAllowed = 530
    case notImplemented = 540
    case internalError = 541

    /// What an error with this code takes down.
    public enum Scope: Sendable {
        case channel
        case connection
    }

    /// The number on the wire.
    public var value: UInt16 { rawValue }

    /// How far an error with this code reaches: soft errors end the channel, hard ones the
    /// connection.
    ///
    /// `success` is no error; it counts as the connection's because it closes only that.
    public var scope: Scope {
        switch self {
        case .contentTooLarge, .noRoute, .noConsumers, .accessRefused, .notFound, .resourceLocked,
            .preconditionFailed:
            .channel
        case .success, .connectionForced, .invalidPath, .frameError, .syntaxError,
            .commandInvalid, .channelError, .unexpectedFrame, .resourceError, .notAllowed,
            .notImplemented, .internalError:
            .connection
        }
    }

    /// The name that reply texts begin with and clients match on, such as "NOT_FOUND".
    public var name: String {
        switch self {
        case .success: "REPLY_SUCCESS"
        case .contentTooLarge: "CONTENT_TOO_LARGE"
        case .noRoute: "NO_ROUTE"
        case .noConsumers: "NO_CONSUMERS"
        case .connectionForced: "CONNECTION_FORCED"
        case .invalidPath: "INVALID_PATH"
        case .accessRefused: "ACCESS_REFUSED"
        case .notFound: "NOT_FOUND"
        case .resourceLocked: "RESOURCE_LOCKED"
        case .preconditionFailed: "PRECONDITION_FAILED"
        case .frameError: "FRAME_ERROR"
        case .syntaxError: "SYNTAX_ERROR"
        case .commandInvalid: "COMMAND_INVALID"
        case .channelError: "CHANNEL_ERROR"
        case .unexpectedFrame: "UNEXPECTED_FRAME"
        case .resourceError: "RESOURCE_ERROR"
        case .notAllowed: "NOT_ALLOWED"
        case .notImplemented: "NOT_IMPLEMENTED"
        case .internalError: "INTERNAL_ERROR"
        }
    }
}
