/// Reads a command line against the command tree.
///
/// Options may stand anywhere; `--name value`, `--name=value`, `-n value`, `-nvalue` and grouped
/// short flags are understood; `--` ends the options. A lone `-` is an ordinary argument.
struct ArgumentParser {
    /// What a command line asks for.
    enum Outcome {
        case run(Invocation)
        case help(CommandSpec, path: [String])
        case version
    }

    private let root: CommandSpec
    private var command: CommandSpec
    private var path: [String] = []
    private var options: [OptionSpec]
    private var given: [String: [String]] = [:]
    private var arguments: [String] = []
    private var rest: ArraySlice<String> = []

    private init(root: CommandSpec) {
        self.root = root
        command = root
        options = root.options
    }

    /// Parses `words`, the program's name left out.
    ///
    /// - Parameters:
    ///   - words: The command line as the shell cut it.
    ///   - root: The tree, whose own options every command accepts.
    /// - Returns: What to do. A group named without a subcommand asks for its help.
    /// - Throws: `UsageError` naming the word that is wrong and, where one is close, the right one.
    static func parse(_ words: [String], root: CommandSpec) throws(UsageError) -> Outcome {
        var parser = ArgumentParser(root: root)
        return try parser.parse(words)
    }

    private mutating func parse(_ words: [String]) throws(UsageError) -> Outcome {
        rest = words[...]
        var optionsEnded = false
        while let word = rest.popFirst() {
            if optionsEnded || word == "-" || !word.hasPrefix("-") {
                try take(word)
            } else if word == "--" {
                optionsEnded = true
            } else if word.hasPrefix("--") {
                try takeLong(word.dropFirst(2))
            } else {
                try takeShort(word.dropFirst())
            }
            if given["help"] != nil { return .help(command, path: path) }
            if given["version"] != nil { return .version }
        }
        guard command.action != nil else { return .help(command, path: path) }
        try checkArguments()
        return .run(
            Invocation(
                path: path,
                command: command,
                given: given,
                arguments: arguments,
                options: options
            )
        )
    }

    /// A word that is no option: the name of a subcommand, else a positional argument.
    private mutating func take(_ word: String) throws(UsageError) {
        guard !command.subcommands.isEmpty else {
            arguments.append(word)
            return
        }
        guard let next = command.subcommand(named: word) else {
            throw unknown("command", word, among: command.subcommands.map(\.name), prefix: "")
        }
        command = next
        path.append(word)
        options += next.options
    }

    private mutating func takeLong(_ text: Substring) throws(UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = options.first(where: { $0.name == name }) else {
            throw unknown("option", "--\(name)", among: options.map(\.name), prefix: "--")
        }
        if parts.count == 2 {
            guard option.value != nil else {
                throw UsageError("--\(name) takes no value", path: path)
            }
            try record(option, String(parts[1]))
        } else {
            try recordWithValue(option, shown: "--\(name)")
        }
    }

    private mutating func takeShort(_ text: Substring) throws(UsageError) {
        var letters = text
        while let letter = letters.popFirst() {
            guard let option = options.first(where: { $0.short == letter }) else {
                throw UsageError("unknown option '-\(letter)'", path: path)
            }
            if option.value != nil, !letters.isEmpty {
                return try record(option, String(letters))
            }
            try recordWithValue(option, shown: "-\(letter)")
        }
    }

    private mutating func recordWithValue(
        _ option: OptionSpec,
        shown: String
    ) throws(UsageError) {
        guard let valueName = option.value else { return try record(option, "") }
        guard let value = rest.popFirst() else {
            throw UsageError("\(shown) needs a value: \(valueName)", path: path)
        }
        try record(option, value)
    }

    private mutating func record(_ option: OptionSpec, _ value: String) throws(UsageError) {
        if option.value != nil, !option.choices.isEmpty, !option.choices.contains(value) {
            throw UsageError(
                "--\(option.name) is one of \(option.choices.joined(separator: ", ")), "
                    + "not '\(value)'",
                path: path
            )
        }
        if !option.isRepeatable, option.value != nil, given[option.name] != nil {
            throw UsageError("--\(option.name) was given twice", path: path)
        }
        given[option.name, default: []].append(value)
    }

    private func checkArguments() throws(UsageError) {
        let required = command.arguments.prefix { $0.isRequired }
        if arguments.count < required.count {
            throw UsageError("\(command.arguments[arguments.count].name) is missing", path: path)
        }
        if arguments.count > command.arguments.count {
            throw UsageError(
                "unexpected argument '\(arguments[command.arguments.count])'",
                path: path
            )
        }
        for (value, argument) in zip(arguments, command.arguments)
        where !argument.choices.isEmpty && !argument.choices.contains(value) {
            throw UsageError(
                "\(argument.name) is one of \(argument.choices.joined(separator: ", ")), "
                    + "not '\(value)'",
                path: path
            )
        }
    }

    private func unknown(
        _ kind: String,
        _ word: String,
        among names: [String],
        prefix: String
    ) -> UsageError {
        let bare = String(word.dropFirst(prefix.count))
        guard let close = Suggestion.closest(to: bare, among: names) else {
            return UsageError("unknown \(kind) '\(word)'", path: path)
        }
        return UsageError(
            "unknown \(kind) '\(word)'; did you mean '\(prefix)\(close)'?",
            path: path
        )
    }
}
