/// What the process tells its caller; scripts rely on these numbers.
enum ExitCode: Int32, CaseIterable, Sendable {
    case ok = 0
    case failure = 1
    case conditionNotMet = 2
    case usage = 64
    case notFound = 65
    case unreachable = 69
    case denied = 77
    case timeout = 124

    var meaning: String {
        switch self {
        case .ok: "success"
        case .failure: "failure of any other kind, such as an unreadable file or a refused message"
        case .conditionNotMet:
            "condition not met: the queue was empty, a message was unroutable, data is damaged"
        case .usage: "the command line does not make sense"
        case .notFound: "something named does not exist, or exists with other properties"
        case .unreachable: "the broker cannot be reached, or the connection was lost"
        case .denied: "the broker refused the user, the password or the access"
        case .timeout: "the time given with --timeout passed first"
        }
    }
}
