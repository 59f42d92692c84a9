/// All commands and the options they share.
enum CommandTree {
    static let root: CommandSpec = CommandSpec(
        name: "brokerctl",
        summary: "publish to, subscribe to and inspect an AMQP 0-9-1 broker",
        discussion: """
            Data goes to standard output, talk to standard error. Every command that prints data
            takes -o json. 'brokerctl COMMAND --help' explains a command and shows examples.
            """,
        options: commonOptions,
        examples: [
            .init(
                line: "queue declare jobs --durable",
                effect: "make a queue that survives a restart"
            ),
            .init(
                line: "publish --key jobs --persistent --confirm 'resize 1.png'",
                effect: "put a message into it and wait until the broker has taken it"
            ),
            .init(
                line: "subscribe jobs --prefetch 1 --count 1",
                effect: "take one message out of it"
            ),
            .init(line: "queue list", effect: "see all queues"),
        ],
        subcommands: [
            PublishCommand.spec,
            SubscribeCommand.spec,
            GetCommand.spec,
            QueueCommands.spec,
            ExchangeCommands.spec,
            BindingCommands.spec,
            PolicyCommands.user.spec,
            PolicyCommands.operator.spec,
            ConnectionCommands.connections,
            ConnectionCommands.channels,
            ConnectionCommands.consumers,
            StatusCommands.status,
            StatusCommands.ping,
            BenchCommand.spec,
            DataCommands.spec,
            CompletionCommand.spec,
        ]
    )

    private static let commonOptions: [OptionSpec] = [
        .value(
            "url",
            "URL",
            "the broker, amqp://user:password@host:port/vhost; else BROKERCTL_URL, "
                + "else amqp://guest:guest@127.0.0.1:5672/"
        ),
        .value("vhost", "NAME", "the virtual host, instead of the URL's"),
        .flag("quiet", short: "q", "say nothing but errors on standard error"),
        .flag("help", short: "h", "explain the command"),
        .flag("version", "print the version"),
    ]

    /// How commands that print records can print them.
    static let tableOutput = OptionSpec.choice(
        "output",
        short: "o",
        ["table", "json"],
        "a table for people (the default) or JSON for programs"
    )

    /// How commands can print what they did.
    static let resultOutput = OptionSpec.choice(
        "output",
        short: "o",
        ["text", "json"],
        "a sentence on standard error (the default) or a JSON object on standard output"
    )

    /// How commands that print messages can print them.
    static let messageOutput = OptionSpec.choice(
        "output",
        short: "o",
        ["text", "json", "jsonl", "raw"],
        "text (the default): one line for each message; json: one array; jsonl: one object on "
            + "each line; raw: the bodies' bytes and nothing else"
    )
}
