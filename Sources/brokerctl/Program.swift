import BrokerClient

/// From a command line to an exit code.
enum Program {
    static let version = "0.1.0"

    /// Parses and runs `words`, reporting what goes wrong on standard error.
    static func run(_ words: [String]) async -> ExitCode {
        let root = CommandTree.root
        do {
            switch try ArgumentParser.parse(words, root: root) {
            case .version:
                try Console().write("brokerctl \(version)\n")
                return .ok
            case .help(let command, let path):
                try Console().write(Help.text(for: command, path: path, root: root))
                return .ok
            case .run(let invocation):
                guard let action = invocation.command.action else { return .usage }
                return try await action(invocation)
            }
        } catch {
            return report(error, root: root)
        }
    }

    /// One sentence for whatever was thrown, and its exit code.
    private static func report(_ error: any Error, root: CommandSpec) -> ExitCode {
        switch error {
        case let usage as UsageError:
            let name = ([root.name] + usage.path).joined(separator: " ")
            Console.report("brokerctl: \(usage.message) (see '\(name) --help')")
            return .usage
        case let failure as CommandFailure:
            Console.report("brokerctl: \(failure.message)")
            return failure.code
        case let error as ClientError:
            let failure = CommandFailure(error)
            Console.report("brokerctl: \(failure.message)")
            return failure.code
        default:
            Console.report("brokerctl: \(error)")
            return .failure
        }
    }
}
