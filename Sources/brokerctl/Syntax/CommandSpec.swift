/// One command of the tree: what it is called, what it takes, and what it does.
///
/// The parser, `--help` and the shell completions all read this tree, so none of them can know an
/// option that another does not.
struct CommandSpec: Sendable {
    /// What a command does once its arguments are known.
    typealias Action = @Sendable (Invocation) async throws -> ExitCode

    /// A command line worth showing, without the program's name, and what it does.
    struct Example: Sendable {
        let line: String
        let effect: String
    }

    let name: String
    /// One line, without a full stop, for the list in the parent's help.
    let summary: String
    /// Further paragraphs of the command's own help.
    var discussion: String = ""
    var arguments: [ArgumentSpec] = []
    var options: [OptionSpec] = []
    var examples: [Example] = []
    /// A group has subcommands and no action.
    var subcommands: [CommandSpec] = []
    var action: Action?

    func subcommand(named name: String) -> CommandSpec? {
        subcommands.first { $0.name == name }
    }
}

/// A positional argument.
struct ArgumentSpec: Sendable {
    /// Upper case, as it stands in the usage line.
    let name: String
    let help: String
    var isRequired = true
    /// The words it may be; empty when it is free text.
    var choices: [String] = []
}

/// An option, with or without a value.
struct OptionSpec: Sendable {
    /// What a shell may complete the value with.
    enum Completion: Sendable, Equatable {
        case nothing
        case file
        case words([String])
    }

    /// Long name, without the dashes.
    let name: String
    var short: Character?
    /// Stands for the value in the help; `nil` makes the option a flag.
    var value: String?
    let help: String
    var isRepeatable = false
    var completion: Completion = .nothing

    static func flag(_ name: String, short: Character? = nil, _ help: String) -> OptionSpec {
        OptionSpec(name: name, short: short, help: help)
    }

    static func value(
        _ name: String,
        short: Character? = nil,
        _ value: String,
        _ help: String,
        repeatable: Bool = false,
        completion: Completion = .nothing
    ) -> OptionSpec {
        OptionSpec(
            name: name,
            short: short,
            value: value,
            help: help,
            isRepeatable: repeatable,
            completion: completion
        )
    }

    /// An option whose value is one of `words`.
    static func choice(
        _ name: String,
        short: Character? = nil,
        _ words: [String],
        _ help: String
    ) -> OptionSpec {
        OptionSpec(
            name: name,
            short: short,
            value: words.joined(separator: "|"),
            help: help,
            completion: .words(words)
        )
    }

    /// The words the value is limited to, if it is.
    var choices: [String] {
        if case .words(let words) = completion { words } else { [] }
    }
}
