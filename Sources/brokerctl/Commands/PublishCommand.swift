import BrokerClient
import Glibc
import Wire

/// The command `brokerctl publish`.
enum PublishCommand {
    static let spec = CommandSpec(
        name: "publish",
        summary: "publish messages",
        discussion: """
            The body is the argument, the content of --file, or standard input for '-'. With
            --lines every line of the input is a message of its own.

            Without --confirm the messages are sent and the channel is closed properly, so that an
            exchange that does not exist is noticed. With --confirm every message is confirmed by
            the broker before the command ends; with --mandatory a message that no queue gets makes
            the exit code 2.
            """,
        arguments: [
            ArgumentSpec(
                name: "BODY",
                help: "the message, or - for standard input",
                isRequired: false
            )
        ],
        options: [
            .value("exchange", short: "e", "NAME", "the exchange; the default one if left out"),
            .value("key", short: "k", "KEY", "the routing key; for the default exchange a queue"),
            .value("file", short: "f", "PATH", "read the body from a file", completion: .file),
            .flag("lines", short: "l", "publish each line of the input as a message"),
            .value("count", short: "n", "N", "publish each message N times (1)"),
            .flag("confirm", short: "c", "wait until the broker has confirmed every message"),
            .value("window", "N", "how many messages may await their confirm (1024)"),
            .flag("mandatory", "exit with 2 if a message reaches no queue; implies --confirm"),
            CommandTree.resultOutput,
        ] + propertyOptions,
        examples: [
            .init(
                line: "publish --exchange logs --key kern.critical 'A critical kernel error'",
                effect: "publish to a topic exchange"
            ),
            .init(
                line: "publish --key jobs --persistent --confirm 'resize 1.png'",
                effect: "put a message into the queue jobs and wait until it is safe"
            ),
            .init(
                line: "publish -e docs -H format=pdf -H pages:int=12 --file report.pdf",
                effect: "publish a file with headers"
            ),
            .init(
                line: "publish --key jobs --lines --confirm < jobs.txt",
                effect: "publish a file line by line"
            ),
        ],
        action: run
    )

    private static let propertyOptions: [OptionSpec] = [
        .value(
            "header",
            short: "H",
            "NAME[:TYPE]=VALUE",
            "a header; " + FieldArgument.typesHelp,
            repeatable: true
        ),
        .value(
            "delay",
            "DURATION",
            "how long an x-delayed-message exchange keeps it, as 1500ms or 2h"
        ),
        .flag("persistent", short: "p", "delivery mode 2: survives a restart in a durable queue"),
        .value("priority", "0-255", "priority, for queues with x-max-priority"),
        .value("expiration", "MS", "time to live in milliseconds"),
        .value("content-type", "TYPE", "MIME type of the body"),
        .value("content-encoding", "NAME", "encoding of the body, such as gzip"),
        .value("correlation-id", "ID", "names the request a reply belongs to"),
        .value("reply-to", "QUEUE", "where replies are wanted"),
        .value("message-id", "ID", "names the message"),
        .value("timestamp", "SECONDS|now", "when it was made, in seconds since 1970"),
        .value("type", "NAME", "kind of message"),
        .value("user-id", "NAME", "the publishing user; the broker checks it"),
        .value("app-id", "NAME", "the publishing application"),
        .value("cluster-id", "NAME", "passed on as it is"),
    ]

    /// Where to and how.
    private struct Target: Sendable {
        let exchange: ShortString
        let key: ShortString
        let isMandatory: Bool
        let properties: BasicProperties

        var shown: String {
            exchange.isEmpty ? "queue '\(key)'" : "exchange '\(exchange)'"
        }
    }

    @Sendable
    private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let target = try target(invocation)
        let repeats = try invocation.integer("count", in: 1...Int.max) ?? 1
        let window = try invocation.integer("window", in: 1...1_000_000) ?? 1024
        let needsConfirm = invocation.has("confirm") || target.isMandatory
        var bodies = try BodySource(invocation)
        return try await access.withChannel { channel in
            let returns = channel.returns
            if needsConfirm { try await channel.enableConfirms(windowMax: window) }
            let count = try await attempting("publish to \(target.shown)") {
                () async throws(ClientError) in
                try await publishAll(&bodies, to: target, repeats: repeats, on: channel)
            }.get()
            var counts: ConfirmCounts?
            if needsConfirm {
                counts = try await attempting("publish to \(target.shown)") {
                    () async throws(ClientError) in
                    try await channel.waitForConfirms()
                }
            }
            await channel.close()
            if let end = channel.end, end != .closed {
                throw CommandFailure(end, doing: "publish to \(target.shown)")
            }
            for await returned in returns { report(returned) }
            let returned = channel.returnedCount
            if invocation.value("output") == "json" {
                try access.console.write(json(count, counts, returned).text + "\n")
            }
            return try conclude(count, counts, returned, access.console)
        }
    }

    /// Publishes until the source is exhausted.
    ///
    /// - Returns: How many messages, or why the source cannot be read.
    private static func publishAll(
        _ bodies: inout BodySource,
        to target: Target,
        repeats: Int,
        on channel: Channel
    ) async throws(ClientError) -> Result<Int, CommandFailure> {
        var count = 0
        while true {
            let body: [UInt8]?
            do throws(CommandFailure) {
                body = try bodies.next()
            } catch {
                return .failure(error)
            }
            guard let body else { return .success(count) }
            let message = Message(body, properties: target.properties)
            for _ in 0..<repeats {
                try await channel.publish(
                    message,
                    to: target.exchange,
                    routingKey: target.key,
                    isMandatory: target.isMandatory
                )
                count += 1
            }
        }
    }

    private static func report(_ returned: ReturnedMessage) {
        let place = returned.exchange.isEmpty ? "the default exchange" : "'\(returned.exchange)'"
        Console.report(
            "brokerctl: message with key '\(returned.routingKey)' was returned by \(place): "
                + "\(returned.replyCode) \(returned.replyText)"
        )
    }

    private static func json(_ count: Int, _ counts: ConfirmCounts?, _ returned: Int) -> JSON {
        func number(_ count: Int?) -> JSON { count.map { .integer(Int64($0)) } ?? .null }
        return .object([
            ("published", number(count)),
            ("confirmed", number(counts?.accepted)),
            ("refused", number(counts?.refused)),
            ("returned", number(returned)),
        ])
    }

    private static func conclude(
        _ count: Int,
        _ counts: ConfirmCounts?,
        _ returned: Int,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let messages = count == 1 ? "1 message" : "\(HumanNumber.count(count)) messages"
        if let refused = counts?.refused, refused > 0 {
            throw CommandFailure(
                .failure,
                "the broker refused \(HumanNumber.count(refused)) of \(messages)"
            )
        }
        if returned > 0 {
            throw CommandFailure(
                .conditionNotMet,
                "\(HumanNumber.count(returned)) of \(messages) reached no queue"
            )
        }
        console.say("published \(messages)" + (counts == nil ? "" : ", confirmed by the broker"))
        return .ok
    }

    private static func target(_ invocation: Invocation) throws(UsageError) -> Target {
        let exchange = try invocation.shortString("exchange") ?? ""
        let key = try invocation.shortString("key")
        guard key != nil || !exchange.isEmpty else {
            throw UsageError(
                "--key is missing: the default exchange routes to the queue it names",
                path: invocation.path
            )
        }
        return Target(
            exchange: exchange,
            key: key ?? "",
            isMandatory: invocation.has("mandatory"),
            properties: try properties(invocation)
        )
    }

    private static func properties(
        _ invocation: Invocation
    ) throws(UsageError) -> BasicProperties {
        var properties = BasicProperties()
        if invocation.has("header") {
            properties.headers = try FieldArgument.table(invocation, option: "header")
        }
        if let delay = try invocation.duration("delay") {
            let (seconds, attoseconds) = delay.components
            let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
            properties.headers = properties.headers ?? [:]
            properties.headers?["x-delay"] =
                Int32(exactly: milliseconds).map { .int32($0) } ?? .int64(milliseconds)
        }
        if invocation.has("persistent") { properties.deliveryMode = 2 }
        properties.priority = try invocation.integer("priority", in: 0...255).map { UInt8($0) }
        if let milliseconds = try invocation.integer("expiration") {
            properties.expiration = ShortString(String(milliseconds))
        }
        properties.contentType = try invocation.shortString("content-type")
        properties.contentEncoding = try invocation.shortString("content-encoding")
        properties.correlationID = try invocation.shortString("correlation-id")
        properties.replyTo = try invocation.shortString("reply-to")
        properties.messageID = try invocation.shortString("message-id")
        if invocation.value("timestamp") == "now" {
            properties.timestamp = UInt64(time(nil))
        } else if let seconds = try invocation.integer("timestamp") {
            properties.timestamp = UInt64(seconds)
        }
        properties.type = try invocation.shortString("type")
        properties.userID = try invocation.shortString("user-id")
        properties.appID = try invocation.shortString("app-id")
        properties.clusterID = try invocation.shortString("cluster-id")
        return properties
    }
}

/// The bodies one `publish` sends: one from an argument or a file, or one for each line.
struct BodySource {
    private enum Source {
        case single([UInt8])
        case lines(LineReader)
        case exhausted
    }

    private var source: Source

    /// - Throws: `UsageError` when the command line names no source or more than one,
    ///   `CommandFailure` when the file cannot be read.
    init(_ invocation: Invocation) throws {
        let argument = invocation.argument(0)
        let file = invocation.value("file")
        let isByLine = invocation.has("lines")
        if let argument, file != nil {
            throw UsageError(
                "both a body '\(argument)' and --file were given",
                path: invocation.path
            )
        }
        if let argument, argument != "-" {
            source = .single(Array(argument.utf8))
            if isByLine { source = .lines(LineReader(text: argument)) }
            return
        }
        guard let path = file ?? argument ?? (isByLine ? "-" : nil) else {
            throw UsageError(
                "BODY is missing: give it, --file PATH, or - for standard input",
                path: invocation.path
            )
        }
        if isByLine {
            source = .lines(try LineReader(path: path))
        } else {
            var reader = try LineReader(path: path)
            source = .single(try reader.readAll())
        }
    }

    /// The next body, or `nil` when there is no more.
    mutating func next() throws(CommandFailure) -> [UInt8]? {
        switch source {
        case .single(let body):
            source = .exhausted
            return body
        case .lines(var reader):
            // Taken out while it is changed, so that its buffer is not copied.
            source = .exhausted
            let line = try reader.nextLine()
            source = .lines(reader)
            return line
        case .exhausted:
            return nil
        }
    }
}
