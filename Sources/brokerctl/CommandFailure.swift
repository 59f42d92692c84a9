import BrokerClient
import Wire

/// Why a command did not succeed: one sentence for a person, one code for a script.
struct CommandFailure: Error, Equatable {
    let code: ExitCode
    /// Names what failed and where; no full stop.
    let message: String

    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension CommandFailure {
    /// Words an error of the client.
    ///
    /// - Parameters:
    ///   - error: What the client threw.
    ///   - doing: What was attempted, as in "cannot subscribe to queue 'q'"; `nil` when the error
    ///     speaks for itself.
    init(_ error: ClientError, doing: String? = nil) {
        let prefix = doing.map { "cannot \($0): " } ?? ""
        self.init(ExitCode(error), prefix + Self.reason(error, isExplained: doing != nil))
    }

    private static func reason(_ error: ClientError, isExplained: Bool) -> String {
        guard isExplained else { return error.description }
        switch error {
        case .channelClosed(let reason), .connectionClosed(let reason):
            return reason.text.isEmpty ? "reply code \(reason.code)" : reason.text
        default:
            return error.description
        }
    }
}

extension ExitCode {
    /// The code a script sees for an error of the client.
    init(_ error: ClientError) {
        switch error {
        case .unreachable, .connectionLost, .protocolViolation, .timedOut: self = .unreachable
        case .accessRefused: self = .denied
        case .channelClosed(let reason), .connectionClosed(let reason):
            switch reason.replyCode {
            case .notFound, .preconditionFailed, .resourceLocked: self = .notFound
            case .accessRefused, .notAllowed: self = .denied
            case .connectionForced: self = .unreachable
            default: self = .failure
            }
        case .consumerCancelled: self = .notFound
        case .channelsExhausted, .closed, .cancelled: self = .failure
        }
    }
}
