/// The help text of a command, laid out from the tree.
enum Help {
    /// Text of `--help` for `command`, ending in a newline.
    ///
    /// - Parameters:
    ///   - command: The command or group to explain.
    ///   - path: Its names below the program's.
    ///   - root: The whole tree; its options are listed as common ones.
    /// - Returns: The text in lines of at most 96 characters, except for examples.
    static func text(for command: CommandSpec, path: [String], root: CommandSpec) -> String {
        let name = ([root.name] + path).joined(separator: " ")
        var sections = ["\(name): \(command.summary)", "Usage: \(usage(command, name: name))"]
        if !command.discussion.isEmpty { sections.append(command.discussion) }
        if !command.subcommands.isEmpty {
            sections.append(list("Commands", command.subcommands.map { ($0.name, $0.summary) }))
        }
        if !command.arguments.isEmpty {
            sections.append(list("Arguments", command.arguments.map { ($0.name, $0.help) }))
        }
        if !path.isEmpty, !command.options.isEmpty {
            sections.append(list("Options", command.options.map(row)))
        }
        sections.append(list("Common options", root.options.map(row)))
        if !command.examples.isEmpty {
            let lines = command.examples.map { "  \(root.name) \($0.line)\n      \($0.effect)" }
            sections.append("Examples:\n" + lines.joined(separator: "\n"))
        }
        if path.isEmpty { sections.append(exitCodes) }
        return sections.joined(separator: "\n\n") + "\n"
    }

    private static func usage(_ command: CommandSpec, name: String) -> String {
        var words = [name]
        if !command.subcommands.isEmpty { words.append("COMMAND") }
        words += command.arguments.map { $0.isRequired ? $0.name : "[\($0.name)]" }
        words.append("[OPTIONS]")
        return words.joined(separator: " ")
    }

    private static func row(_ option: OptionSpec) -> (String, String) {
        var left = option.short.map { "-\($0), " } ?? "    "
        left += "--\(option.name)"
        if let value = option.value { left += " \(value)" }
        return (left, option.help + (option.isRepeatable ? " (repeatable)" : ""))
    }

    /// Two columns; a left side too wide for its column gets a line of its own.
    private static func list(_ title: String, _ rows: [(String, String)]) -> String {
        let wide = 28
        let width = min(wide, rows.map(\.0.count).max() ?? 0)
        let lines = rows.flatMap { left, right -> [String] in
            let help = wrapped(right, to: 96 - width - 4)
            let margin = String(repeating: " ", count: width + 4)
            let first: String
            if left.count > width {
                first = "  \(left)\n\(margin)"
            } else {
                first = "  \(left)" + String(repeating: " ", count: width - left.count + 2)
            }
            return [first + (help.first ?? "")] + help.dropFirst().map { margin + $0 }
        }
        return "\(title):\n" + lines.joined(separator: "\n")
    }

    private static func wrapped(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private static var exitCodes: String {
        list("Exit codes", ExitCode.allCases.map { (String($0.rawValue), $0.meaning) })
    }
}
