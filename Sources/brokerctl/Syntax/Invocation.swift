/// A parsed command line: the command found and what was given to it.
struct Invocation: Sendable {
    /// The names from the root to the command, without the program's.
    var path: [String]
    var command: CommandSpec
    /// Given flags and option values by long name, in the order given.
    var given: [String: [String]] = [:]
    var arguments: [String] = []
    /// Options the command accepts, its ancestors' included.
    var options: [OptionSpec]

    /// Whether the flag or option was given at all.
    func has(_ name: String) -> Bool {
        checkDeclared(name)
        return given[name] != nil
    }

    /// The last value given, as usual for options that are not repeatable.
    func value(_ name: String) -> String? {
        checkDeclared(name)
        return given[name]?.last
    }

    func values(_ name: String) -> [String] {
        checkDeclared(name)
        return given[name] ?? []
    }

    /// The positional argument at `index`, or `nil` when it was left out.
    func argument(_ index: Int) -> String? {
        index < arguments.count ? arguments[index] : nil
    }

    /// The positional argument at `index`, which the command declares as required.
    func requiredArgument(_ index: Int) throws(UsageError) -> String {
        guard let value = argument(index) else {
            let name = index < command.arguments.count ? command.arguments[index].name : "argument"
            throw UsageError("\(name) is missing", path: path)
        }
        return value
    }

    /// A whole number within `range`.
    func integer(
        _ name: String,
        in range: ClosedRange<Int> = 0...Int.max
    ) throws(UsageError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let bounds =
                range.upperBound == Int.max
                ? "of at least \(range.lowerBound)"
                : "from \(range.lowerBound) to \(range.upperBound)"
            throw UsageError("--\(name) takes a whole number \(bounds), not '\(text)'", path: path)
        }
        return number
    }

    /// A time span such as `250ms`, `10s`, `5m`, `1h`, or plain seconds.
    func duration(_ name: String) throws(UsageError) -> Duration? {
        guard let text = value(name) else { return nil }
        guard let duration = DurationText.parse(text) else {
            throw UsageError(
                "--\(name) takes a time such as 250ms, 10s or 5m, not '\(text)'",
                path: path
            )
        }
        return duration
    }

    /// A command asking for an option its tree entry does not declare is a bug.
    private func checkDeclared(_ name: String) {
        precondition(
            options.contains { $0.name == name },
            "option --\(name) is not declared for '\(path.joined(separator: " "))'"
        )
    }
}

/// A command line that does not make sense; exit code 64.
struct UsageError: Error, Equatable {
    /// One sentence without its full stop.
    let message: String
    /// The command whose help explains more.
    let path: [String]

    init(_ message: String, path: [String]) {
        self.message = message
        self.path = path
    }
}
