import Wire

/// The commands that every kind of object has.
extension CommandSpec {
    /// `list`: the objects of the virtual host.
    ///
    /// - Parameters:
    ///   - summary: For the help.
    ///   - examples: For the help.
    ///   - path: Where they are, below `/api/`, without the virtual host.
    ///   - table: The form for people.
    /// - Returns: The command.
    static func list<Record: ListedRecord>(
        _ summary: String,
        examples: [Example],
        at path: String,
        table: @escaping @Sendable ([Record]) -> Table
    ) -> CommandSpec {
        CommandSpec(
            name: "list",
            summary: summary,
            options: [CommandTree.tableOutput],
            examples: examples,
            action: { invocation in
                try await Inspection.run(invocation) { inspection in
                    try await inspection.list(
                        "\(path)/\(inspection.vhost)",
                        as: Record.self,
                        table: table
                    )
                }
            }
        )
    }

    /// `show`: one object by its name, and what else belongs to it.
    ///
    /// - Parameters:
    ///   - noun: What it is, for messages.
    ///   - summary: For the help.
    ///   - discussion: For the help.
    ///   - example: For the help.
    ///   - path: Where it is, below `/api/`.
    ///   - facts: The form for people.
    ///   - more: Prints what people want to see below; its code is that of the command.
    /// - Returns: The command.
    static func show<Record: Decodable>(
        _ noun: String,
        summary: String,
        discussion: String = "",
        example: Example,
        at path: @escaping @Sendable (ShortString, Inspection) -> String,
        facts: @escaping @Sendable (Record) -> String,
        more: (@Sendable (ShortString, Inspection) async throws -> ExitCode)? = nil
    ) -> CommandSpec {
        CommandSpec(
            name: "show",
            summary: summary,
            discussion: discussion,
            arguments: [ArgumentSpec(name: "NAME", help: "the \(noun)")],
            options: [CommandTree.tableOutput],
            examples: [example],
            action: { invocation in
                let name = try invocation.shortStringArgument(0)
                return try await Inspection.run(invocation) { inspection in
                    let code = try await inspection.show(
                        path(name, inspection),
                        as: Record.self,
                        naming: inspection.describe(noun, name),
                        table: facts
                    )
                    guard let more, !inspection.isJSON else { return code }
                    return try await more(name, inspection)
                }
            }
        )
    }
}
