/// Shell completion scripts, generated from the command tree.
enum Completion {
    enum Shell: String, CaseIterable {
        case bash
        case zsh
        case fish
    }

    /// One command with the names that lead to it.
    private struct Entry {
        let path: [String]
        let command: CommandSpec
        /// Its own options and those it inherits.
        let options: [OptionSpec]
    }

    /// The script for `shell`, to be sourced or installed as the shell's manual says.
    static func script(for shell: Shell, root: CommandSpec) -> String {
        let entries = entries(of: root, path: [], inherited: [])
        switch shell {
        case .bash: return bash(entries, program: root.name)
        case .zsh: return zsh(entries, program: root.name)
        case .fish: return fish(entries, program: root.name)
        }
    }

    private static func entries(
        of command: CommandSpec,
        path: [String],
        inherited: [OptionSpec]
    ) -> [Entry] {
        let options = inherited + command.options
        return [Entry(path: path, command: command, options: options)]
            + command.subcommands.flatMap {
                entries(of: $0, path: path + [$0.name], inherited: options)
            }
    }

    private static func words(_ entry: Entry) -> [String] {
        entry.command.subcommands.map(\.name) + entry.command.arguments.flatMap(\.choices)
    }

    // MARK: bash

    private static func bash(_ entries: [Entry], program: String) -> String {
        let valueOptions = entries[0].options + entries.dropFirst().flatMap(\.command.options)
        let withValue = Set(valueOptions.filter { $0.value != nil }.flatMap(spellings)).sorted()
        var cases = ""
        for entry in entries {
            let path = entry.path.joined(separator: " ")
            let options = entry.options.map { "--\($0.name)" }.joined(separator: " ")
            cases += "        '\(path)')\n"
            let choices = entry.options.compactMap { bashValueCase($0) }.joined()
            if !choices.isEmpty {
                cases += "            case \"$prev\" in\n\(choices)            esac\n"
            }
            let all = (words(entry) + [options]).joined(separator: " ")
            cases += "            words='\(all)'\n            ;;\n"
        }
        return """
            # bash completion for \(program)
            _\(program)() {
                local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
                local path='' words='' i word
                for ((i = 1; i < COMP_CWORD; i++)); do
                    word="${COMP_WORDS[i]}"
                    case "$word" in
                    \(withValue.joined(separator: "|"))) ((i++)) ;;
                    -*) ;;
                    *)
                        case "|\(groupPaths(entries))|" in
                        *"|${path:+$path }$word|"*) path="${path:+$path }$word" ;;
                        esac
                        ;;
                    esac
                done
                COMPREPLY=()
                case "$path" in
            \(cases)    esac
                COMPREPLY=($(compgen -W "$words" -- "$cur"))
            }
            complete -F _\(program) \(program)

            """
    }

    private static func bashValueCase(_ option: OptionSpec) -> String? {
        guard option.value != nil else { return nil }
        let action: String
        switch option.completion {
        case .nothing: action = "return"
        case .file: action = "COMPREPLY=($(compgen -f -- \"$cur\")); return"
        case .words(let words):
            let list = words.joined(separator: " ")
            action = "COMPREPLY=($(compgen -W '\(list)' -- \"$cur\")); return"
        }
        let names = spellings(option).joined(separator: "|")
        return "            \(names)) \(action) ;;\n"
    }

    private static func spellings(_ option: OptionSpec) -> [String] {
        ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
    }

    private static func groupPaths(_ entries: [Entry]) -> String {
        entries.dropFirst().map { $0.path.joined(separator: " ") }.joined(separator: "|")
    }

    // MARK: zsh

    private static func zsh(_ entries: [Entry], program: String) -> String {
        let functions = entries.map { zshFunction($0, program: program) }.joined(separator: "\n")
        return """
            #compdef \(program)
            # zsh completion for \(program)
            \(functions)
            if [ "$funcstack[1]" = "_\(program)" ]; then
                _\(program) "$@"
            else
                compdef _\(program) \(program)
            fi

            """
    }

    private static func zshFunction(_ entry: Entry, program: String) -> String {
        let name = zshName(entry.path, program: program)
        var specifications = entry.options.flatMap(zshOption)
        guard !entry.command.subcommands.isEmpty else {
            for (index, argument) in entry.command.arguments.enumerated() {
                let action =
                    argument.choices.isEmpty
                    ? " " : "(\(argument.choices.joined(separator: " ")))"
                let colon = argument.isRequired ? ":" : "::"
                specifications.append("'\(index + 1)\(colon)\(zshQuoted(argument.name)):\(action)'")
            }
            return "\(name)() {\n    _arguments -s \(joined(specifications))\n}\n"
        }
        specifications.append("'1: :->command'")
        specifications.append("'*:: :->rest'")
        let list = entry.command.subcommands.map { "'\($0.name):\(zshQuoted($0.summary))'" }
        let cases = entry.command.subcommands.map {
            "            \($0.name)) \(zshName(entry.path + [$0.name], program: program)) ;;"
        }
        return """
            \(name)() {
                local state line
                _arguments -C \(joined(specifications))
                case $state in
                    command)
                        local -a commands=(\(list.joined(separator: " ")))
                        _describe command commands
                        ;;
                    rest)
                        case $line[1] in
            \(cases.joined(separator: "\n"))
                        esac
                        ;;
                esac
            }

            """
    }

    private static func joined(_ specifications: [String]) -> String {
        specifications.joined(separator: " \\\n        ")
    }

    private static func zshName(_ path: [String], program: String) -> String {
        "_" + ([program] + path).joined(separator: "_").replacing("-", with: "_")
    }

    private static func zshOption(_ option: OptionSpec) -> [String] {
        let help = "[\(zshQuoted(option.help))]"
        let star = option.isRepeatable ? "*" : ""
        var suffix = ""
        if let value = option.value {
            let action: String
            switch option.completion {
            case .nothing: action = " "
            case .file: action = "_files"
            case .words(let words): action = "(\(words.joined(separator: " ")))"
            }
            suffix = ":\(zshQuoted(value)):\(action)"
        }
        return spellings(option).map { spelling in
            let equals = option.value != nil && spelling.hasPrefix("--") ? "=" : ""
            return "'\(star)\(spelling)\(equals)\(help)\(suffix)'"
        }
    }

    private static func zshQuoted(_ text: String) -> String {
        text.replacing("'", with: "'\\''").replacing("[", with: "\\[")
            .replacing("]", with: "\\]").replacing(":", with: "\\:")
    }

    // MARK: fish

    private static func fish(_ entries: [Entry], program: String) -> String {
        var lines = ["# fish completion for \(program)", "complete -c \(program) -f"]
        for entry in entries {
            let condition = fishCondition(entry)
            for command in entry.command.subcommands {
                lines.append(
                    "complete -c \(program) -n '\(condition)' -a \(command.name) "
                        + "-d '\(fishQuoted(command.summary))'"
                )
            }
            for choice in entry.command.arguments.flatMap(\.choices) {
                lines.append("complete -c \(program) -n '\(condition)' -a \(choice)")
            }
            for option in entry.command.options {
                let when = entry.path.isEmpty ? "" : " -n '\(condition)'"
                lines.append("complete -c \(program)\(when) \(fishOption(option))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Holds while the words typed lead to `entry` and no further.
    private static func fishCondition(_ entry: Entry) -> String {
        let seen = entry.path.map { "__fish_seen_subcommand_from \($0)" }
        let names = entry.command.subcommands.map(\.name)
        guard !names.isEmpty else { return seen.joined(separator: "; and ") }
        let further = "not __fish_seen_subcommand_from \(names.joined(separator: " "))"
        return (seen + [further]).joined(separator: "; and ")
    }

    private static func fishOption(_ option: OptionSpec) -> String {
        var text = "-l \(option.name)"
        if let short = option.short { text += " -s \(short)" }
        if option.value != nil {
            switch option.completion {
            case .nothing: text += " -x"
            case .file: text += " -r -F"
            case .words(let words): text += " -x -a '\(words.joined(separator: " "))'"
            }
        }
        return text + " -d '\(fishQuoted(option.help))'"
    }

    private static func fishQuoted(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
}
