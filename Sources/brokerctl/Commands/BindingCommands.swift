import BrokerClient
import Wire

/// The commands of `brokerctl binding`.
enum BindingCommands {
    static let spec = CommandSpec(
        name: "binding",
        summary: "declare, delete and inspect bindings",
        examples: [
            .init(line: "binding declare logs errors --key '*.error'", effect: "bind a queue"),
            .init(line: "binding list --queue errors", effect: "see what leads to it"),
        ],
        subcommands: [declare, delete, list, show]
    )

    private static let arguments = [
        ArgumentSpec(name: "EXCHANGE", help: "the exchange that has the messages"),
        ArgumentSpec(name: "DESTINATION", help: "the queue that gets them"),
    ]

    private static let options: [OptionSpec] = [
        .value("key", short: "k", "KEY", "binding key; empty if left out", repeatable: true),
        .flag("to-exchange", "the destination is an exchange"),
        .value(
            "argument",
            short: "a",
            "NAME[:TYPE]=VALUE",
            "for a headers exchange, what to match, such as x-match=any; "
                + FieldArgument.typesHelp,
            repeatable: true
        ),
    ]

    private static let declare = CommandSpec(
        name: "declare",
        summary: "bind a queue or an exchange to an exchange",
        discussion: "Each --key makes a binding of its own.",
        arguments: arguments,
        options: options,
        examples: [
            .init(
                line: "binding declare logs errors --key '*.error' --key '*.critical'",
                effect: "two bindings of a queue to a topic exchange"
            ),
            .init(
                line: "binding declare docs pdfs -a x-match=all -a format=pdf",
                effect: "bind to a headers exchange"
            ),
            .init(
                line: "binding declare logs archive --to-exchange --key '#'",
                effect: "bind an exchange to another"
            ),
        ],
        action: { try await run($0, isDeclaring: true) }
    )

    private static let delete = CommandSpec(
        name: "delete",
        summary: "remove bindings",
        discussion: """
            Key and arguments have to be those the binding was made with. Exit code 65 says that \
            there is none with them; RabbitMQ does not tell.
            """,
        arguments: arguments,
        options: options,
        examples: [
            .init(line: "binding delete logs errors --key '*.error'", effect: "remove a binding")
        ],
        action: { try await run($0, isDeclaring: false) }
    )

    @Sendable
    private static func run(_ invocation: Invocation, isDeclaring: Bool) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let exchange = try invocation.shortStringArgument(0)
        let destination = try invocation.shortStringArgument(1)
        let given = try invocation.shortStrings("key")
        let keys = given.isEmpty ? [""] : given
        let arguments = try FieldArgument.table(invocation, option: "argument")
        let isToExchange = invocation.has("to-exchange")
        let what =
            "\(isDeclaring ? "bind" : "unbind") \(isToExchange ? "exchange" : "queue") "
            + "'\(destination)' \(isDeclaring ? "to" : "from") exchange '\(exchange)'"
        return try await access.withConnection { connection in
            let channel = try await connection.openChannel()
            let census =
                isDeclaring
                ? nil
                : try await BindingCensus(
                    connection,
                    virtualHost: access.options.virtualHost,
                    exchange: exchange,
                    destination: destination,
                    isToExchange: isToExchange
                )
            var missing: [ShortString] = []
            for key in keys {
                let before = try await census?.count()
                try await attempting(what) { () async throws(ClientError) in
                    let binding = Channel.Binding(
                        of: isToExchange ? .exchange(destination) : .queue(destination),
                        to: exchange,
                        key: key,
                        arguments: arguments
                    )
                    try await isDeclaring ? channel.bind(binding) : channel.unbind(binding)
                }
                if let before, try await census?.count() == before { missing.append(key) }
            }
            let done = keys.count - missing.count
            if done > 0 || missing.isEmpty {
                let count = done == 1 ? "1 binding" : "\(done) bindings"
                access.console.say("\(isDeclaring ? "made" : "removed") \(count)")
            }
            guard missing.isEmpty else {
                let list = missing.map { "'\($0)'" }.joined(separator: ", ")
                throw CommandFailure(
                    .notFound,
                    "cannot \(what): no binding has the key \(list)"
                        + (arguments.isEmpty ? "" : " and these arguments")
                )
            }
            return .ok
        }
    }

    private static let list = CommandSpec(
        name: "list",
        summary: "list the bindings of the virtual host",
        options: [
            .value("exchange", short: "e", "NAME", "only those of this exchange"),
            .value("queue", "NAME", "only those that lead to this queue"),
            CommandTree.tableOutput,
        ],
        examples: [
            .init(line: "binding list --exchange logs", effect: "what the exchange leads to"),
            .init(line: "binding list --queue errors", effect: "what leads to the queue"),
        ],
        action: { invocation in
            let exchange = try invocation.shortString("exchange")
            let queue = try invocation.shortString("queue")
            return try await print(invocation) { binding in
                (exchange == nil || binding.source == exchange?.string)
                    && (queue == nil
                        || binding.destination == queue?.string
                            && binding.destinationType == "queue")
            }
        }
    )

    private static let show = CommandSpec(
        name: "show",
        summary: "show the bindings between an exchange and a destination",
        discussion: "Exit code 65 says that there are none.",
        arguments: arguments,
        options: [CommandTree.tableOutput],
        examples: [.init(line: "binding show logs errors", effect: "their keys and arguments")],
        action: { invocation in
            let exchange = try invocation.shortStringArgument(0)
            let destination = try invocation.shortStringArgument(1)
            return try await print(
                invocation,
                orFail: "no binding leads from exchange '\(exchange)' to '\(destination)'"
            ) { binding in
                binding.source == exchange.string && binding.destination == destination.string
            }
        }
    )

    /// Prints the bindings that `isWanted` picks.
    private static func print(
        _ invocation: Invocation,
        orFail problem: String? = nil,
        _ isWanted: (BindingRecord) -> Bool
    ) async throws -> ExitCode {
        try await Inspection.run(invocation) { inspection in
            let path = "bindings/\(inspection.vhost)"
            let all = try await inspection.client.get(path, as: [BindingRecord].self)
            let wanted = all.filter(isWanted)
            if wanted.isEmpty, let problem { throw CommandFailure(.notFound, problem) }
            if inspection.isJSON {
                try inspection.console.write(JSON.array(wanted.map(\.json)).text + "\n")
            } else {
                try inspection.console.write(table(of: wanted).text)
            }
            return .ok
        }
    }

    static func table(of bindings: [BindingRecord]) -> Table {
        var table = Table([
            .text("EXCHANGE"), .text("DESTINATION"), .text("KIND"), .text("KEY"),
            .text("ARGUMENTS"),
        ])
        for binding in bindings {
            table.add([
                binding.source?.isEmpty == true ? "(default)" : binding.source ?? "",
                binding.destination ?? "",
                binding.destinationType ?? "",
                binding.routingKey ?? "",
                JSONRecord.line(binding.arguments),
            ])
        }
        return table
    }
}
