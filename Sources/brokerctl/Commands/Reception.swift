import BrokerClient
import Wire

/// Prints deliveries until enough have come or time is up, and settles each once it is printed.
struct Reception {
    let deliveries: Deliveries
    /// Where they come from.
    let queue: ShortString
    let settlement: Settlement
    /// `nil` for no end.
    let countMax: Int?
    let printer: MessagePrinter

    /// - Parameter timeout: For the whole reception; `nil` for none.
    /// - Returns: `.ok` when enough came, `.timeout` when time was up before.
    /// - Throws: `CommandFailure` when printing fails, or what ended the consumer.
    func run(timeout: Duration?) async throws -> ExitCode {
        let worker = Task { try await receive() }
        let alarm = timeout.map { timeout in
            Task {
                do {
                    try await Task.sleep(for: timeout)
                    worker.cancel()
                } catch {
                    // Cancelled: enough came in time.
                    return
                }
            }
        }
        let isComplete = try await worker.value
        alarm?.cancel()
        return isComplete ? .ok : .timeout
    }

    /// - Returns: Whether as many came as were wanted.
    private func receive() async throws -> Bool {
        var count = 0
        var last: DeliveryTag?
        var printer = printer
        var iterator = deliveries.makeAsyncIterator()
        while count != countMax {
            guard let delivery = try await next(&iterator, printer) else { break }
            try printer.print(ReceivedMessage(delivery))
            count += 1
            last = delivery.tag
            try settle(delivery.tag)
        }
        if settlement == .requeue, let last {
            try deliveries.channel.nack(last, isMultiple: true, requeue: true)
        }
        try printer.finish()
        return count == countMax
    }

    private func next(
        _ iterator: inout Deliveries.AsyncIterator,
        _ printer: MessagePrinter
    ) async throws(CommandFailure) -> Delivery? {
        do throws(ClientError) {
            return try await iterator.next()
        } catch {
            try printer.finish()
            if case .consumerCancelled = error {
                throw CommandFailure(
                    .notFound,
                    "the broker ended the subscription to queue '\(queue)', as when it is deleted"
                )
            }
            throw CommandFailure(error, doing: "go on receiving")
        }
    }

    private func settle(_ tag: DeliveryTag) throws(ClientError) {
        switch settlement {
        case .ack: try deliveries.channel.ack(tag)
        case .reject: try deliveries.channel.reject(tag, requeue: false)
        case .none, .requeue: break
        }
    }
}

extension ReceivedMessage {
    init(_ delivery: Delivery) {
        self.init(
            exchange: delivery.exchange,
            routingKey: delivery.routingKey,
            isRedelivered: delivery.isRedelivered,
            message: delivery.message
        )
    }

    init(_ fetched: FetchedMessage) {
        self.init(
            exchange: fetched.exchange,
            routingKey: fetched.routingKey,
            isRedelivered: fetched.isRedelivered,
            remaining: fetched.messageCount,
            message: fetched.message
        )
    }
}

/// Prints messages one after the other in the format asked for.
struct MessagePrinter: Sendable {
    private let format: MessageFormat
    private let style: MessageFormat.TextStyle
    private let console: Console
    private var count = 0

    init(_ invocation: Invocation, console: Console, isFromExchange: Bool) {
        format = MessageFormat(invocation)
        self.console = console
        style =
            invocation.has("verbose") ? .everything : isFromExchange ? .keyAndBody : .body
    }

    mutating func print(_ message: ReceivedMessage) throws(CommandFailure) {
        let opening = Array(format.opening(index: count).utf8)
        try console.write(opening + format.bytes(of: message, style: style))
        count += 1
    }

    /// Ends what the format has opened.
    func finish() throws(CommandFailure) {
        let closing = format.closing(count: count)
        if !closing.isEmpty { try console.write(closing) }
    }
}
