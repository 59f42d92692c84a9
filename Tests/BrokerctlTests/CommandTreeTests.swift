import Testing

@testable import brokerctl

@Suite("Command tree")
struct CommandTreeTests {
    /// Every command with the names that lead to it.
    private static let all: [(path: [String], command: CommandSpec)] = collect(CommandTree.root, [])

    private static func collect(
        _ command: CommandSpec,
        _ path: [String]
    ) -> [(path: [String], command: CommandSpec)] {
        [(path, command)] + command.subcommands.flatMap { collect($0, path + [$0.name]) }
    }

    @Test("every command either does something or leads on, and shows an example")
    func complete() {
        for (path, command) in Self.all {
            #expect((command.action == nil) == !command.subcommands.isEmpty, "\(path)")
            #expect(!command.examples.isEmpty, "\(path)")
            #expect(!command.summary.hasSuffix("."), "\(path)")
        }
    }

    @Test("no option name or letter is used twice in what a command accepts")
    func unambiguous() {
        for (path, command) in Self.all where !path.isEmpty {
            let options = CommandTree.root.options + command.options
            #expect(Set(options.map(\.name)).count == options.count, "\(path)")
            let letters = options.compactMap(\.short)
            #expect(Set(letters).count == letters.count, "\(path)")
        }
    }

    @Test("every example parses to the command it illustrates or one below")
    func examples() throws {
        for (path, command) in Self.all {
            for example in command.examples {
                let words = Self.words(of: example.line)
                let outcome = try ArgumentParser.parse(words, root: CommandTree.root)
                guard case .run(let invocation) = outcome else {
                    Issue.record("'\(example.line)' asks for help")
                    continue
                }
                #expect(invocation.path.starts(with: path), "\(example.line)")
            }
        }
    }

    /// Cuts a line as a shell would, as far as the examples need it.
    private static func words(of line: String) -> [String] {
        var words: [String] = []
        for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false)
            .enumerated()
        {
            if index.isMultiple(of: 2) {
                let plain = part.prefix { $0 != "<" && $0 != ">" }
                words += plain.split(separator: " ").map(String.init)
            } else {
                words.append(String(part))
            }
        }
        return words
    }

    @Test("help names everything a command takes")
    func help() {
        for (path, command) in Self.all {
            let text = Help.text(for: command, path: path, root: CommandTree.root)
            for option in command.options { #expect(text.contains("--\(option.name)"), "\(path)") }
            for argument in command.arguments { #expect(text.contains(argument.name), "\(path)") }
            for below in command.subcommands { #expect(text.contains(below.summary), "\(path)") }
            for example in command.examples { #expect(text.contains(example.line), "\(path)") }
        }
    }

    @Test("the help of the program lists the exit codes")
    func exitCodes() {
        let text = Help.text(for: CommandTree.root, path: [], root: CommandTree.root)
        for code in ExitCode.allCases { #expect(text.contains("  \(code.rawValue) ")) }
    }

    @Test(
        "every shell's script knows every command and option",
        arguments: Completion.Shell.allCases
    )
    func completions(_ shell: Completion.Shell) {
        let script = Completion.script(for: shell, root: CommandTree.root)
        for (_, command) in Self.all {
            #expect(script.contains(command.name))
            for option in command.options {
                #expect(script.contains(shell == .fish ? "-l \(option.name)" : "--\(option.name)"))
            }
        }
    }
}
