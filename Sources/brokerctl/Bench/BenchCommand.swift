/// The command `brokerctl bench`.
enum BenchCommand {
    static let spec = CommandSpec(
        name: "bench",
        summary: "measure throughput and latency",
        discussion: """
            Every publisher and consumer has a connection of its own in this process. Without
            --queue or --exchange a queue is made and deleted afterwards. Latency is measured from
            publishing to delivery, and from publishing to its confirm; bodies of less than 8 bytes
            have no room for the time, so that only confirms are measured then.

            A benchmark without --rate measures latency under full load, most of which is waiting
            in queues; give --rate to see the latency of a broker that keeps up.
            """,
        options: [
            .value("publishers", "N", "how many publish (1)"),
            .value("consumers", "N", "how many consume (1)"),
            .value("size", "BYTES", "size of a body (100)"),
            .value("confirm", "N", "use confirms, with up to N unconfirmed for each publisher"),
            .value("rate", "N", "publish N messages a second, all together"),
            .value("count", "N", "end after N messages"),
            .value("duration", "TIME", "end after this time (10s)"),
            .value("prefetch", "N", "unacknowledged messages for each consumer (1000)"),
            .choice(
                "ack",
                BenchPlan.Acknowledgement.allCases.map(\.rawValue),
                "each (the default), many with one multiple acknowledgement, or none"
            ),
            .value("queue", "NAME", "use this queue, which exists"),
            .value("exchange", short: "e", "NAME", "publish to this exchange, which exists"),
            .value("key", short: "k", "KEY", "routing key, and binding key of the queue made"),
            .flag("persistent", short: "p", "persistent messages, and a durable queue"),
            CommandTree.tableOutput,
        ],
        examples: [
            .init(line: "bench --size 16 --ack none --duration 5s", effect: "the fastest path"),
            .init(
                line: "bench --publishers 2 --consumers 2 --confirm 100 --persistent",
                effect: "safe messages"
            ),
            .init(
                line: "bench --rate 10000 --duration 30s -o json",
                effect: "latency at 10,000 messages a second"
            ),
        ],
        action: { invocation in
            let access = try BrokerAccess(invocation)
            let run = BenchRun(plan: try BenchPlan(invocation), access: access)
            let report = try await run.run()
            if invocation.value("output") == "json" {
                try access.console.write(report.json.text + "\n")
            } else {
                try access.console.write(report.text)
            }
            guard report.refused == 0 else {
                throw CommandFailure(.failure, "the broker refused \(report.refused) messages")
            }
            return .ok
        }
    )
}
