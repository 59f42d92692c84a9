import BrokerClient
import Wire

/// The commands of `brokerctl queue`.
enum QueueCommands {
    static let spec = CommandSpec(
        name: "queue",
        summary: "declare, delete, purge and inspect queues",
        examples: [
            .init(line: "queue declare jobs --durable", effect: "make a queue"),
            .init(line: "queue list", effect: "see all queues"),
        ],
        subcommands: [declare, delete, purge, list, show]
    )

    private static let name = ArgumentSpec(name: "NAME", help: "the queue")

    // MARK: declare

    private static let declare = CommandSpec(
        name: "declare",
        summary: "make a queue, or check that it is as described",
        discussion: """
            Exit code 65 says that a queue of this name exists with other properties, or that with
            --passive it does not exist. Without a name the broker chooses one, which is printed.
            An exclusive queue goes when the command ends, so --exclusive only checks.
            """,
        arguments: [ArgumentSpec(name: "NAME", help: "the queue", isRequired: false)],
        options: [
            .flag("durable", short: "d", "survives a restart of the broker"),
            .flag("exclusive", "for this connection only"),
            .flag("auto-delete", "deleted with its last consumer"),
            .flag("passive", "only check that it exists"),
            .choice("type", ["classic", "quorum", "stream"], "kind of queue (x-queue-type)"),
            .value("message-ttl", "TIME", "how long messages live, such as 60s"),
            .value("expires", "TIME", "how long the queue lives unused"),
            .value("max-length", "N", "how many messages it may hold"),
            .value("max-bytes", "N", "how many bytes of bodies it may hold"),
            .choice(
                "overflow",
                ["drop-head", "reject-publish", "reject-publish-dlx"],
                "what happens when it is full"
            ),
            .value("dead-letter-exchange", "NAME", "where expired and rejected messages go"),
            .value(
                "dead-letter-key",
                "KEY",
                "with which routing key; the original one if left out"
            ),
            .value("max-age", "AGE", "how old messages of a stream may become, such as 7D or 12h"),
            .value("max-segment-size", "N", "how many bytes a file of a stream may have"),
            .value("max-priority", "1-255", "highest priority; makes it a priority queue"),
            .flag("single-active-consumer", "only one consumer at a time gets messages"),
            .value("group-header", "NAME", "messages with the same value of it stay in order"),
            .flag("deduplicate", "a message keeps out others with its x-deduplication-header"),
            .value("consumer-timeout", "TIME", "how long a delivery may stay unacknowledged"),
            .value(
                "argument",
                short: "a",
                "NAME[:TYPE]=VALUE",
                "any further argument; " + FieldArgument.typesHelp,
                repeatable: true
            ),
            CommandTree.tableOutput,
        ],
        examples: [
            .init(line: "queue declare jobs --durable", effect: "a queue that survives a restart"),
            .init(
                line: "queue declare recent --max-length 1000 --message-ttl 1h",
                effect: "at most 1000 messages, for at most an hour"
            ),
            .init(
                line: "queue declare log --durable --type stream --max-age 7D",
                effect: "a stream that keeps a week"
            ),
            .init(
                line: "queue declare odd -a x-custom=text -a x-limit:int=5",
                effect: "with arguments brokerctl does not know"
            ),
        ],
        action: runDeclare
    )

    @Sendable
    private static func runDeclare(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let name = invocation.argument(0) == nil ? "" : try invocation.shortStringArgument(0)
        var options = Channel.QueueOptions()
        options.isDurable = invocation.has("durable")
        options.isExclusive = invocation.has("exclusive")
        options.isAutoDelete = invocation.has("auto-delete")
        options.arguments = try arguments(invocation)
        let isPassive = invocation.has("passive")
        if isPassive, name.isEmpty {
            throw UsageError("NAME is missing: --passive checks a queue", path: invocation.path)
        }
        return try await access.withChannel { channel in
            let what = isPassive ? "find queue '\(name)'" : "declare queue '\(name)'"
            let queue = try await attempting(what) { () async throws(ClientError) in
                try await isPassive
                    ? channel.checkQueue(name) : channel.declareQueue(name, options: options)
            }
            try report(queue, wasNamed: !name.isEmpty, invocation, access.console)
            return .ok
        }
    }

    private static func report(
        _ queue: Channel.DeclaredQueue,
        wasNamed: Bool,
        _ invocation: Invocation,
        _ console: Console
    ) throws(CommandFailure) {
        if invocation.value("output") == "json" {
            let json = JSON.object([
                ("name", .string(queue.name.string)),
                ("messages_ready", .integer(Int64(queue.messageCount))),
                ("consumers", .integer(Int64(queue.consumerCount))),
            ])
            return try console.write(json.text + "\n")
        }
        if !wasNamed { try console.write("\(queue.name)\n") }
        console.say(
            "queue '\(queue.name)' has \(HumanNumber.count(Int(queue.messageCount))) messages "
                + "ready and \(HumanNumber.count(Int(queue.consumerCount))) consumers"
        )
    }

    /// The arguments of the friendly options and those given as they are.
    static func arguments(_ invocation: Invocation) throws(UsageError) -> FieldTable {
        var table = FieldTable()
        func integer(_ option: String, _ name: ShortString, max: Int = .max) throws(UsageError) {
            guard let value = try invocation.integer(option, in: 0...max) else { return }
            table[name] = .int64(Int64(value))
        }
        func milliseconds(_ option: String, _ name: ShortString) throws(UsageError) {
            guard let duration = try invocation.duration(option) else { return }
            table[name] = .int64(Int64((duration / .milliseconds(1)).rounded()))
        }
        func text(_ option: String, _ name: ShortString) {
            if let value = invocation.value(option) { table[name] = .string(value) }
        }
        text("type", "x-queue-type")
        try milliseconds("message-ttl", "x-message-ttl")
        try milliseconds("expires", "x-expires")
        try integer("max-length", "x-max-length")
        try integer("max-bytes", "x-max-length-bytes")
        text("overflow", "x-overflow")
        text("dead-letter-exchange", "x-dead-letter-exchange")
        text("dead-letter-key", "x-dead-letter-routing-key")
        text("max-age", "x-max-age")
        try integer("max-segment-size", "x-stream-max-segment-size-bytes")
        text("group-header", "x-group-header")
        if invocation.has("deduplicate") { table["x-message-deduplication"] = .bool(true) }
        try milliseconds("consumer-timeout", "x-consumer-timeout")
        try integer("max-priority", "x-max-priority", max: 255)
        if invocation.has("single-active-consumer") {
            table["x-single-active-consumer"] = .bool(true)
        }
        for entry in try FieldArgument.table(invocation, option: "argument").entries {
            table[entry.name] = entry.value
        }
        return table
    }

    // MARK: delete and purge

    private static let delete = CommandSpec(
        name: "delete",
        summary: "delete a queue with its messages",
        discussion: "Exit code 65 says that it does not exist, or is not unused or empty as asked.",
        arguments: [name],
        options: [
            .flag("if-unused", "only when it has no consumers"),
            .flag("if-empty", "only when it has no messages"),
            CommandTree.resultOutput,
        ],
        examples: [.init(line: "queue delete jobs --if-empty", effect: "delete it if it is empty")],
        action: { invocation in
            let access = try BrokerAccess(invocation)
            let name = try invocation.shortStringArgument(0)
            return try await access.withChannel { channel in
                let count = try await attempting("delete queue '\(name)'") {
                    () async throws(ClientError) in
                    // RabbitMQ calls deleting nothing a success; a person wants to know.
                    _ = try await channel.checkQueue(name)
                    return try await channel.deleteQueue(
                        name,
                        ifUnused: invocation.has("if-unused"),
                        ifEmpty: invocation.has("if-empty")
                    )
                }
                let messages = HumanNumber.count(Int(count))
                return try invocation.report(
                    "deleted queue '\(name)' with \(messages) messages",
                    [("name", .string(name.string)), ("messages", .integer(Int64(count)))],
                    access.console
                )
            }
        }
    )

    private static let purge = CommandSpec(
        name: "purge",
        summary: "drop the ready messages of a queue",
        discussion: "Messages that are delivered and not yet acknowledged stay.",
        arguments: [name],
        options: [CommandTree.resultOutput],
        examples: [.init(line: "queue purge jobs", effect: "empty the queue")],
        action: { invocation in
            let access = try BrokerAccess(invocation)
            let name = try invocation.shortStringArgument(0)
            return try await access.withChannel { channel in
                let count = try await attempting("purge queue '\(name)'") {
                    () async throws(ClientError) in
                    try await channel.purgeQueue(name)
                }
                return try invocation.report(
                    "dropped \(HumanNumber.count(Int(count))) messages of queue '\(name)'",
                    [("name", .string(name.string)), ("messages", .integer(Int64(count)))],
                    access.console
                )
            }
        }
    )

    // MARK: list and show

    private static let list = CommandSpec.list(
        "list the queues of the virtual host",
        examples: [
            .init(line: "queue list", effect: "a table"),
            .init(line: "queue list -o json", effect: "the records of RabbitMQ's HTTP API"),
        ],
        at: "queues",
        table: table(of:)
    )

    @Sendable
    static func table(of queues: [QueueRecord]) -> Table {
        var table = Table([
            .text("NAME"), .number("READY"), .number("UNACKED"), .number("CONSUMERS"),
            .number("IN"), .number("OUT"), .number("ACK"), .number("MEMORY"), .text("FEATURES"),
        ])
        for queue in queues {
            table.add([
                queue.name ?? "",
                Inspection.count(queue.messagesReady),
                Inspection.count(queue.messagesUnacknowledged),
                Inspection.count(queue.consumers),
                Inspection.rate(queue.messageStats?.publishDetails),
                Inspection.rate(queue.messageStats?.deliverGetDetails),
                Inspection.rate(queue.messageStats?.ackDetails),
                Inspection.bytes(queue.memory),
                features(queue),
            ])
        }
        return table
    }

    private static func features(_ queue: QueueRecord) -> String {
        Inspection.features([
            ("quorum", queue.type == "quorum"), ("stream", queue.type == "stream"),
            ("durable", queue.durable), ("exclusive", queue.exclusive),
            ("auto-delete", queue.autoDelete), ("arguments", queue.arguments?.isEmpty == false),
        ])
    }

    private static let show = CommandSpec.show(
        "queue",
        summary: "show one queue with its bindings",
        example: .init(line: "queue show jobs", effect: "everything about the queue jobs"),
        at: path,
        facts: facts,
        more: { name, inspection in
            let bindings = "\(path(name, inspection))/bindings"
            return try await inspection.show(bindings, as: [BindingRecord].self) {
                "\n" + BindingCommands.table(of: $0).text
            }
        }
    )

    @Sendable
    private static func path(_ name: ShortString, _ inspection: Inspection) -> String {
        "queues/\(inspection.vhost)/\(ManagementClient.encoded(name))"
    }

    @Sendable
    private static func facts(_ queue: QueueRecord) -> String {
        Inspection.facts([
            ("name", queue.name),
            ("virtual host", queue.vhost),
            ("type", queue.type),
            ("features", features(queue)),
            ("arguments", JSONRecord.line(queue.arguments)),
            ("policy", queue.policy),
            ("operator policy", queue.operatorPolicy),
            ("by policy", JSONRecord.line(queue.effectivePolicyDefinition)),
            ("state", queue.state),
            ("ready", queue.messagesReady.map(HumanNumber.count)),
            ("unacked", queue.messagesUnacknowledged.map(HumanNumber.count)),
            ("dead, not yet elsewhere", queue.messagesDlx.map(HumanNumber.count)),
            ("consumers", queue.consumers.map(HumanNumber.count)),
            ("in", Inspection.rate(queue.messageStats?.publishDetails)),
            ("out", Inspection.rate(queue.messageStats?.deliverGetDetails)),
            ("ack", Inspection.rate(queue.messageStats?.ackDetails)),
            ("memory", queue.memory.map(HumanNumber.bytes)),
            ("first offset", queue.firstOffset.map { "\($0)" }),
            ("next offset", queue.nextOffset.map { "\($0)" }),
            ("segments", queue.segments.map(HumanNumber.count)),
            ("on disk", queue.logBytes.map(HumanNumber.bytes)),
        ])
    }
}
