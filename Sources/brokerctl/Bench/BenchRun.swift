import BrokerClient
import Synchronization
import Wire

/// Runs a plan from setting up to cleaning up.
struct BenchRun {
    let plan: BenchPlan
    let access: BrokerAccess
    private let tally = BenchTally()
    /// How long consumers may be idle after the last publish before the rest counts as lost.
    private static let idleMax = 5

    init(plan: BenchPlan, access: BrokerAccess) {
        self.plan = plan
        self.access = access
    }

    /// - Returns: What was found.
    /// - Throws: `CommandFailure`, after deleting what was made for the benchmark.
    func run() async throws(CommandFailure) -> BenchReport {
        let control = try await access.connect()
        let result: Result<BenchReport, CommandFailure>
        do throws(CommandFailure) {
            let channel = try await attempting("open a channel") { () async throws(ClientError) in
                try await control.openChannel()
            }
            let queue = try await prepareQueue(channel)
            do throws(CommandFailure) {
                result = .success(try await measure(queue))
            } catch {
                result = .failure(error)
            }
            // After a failure the queue goes with its consumers, if there is still a broker.
            if plan.queue == nil, !queue.isEmpty, case .success = result {
                _ = try await attempting("delete queue '\(queue)'") {
                    () async throws(ClientError) in
                    try await channel.deleteQueue(queue)
                }
            }
        } catch {
            await control.close()
            throw error
        }
        await control.close()
        return try result.get()
    }

    /// The queue to use; the empty name when messages only go to an exchange.
    private func prepareQueue(_ channel: Channel) async throws(CommandFailure) -> ShortString {
        let plan = plan
        if let queue = plan.queue {
            return try await attempting("use queue '\(queue)'") { () async throws(ClientError) in
                try await channel.checkQueue(queue).name
            }
        }
        guard plan.consumers > 0 else { return "" }
        return try await attempting("make a queue") { () async throws(ClientError) in
            var options = Channel.QueueOptions()
            options.isDurable = plan.isPersistent
            // Not exclusive, because every worker has a connection of its own.
            options.isAutoDelete = true
            let queue = try await channel.declareQueue(options: options).name
            if !plan.exchange.isEmpty {
                try await channel.bind(
                    .init(of: .queue(queue), to: plan.exchange, key: plan.key ?? "")
                )
            }
            return queue
        }
    }

    // MARK: Measuring

    private func measure(_ queue: ShortString) async throws(CommandFailure) -> BenchReport {
        var connections: [Connection] = []
        do throws(CommandFailure) {
            let report = try await measure(queue, &connections)
            for connection in connections { await connection.close() }
            return report
        } catch {
            for connection in connections { await connection.close() }
            throw error
        }
    }

    private func measure(
        _ queue: ShortString,
        _ connections: inout [Connection]
    ) async throws(CommandFailure) -> BenchReport {
        var consumers: [Task<ClientError?, Never>] = []
        for _ in 0..<plan.consumers {
            let consumer = BenchConsumer(
                plan: plan,
                channel: try await channel(&connections),
                tally: tally
            )
            let deliveries = try await attempting("consume from queue '\(queue)'") {
                () async throws(ClientError) in
                try await consumer.start(queue)
            }
            consumers.append(
                Self.task { () async throws(ClientError) in try await consumer.run(deliveries) }
            )
        }
        var publishers: [BenchPublisher] = []
        for index in 0..<plan.publishers {
            publishers.append(
                BenchPublisher(
                    plan: plan,
                    channel: try await channel(&connections),
                    key: plan.key ?? (plan.exchange.isEmpty ? queue : ""),
                    index: index,
                    tally: tally
                )
            )
        }
        return try await watch(consumers, publishers)
    }

    private func channel(_ connections: inout [Connection]) async throws(CommandFailure) -> Channel
    {
        var options = access.options
        // A long queue in the client would be measured as latency of the broker.
        options.outboundBytesMax = 64 << 10
        let connection = try await BrokerAccess(options: options, console: access.console).connect()
        connections.append(connection)
        return try await attempting("open a channel") { () async throws(ClientError) in
            try await connection.openChannel()
        }
    }

    private static func task(
        _ body: @escaping @Sendable () async throws(ClientError) -> Void
    ) -> Task<ClientError?, Never> {
        Task {
            do throws(ClientError) {
                try await body()
                return nil
            } catch {
                return error
            }
        }
    }

    /// Lets the workers work, and tells how it goes.
    private func watch(
        _ consumers: [Task<ClientError?, Never>],
        _ publishers: [BenchPublisher]
    ) async throws(CommandFailure) -> BenchReport {
        let start = BenchClock.now
        let deadline = start + UInt64(plan.duration / .nanoseconds(1))
        let publishing = publishers.map { publisher in
            Self.task { () async throws(ClientError) in try await publisher.run(until: deadline) }
        }
        let progress = Task {
            await BenchProgress(plan: plan, tally: tally, console: access.console).run()
        }
        var failure: ClientError?
        for task in publishing { failure = await task.value ?? failure }
        let publishEnd = BenchClock.now
        if failure == nil { await drain(until: deadline) }
        let consumeEnd = BenchClock.now
        for task in consumers { task.cancel() }
        for task in consumers { failure = await task.value ?? failure }
        progress.cancel()
        await progress.value
        if let failure { throw CommandFailure(failure, doing: "go on with the benchmark") }
        return BenchReport(
            published: tally.published.load(ordering: .relaxed),
            confirmed: tally.confirmed.load(ordering: .relaxed),
            refused: tally.refused.load(ordering: .relaxed),
            consumed: tally.consumed.load(ordering: .relaxed),
            publishSeconds: Double(publishEnd - start) / 1e9,
            consumeSeconds: Double(consumeEnd - start) / 1e9,
            deliveryLatency: tally.deliveryLatency,
            confirmLatency: tally.confirmLatency,
            plan: plan
        )
    }

    /// Waits until everything published is consumed, or nothing comes any more.
    private func drain(until deadline: UInt64) async {
        guard plan.consumers > 0 else { return }
        let wanted = plan.publishers > 0 ? tally.published.load(ordering: .relaxed) : plan.count
        var last = -1
        var changed = BenchClock.now
        while true {
            let consumed = tally.consumed.load(ordering: .relaxed)
            let now = BenchClock.now
            if let wanted, consumed >= wanted { return }
            if plan.publishers == 0, now >= deadline { return }
            if consumed != last {
                last = consumed
                changed = now
            } else if plan.publishers > 0, now - changed > UInt64(Self.idleMax) * 1_000_000_000 {
                return
            }
            do {
                try await Task.sleep(for: .milliseconds(2))
            } catch {
                // Cancelled: nobody waits for the result any more.
                return
            }
        }
    }
}

/// A line on standard error every second.
struct BenchProgress {
    let plan: BenchPlan
    let tally: BenchTally
    let console: Console

    /// Runs until the task is cancelled.
    func run() async {
        var last = (published: 0, consumed: 0)
        var seconds = 0
        while true {
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                // Cancelled: the benchmark is over.
                break
            }
            seconds += 1
            let published = tally.published.load(ordering: .relaxed)
            let consumed = tally.consumed.load(ordering: .relaxed)
            var parts = ["\(seconds) s"]
            if plan.publishers > 0 {
                parts.append("published \(HumanNumber.rate(Double(published - last.published)))")
            }
            if plan.consumers > 0 {
                parts.append("consumed \(HumanNumber.rate(Double(consumed - last.consumed)))")
            }
            if plan.publishers > 0, plan.consumers > 0 {
                parts.append("under way \(HumanNumber.count(max(0, published - consumed)))")
            }
            console.progress(parts.joined(separator: "  "))
            last = (published, consumed)
        }
        if seconds > 0 { console.endProgress() }
    }
}
