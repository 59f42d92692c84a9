import BrokerClient
import Wire

/// The commands of `brokerctl exchange`.
enum ExchangeCommands {
    static let spec = CommandSpec(
        name: "exchange",
        summary: "declare, delete and inspect exchanges",
        examples: [
            .init(line: "exchange declare logs --type topic", effect: "make a topic exchange"),
            .init(line: "exchange list", effect: "see all exchanges"),
        ],
        subcommands: [declare, delete, list, show]
    )

    private static let name = ArgumentSpec(name: "NAME", help: "the exchange")

    private static let declare = CommandSpec(
        name: "declare",
        summary: "make an exchange, or check that it is as described",
        discussion: """
            Exit code 65 says that an exchange of this name exists with other properties, or that
            with --passive it does not exist.
            """,
        arguments: [name],
        options: [
            .value(
                "type",
                "TYPE",
                "direct (the default), fanout, topic, headers, or another the broker has",
                completion: .nothing
            ),
            .flag("durable", short: "d", "survives a restart of the broker"),
            .flag("auto-delete", "deleted with its last binding"),
            .flag("internal", "takes messages only from other exchanges"),
            .flag("passive", "only check that it exists"),
            .value("alternate-exchange", "NAME", "where messages go that reach no queue"),
            .value(
                "argument",
                short: "a",
                "NAME[:TYPE]=VALUE",
                "any further argument; " + FieldArgument.typesHelp,
                repeatable: true
            ),
        ],
        examples: [
            .init(line: "exchange declare logs --type topic", effect: "a topic exchange"),
            .init(
                line: "exchange declare orders --durable --alternate-exchange unrouted",
                effect: "a direct one that loses nothing"
            ),
        ],
        action: runDeclare
    )

    @Sendable
    private static func runDeclare(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let name = try invocation.shortStringArgument(0)
        let type = try invocation.shortString("type") ?? "direct"
        var options = Channel.ExchangeOptions()
        options.isDurable = invocation.has("durable")
        options.isAutoDelete = invocation.has("auto-delete")
        options.isInternal = invocation.has("internal")
        if let alternate = invocation.value("alternate-exchange") {
            options.arguments["alternate-exchange"] = .string(alternate)
        }
        for entry in try FieldArgument.table(invocation, option: "argument").entries {
            options.arguments[entry.name] = entry.value
        }
        let isPassive = invocation.has("passive")
        return try await access.withChannel { channel in
            let what = isPassive ? "find exchange '\(name)'" : "declare exchange '\(name)'"
            try await attempting(what) { () async throws(ClientError) in
                if isPassive {
                    try await channel.checkExchange(name)
                } else {
                    try await channel.declareExchange(name, type: type, options: options)
                }
            }
            access.console.say("exchange '\(name)' is there")
            return .ok
        }
    }

    private static let delete = CommandSpec(
        name: "delete",
        summary: "delete an exchange",
        discussion: "Exit code 65 says that it does not exist, or is not unused as asked.",
        arguments: [name],
        options: [.flag("if-unused", "only when it has no bindings")],
        examples: [.init(line: "exchange delete logs", effect: "delete the exchange logs")],
        action: { invocation in
            let access = try BrokerAccess(invocation)
            let name = try invocation.shortStringArgument(0)
            return try await access.withChannel { channel in
                try await attempting("delete exchange '\(name)'") {
                    () async throws(ClientError) in
                    // RabbitMQ calls deleting nothing a success; a person wants to know.
                    try await channel.checkExchange(name)
                    try await channel.deleteExchange(name, ifUnused: invocation.has("if-unused"))
                }
                access.console.say("deleted exchange '\(name)'")
                return .ok
            }
        }
    )

    private static let list = CommandSpec.list(
        "list the exchanges of the virtual host",
        examples: [.init(line: "exchange list", effect: "a table of all exchanges")],
        at: "exchanges",
        table: table(of:)
    )

    @Sendable
    static func table(of exchanges: [ExchangeRecord]) -> Table {
        var table = Table([
            .text("NAME"), .text("TYPE"), .number("IN"), .number("OUT"), .number("DELAYED"),
            .text("FEATURES"),
        ])
        for exchange in exchanges {
            table.add([
                shownName(exchange.name),
                exchange.type ?? "",
                Inspection.rate(exchange.messageStats?.publishInDetails),
                Inspection.rate(exchange.messageStats?.publishOutDetails),
                exchange.messagesDelayed.map { "\($0)" } ?? "",
                features(exchange),
            ])
        }
        return table
    }

    private static func shownName(_ name: String?) -> String {
        name?.isEmpty == true ? "(default)" : name ?? ""
    }

    private static func features(_ exchange: ExchangeRecord) -> String {
        Inspection.features([
            ("durable", exchange.durable), ("auto-delete", exchange.autoDelete),
            ("internal", exchange.internal), ("arguments", exchange.arguments?.isEmpty == false),
        ])
    }

    private static let show = CommandSpec.show(
        "exchange",
        summary: "show one exchange with its bindings",
        example: .init(line: "exchange show logs", effect: "everything about the exchange logs"),
        at: { "exchanges/\($1.vhost)/\(ManagementClient.encodedExchange($0))" },
        facts: facts,
        more: { name, inspection in
            let all = "bindings/\(inspection.vhost)"
            return try await inspection.show(all, as: [BindingRecord].self) { bindings in
                let own = bindings.filter { $0.source == name.string }
                return "\n" + BindingCommands.table(of: own).text
            }
        }
    )

    @Sendable
    private static func facts(_ exchange: ExchangeRecord) -> String {
        Inspection.facts([
            ("name", shownName(exchange.name)),
            ("virtual host", exchange.vhost),
            ("type", exchange.type),
            ("features", features(exchange)),
            ("arguments", JSONRecord.line(exchange.arguments)),
            ("policy", exchange.policy),
            ("in", Inspection.rate(exchange.messageStats?.publishInDetails)),
            ("out", Inspection.rate(exchange.messageStats?.publishOutDetails)),
            ("delayed", exchange.messagesDelayed.map { "\($0)" }),
        ])
    }
}
