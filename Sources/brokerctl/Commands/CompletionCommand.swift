/// The command `brokerctl completion`.
enum CompletionCommand {
    static let spec = CommandSpec(
        name: "completion",
        summary: "print a completion script for a shell",
        arguments: [
            ArgumentSpec(
                name: "SHELL",
                help: "bash, zsh or fish",
                choices: Completion.Shell.allCases.map(\.rawValue)
            )
        ],
        examples: [
            .init(
                line: "completion bash > ~/.local/share/bash-completion/completions/brokerctl",
                effect: "install it for bash"
            ),
            .init(
                line: "completion zsh > \"${fpath[1]}/_brokerctl\"",
                effect: "install it for zsh"
            ),
            .init(
                line: "completion fish > ~/.config/fish/completions/brokerctl.fish",
                effect: "install it for fish"
            ),
        ],
        action: { invocation in
            guard let shell = Completion.Shell(rawValue: try invocation.requiredArgument(0)) else {
                return .usage
            }
            try Console().write(Completion.script(for: shell, root: CommandTree.root))
            return .ok
        }
    )
}
