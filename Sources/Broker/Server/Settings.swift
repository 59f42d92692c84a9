/// What the daemon is told at its start; a value that is passed on, never a global.
///
/// `SettingTable` says how each is called in the configuration file, the environment and the
/// command line.
package struct Settings: Equatable, Sendable {
    /// Where to accept AMQP connections.
    package var endpoints = [Endpoint(host: "127.0.0.1", port: 5672)]
    /// Where data is kept; `nil` for nowhere.
    package var dataDirectory: String?
    /// Threads that serve connections; `nil` for one per processor.
    package var reactorCount: Int?
    /// The least level logged.
    package var logLevel = LogLevel.info
    /// Every bound of the broker.
    var limits = Limits()

    package init() {}
}

/// Why the daemon cannot start with what it was told.
package struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Which of the sources is wrong.
    enum Source: Equatable, Sendable {
        case commandLine
        case environment
        case file
    }

    let source: Source
    /// One sentence: where, which setting, what is wrong with it.
    package let description: String

    init(_ source: Source, _ description: String) {
        self.source = source
        self.description = description
    }

    /// How the process ends.
    package var exitCode: ExitCode { source == .commandLine ? .usage : .configuration }
}

/// How the daemon ends (sysexits.h); documented in docs/operations.md.
package enum ExitCode: Int32, Sendable {
    /// Stopped on request, everything said.
    case success = 0
    /// Stopped at once by a second signal, clients not told.
    case interrupted = 1
    /// The command line is wrong.
    case usage = 64
    /// An address cannot be listened on.
    case unavailable = 69
    /// The operating system refuses something: threads, descriptors.
    case system = 71
    /// The data directory cannot be used, or another brokerd uses it.
    case dataDirectory = 73
    /// The journal cannot be written or synced any more.
    case journal = 74
    /// The configuration file or the environment is wrong.
    case configuration = 78
}
