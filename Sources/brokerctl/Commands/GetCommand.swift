import BrokerClient
import Wire

/// The command `brokerctl get`.
enum GetCommand {
    static let spec = CommandSpec(
        name: "get",
        summary: "fetch messages that are there already",
        discussion: "Exit code 2 says that the queue was empty.",
        arguments: [ArgumentSpec(name: "QUEUE", help: "the queue to fetch from")],
        options: [
            .value("count", short: "n", "N", "fetch up to N messages (1)"),
            SubscribeCommand.settlementOption,
            .flag("verbose", short: "v", "with -o text, print properties and headers too"),
            CommandTree.messageOutput,
        ],
        examples: [
            .init(line: "get jobs", effect: "take one message, or exit with 2"),
            .init(line: "get jobs --ack requeue -o json", effect: "look at one and put it back"),
            .init(line: "get jobs --count 10 --ack none -o raw", effect: "drain ten bodies"),
        ],
        action: run
    )

    @Sendable
    private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let queue = try invocation.shortStringArgument(0)
        let countMax = try invocation.integer("count", in: 1...Int.max) ?? 1
        let settlement = Settlement(invocation)
        return try await access.withChannel { channel in
            var printer = MessagePrinter(
                invocation,
                console: access.console,
                isFromExchange: false
            )
            var count = 0
            var last: DeliveryTag?
            while count < countMax {
                let fetched = try await attempting("get from queue '\(queue)'") {
                    () async throws(ClientError) in
                    try await channel.get(queue, isNoAck: settlement == .none)
                }
                guard let fetched else { break }
                try printer.print(ReceivedMessage(fetched))
                count += 1
                last = fetched.tag
                switch settlement {
                case .ack: try channel.ack(fetched.tag)
                case .reject: try channel.reject(fetched.tag, requeue: false)
                case .none, .requeue: break
                }
            }
            if settlement == .requeue, let last {
                try channel.nack(last, isMultiple: true, requeue: true)
            }
            try printer.finish()
            guard count > 0 else {
                throw CommandFailure(.conditionNotMet, "queue '\(queue)' is empty")
            }
            return .ok
        }
    }
}
