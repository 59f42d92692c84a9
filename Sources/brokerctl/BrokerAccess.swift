import BrokerClient
import Glibc
import Wire

/// Connects as the command line and the environment say.
struct BrokerAccess {
    let options: ConnectionOptions
    let console: Console

    init(options: ConnectionOptions, console: Console) {
        self.options = options
        self.console = console
    }

    /// Reads --url, --vhost and --quiet, and BROKERCTL_URL.
    init(_ invocation: Invocation) throws(UsageError) {
        console = Console(isQuiet: invocation.has("quiet"))
        var options = ConnectionOptions()
        let variable = getenv("BROKERCTL_URL").map { String(cString: $0) }
        let fromEnvironment = variable?.isEmpty == true ? nil : variable
        let source = invocation.has("url") ? "--url" : "BROKERCTL_URL"
        if let url = invocation.value("url") ?? fromEnvironment {
            do throws(ConnectionURLError) {
                options = try ConnectionOptions(url: url)
            } catch {
                throw UsageError("\(source): \(error)", path: invocation.path)
            }
        }
        if let name = try invocation.shortString("vhost") { options.virtualHost = name }
        options.connectionName = "brokerctl \(invocation.path.joined(separator: " "))"
        self.options = options
    }

    /// Runs `body` on a connection of its own, which is closed afterwards.
    func withConnection<Result>(
        _ body: (Connection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect()
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Runs `body` on a channel of its own.
    func withChannel<Result>(_ body: (Channel) async throws -> Result) async throws -> Result {
        try await withConnection { connection in
            try await body(try await connection.openChannel())
        }
    }

    /// Opens a connection; the caller closes it.
    func connect() async throws(CommandFailure) -> Connection {
        do throws(ClientError) {
            let connection = try await Connection.open(options)
            let notices = connection.notices
            Task { for await notice in notices { tell(notice) } }
            return connection
        } catch {
            throw Self.failure(error, options)
        }
    }

    /// A broker that stops reading makes the command wait, and the reason is not to be guessed.
    private func tell(_ notice: ConnectionNotice) {
        switch notice {
        case .blocked(let reason):
            console.say("waiting: the broker takes no messages now (\(reason))")
        case .unblocked:
            console.say("going on: the broker takes messages again")
        }
    }

    private static func failure(
        _ error: ClientError,
        _ options: ConnectionOptions
    ) -> CommandFailure {
        switch error {
        case .accessRefused(let reason):
            CommandFailure(
                .denied,
                "\(options.address) refused user '\(options.user)': \(reason)"
            )
        case .connectionClosed(let reason):
            CommandFailure(
                ExitCode(error),
                "\(options.address) refused to open virtual host '\(options.virtualHost)': "
                    + reason.text
            )
        case .unreachable(let reason):
            CommandFailure(.unreachable, "\(reason) (is the broker running?)")
        default:
            CommandFailure(error)
        }
    }
}

/// Runs one operation of the client and words its failure.
///
/// - Parameters:
///   - what: The attempt, to follow "cannot".
///   - body: The operation.
/// - Returns: Its result.
/// - Throws: `CommandFailure` with the exit code for the client's error.
func attempting<Result>(
    _ what: String,
    _ body: () async throws(ClientError) -> Result
) async throws(CommandFailure) -> Result {
    do throws(ClientError) {
        return try await body()
    } catch {
        throw CommandFailure(error, doing: what)
    }
}

extension Invocation {
    /// An option's value as AMQP's short string.
    func shortString(_ name: String) throws(UsageError) -> ShortString? {
        guard let text = value(name) else { return nil }
        return try Self.shortString(text, what: "--\(name)", path: path)
    }

    /// All values of an option as AMQP's short strings.
    func shortStrings(_ name: String) throws(UsageError) -> [ShortString] {
        try values(name).map { text throws(UsageError) in
            try Self.shortString(text, what: "--\(name)", path: path)
        }
    }

    /// A positional argument as AMQP's short string.
    func shortStringArgument(_ index: Int) throws(UsageError) -> ShortString {
        let text = try requiredArgument(index)
        return try Self.shortString(text, what: command.arguments[index].name, path: path)
    }

    private static func shortString(
        _ text: String,
        what: String,
        path: [String]
    ) throws(UsageError) -> ShortString {
        guard let string = ShortString(text) else {
            throw UsageError("\(what) has more than 255 octets", path: path)
        }
        return string
    }
}
