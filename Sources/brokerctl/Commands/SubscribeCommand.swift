import BrokerClient
import Wire

/// The command `brokerctl subscribe`.
enum SubscribeCommand {
    static let spec = CommandSpec(
        name: "subscribe",
        summary: "receive messages as they come",
        discussion: """
            From a queue, or from an exchange through an exclusive queue of its own that goes with
            the command. A message is acknowledged after it has been printed, so one that could not
            be printed goes back to the queue.

            The command runs until it is interrupted, until --count messages have come, or until
            --timeout has passed, which gives exit code 124.
            """,
        arguments: [
            ArgumentSpec(name: "QUEUE", help: "the queue to consume from", isRequired: false)
        ],
        options: [
            .value("exchange", short: "e", "NAME", "subscribe to an exchange instead of a queue"),
            .value("key", short: "k", "KEY", "binding key for --exchange", repeatable: true),
            .value(
                "argument",
                short: "a",
                "NAME[:TYPE]=VALUE",
                "binding argument for a headers exchange, such as x-match=any",
                repeatable: true
            ),
            .value("count", short: "n", "N", "end after N messages"),
            .value("timeout", short: "t", "TIME", "end after this time, such as 10s or 500ms"),
            .value("prefetch", "N", "how many messages may be on their way (100; 0: no limit)"),
            settlementOption,
            .flag("exclusive", "be the queue's only consumer"),
            .value(
                "offset",
                "WHERE",
                "in a stream: " + StreamOffsetArgument.help
            ),
            .value("filter", "VALUE", "in a stream: only this filter value", repeatable: true),
            .value("consumer-tag", "NAME", "the consumer's name; the broker chooses otherwise"),
            .value("consumer-priority", "N", "the consumer's priority (x-priority)"),
            .flag("verbose", short: "v", "with -o text, print properties and headers too"),
            CommandTree.messageOutput,
        ],
        examples: [
            .init(
                line: "subscribe --exchange logs --key 'kern.*' --key '*.critical'",
                effect: "print what a topic exchange routes by either key"
            ),
            .init(line: "subscribe jobs --prefetch 1 --count 1", effect: "take one message"),
            .init(
                line: "subscribe --exchange docs -a x-match=all -a format=pdf -o jsonl",
                effect: "subscribe to a headers exchange, one JSON object on each line"
            ),
            .init(line: "subscribe log --offset 1h", effect: "read an hour of a stream, and on"),
            .init(line: "subscribe jobs --ack requeue --timeout 2s", effect: "look, and put back"),
        ],
        action: run
    )

    static let settlementOption = OptionSpec.choice(
        "ack",
        Settlement.allCases.map(\.rawValue),
        "ack (the default): acknowledge each message once it is printed; none: the broker forgets "
            + "a message when it is sent; reject: refuse it, which dead-letters or drops it; "
            + "requeue: put everything back at the end"
    )

    private struct Source {
        let queue: ShortString?
        let exchange: ShortString
        let keys: [ShortString]
        let arguments: FieldTable
    }

    @Sendable
    private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let source = try source(invocation)
        let prefetch = try invocation.integer("prefetch", in: 0...65535) ?? 100
        let countMax = try invocation.integer("count", in: 1...Int.max)
        let timeout = try invocation.duration("timeout")
        var options = Channel.ConsumeOptions()
        let settlement = Settlement(invocation)
        options.isNoAck = settlement == .none
        options.isExclusive = invocation.has("exclusive")
        options.consumerTag = try invocation.shortString("consumer-tag") ?? ""
        if let priority = try invocation.integer("consumer-priority", in: -128...127) {
            options.arguments["x-priority"] = .int32(Int32(priority))
        }
        if let offset = try StreamOffsetArgument.value(invocation, option: "offset") {
            options.arguments["x-stream-offset"] = offset
        }
        let filters = invocation.values("filter")
        if !filters.isEmpty {
            options.arguments["x-stream-filter"] = .array(filters.map(FieldValue.string))
        }
        let printer = MessagePrinter(
            invocation,
            console: access.console,
            isFromExchange: source.queue == nil
        )
        return try await access.withChannel { channel in
            try await channel.setPrefetch(UInt16(prefetch))
            let queue = try await prepare(source, on: channel)
            let deliveries = try await attempting("subscribe to queue '\(queue)'") {
                () async throws(ClientError) in
                try await channel.consume(queue, options: options)
            }
            access.console.say(announcement(source, queue))
            let reception = Reception(
                deliveries: deliveries,
                queue: queue,
                settlement: settlement,
                countMax: countMax,
                printer: printer
            )
            return try await reception.run(timeout: timeout)
        }
    }

    private static func source(_ invocation: Invocation) throws(UsageError) -> Source {
        let path = invocation.path
        let exchange = try invocation.shortString("exchange")
        let hasQueue = invocation.argument(0) != nil
        guard hasQueue != (exchange != nil) else {
            let problem = hasQueue ? "both a queue and --exchange were given" : "QUEUE is missing"
            throw UsageError("\(problem): subscribe to a queue or to an exchange", path: path)
        }
        if hasQueue, invocation.has("key") || invocation.has("argument") {
            throw UsageError("--key and --argument go with --exchange", path: path)
        }
        return Source(
            queue: hasQueue ? try invocation.shortStringArgument(0) : nil,
            exchange: exchange ?? "",
            keys: try invocation.shortStrings("key"),
            arguments: try FieldArgument.table(invocation, option: "argument")
        )
    }

    /// The queue named, or a new one bound as asked.
    private static func prepare(
        _ source: Source,
        on channel: Channel
    ) async throws -> ShortString {
        if let queue = source.queue { return queue }
        var options = Channel.QueueOptions()
        options.isExclusive = true
        options.isAutoDelete = true
        let queue = try await channel.declareQueue(options: options).name
        for key in source.keys.isEmpty ? [""] : source.keys {
            try await attempting("subscribe to exchange '\(source.exchange)'") {
                () async throws(ClientError) in
                try await channel.bind(
                    .init(
                        of: .queue(queue),
                        to: source.exchange,
                        key: key,
                        arguments: source.arguments
                    )
                )
            }
        }
        return queue
    }

    private static func announcement(_ source: Source, _ queue: ShortString) -> String {
        guard source.queue == nil else { return "waiting for messages in queue '\(queue)'" }
        let keys = source.keys.map { "'\($0)'" }.joined(separator: ", ")
        return "waiting for messages of exchange '\(source.exchange)'"
            + (keys.isEmpty ? "" : " with \(source.keys.count == 1 ? "key" : "keys") \(keys)")
    }
}

/// What is done with a message once it is printed.
enum Settlement: String, CaseIterable {
    case ack
    case none
    case reject
    case requeue

    init(_ invocation: Invocation) {
        self = invocation.value("ack").flatMap(Settlement.init) ?? .ack
    }
}
