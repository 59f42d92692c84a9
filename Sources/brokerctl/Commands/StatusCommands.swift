import BrokerClient
import Wire

/// The commands `brokerctl status` and `brokerctl ping`.
enum StatusCommands {
    static let status = CommandSpec(
        name: "status",
        summary: "show the broker as a whole",
        options: [CommandTree.tableOutput],
        examples: [.init(line: "status", effect: "version, messages, connections, rates, disk")],
        action: { invocation in
            try await Inspection.run(invocation) { inspection in
                try await inspection.show("overview", as: OverviewRecord.self, table: facts)
            }
        }
    )

    private static func facts(_ overview: OverviewRecord) -> String {
        let totals = overview.queueTotals
        let objects = overview.objectTotals
        let stats = overview.messageStats
        let storage = overview.storage ?? []
        let losses = storage.flatMap(\.losses).map { PrintableText.oneLine($0) + "\n" }
        return Inspection.facts(
            [
                ("product", overview.productName ?? "RabbitMQ"),
                ("version", overview.productVersion ?? overview.rabbitmqVersion),
                ("node", overview.node),
                ("ready", totals?.messagesReady.map(HumanNumber.count)),
                ("unacked", totals?.messagesUnacknowledged.map(HumanNumber.count)),
                ("queues", objects?.queues.map(HumanNumber.count)),
                ("exchanges", objects?.exchanges.map(HumanNumber.count)),
                ("connections", objects?.connections.map(HumanNumber.count)),
                ("channels", objects?.channels.map(HumanNumber.count)),
                ("consumers", objects?.consumers.map(HumanNumber.count)),
                ("in", Inspection.rate(stats?.publishDetails)),
                ("out", Inspection.rate(stats?.deliverGetDetails)),
                ("ack", Inspection.rate(stats?.ackDetails)),
            ] + storage.flatMap(\.facts)
        ) + (losses.isEmpty ? "" : "\nwhat the last start could not use:\n" + losses.joined())
    }

    static let ping = CommandSpec(
        name: "ping",
        summary: "check that the broker answers",
        discussion: """
            Connects, logs in, opens a channel, and tells how long that took. Exit code 69 says
            that the broker cannot be reached, 77 that it refuses the user.
            """,
        options: [CommandTree.tableOutput],
        examples: [
            .init(line: "ping", effect: "check the local broker"),
            .init(line: "ping --url amqp://me:secret@broker.example", effect: "check another"),
        ],
        action: runPing
    )

    @Sendable
    private static func runPing(_ invocation: Invocation) async throws -> ExitCode {
        let access = try BrokerAccess(invocation)
        let clock = ContinuousClock()
        let start = clock.now
        return try await access.withConnection { connection in
            _ = try await attempting("open a channel") { () async throws(ClientError) in
                try await connection.openChannel()
            }
            let elapsed = clock.now - start
            let milliseconds = elapsed / .milliseconds(1)
            let product = connection.serverProperties["product"]?.text ?? "unknown"
            let version = connection.serverProperties["version"]?.text ?? ""
            if invocation.value("output") == "json" {
                let json = JSON.object([
                    ("address", .string(access.options.address)),
                    ("product", .string(product)),
                    ("version", .string(version)),
                    ("milliseconds", .number((milliseconds * 1000).rounded() / 1000)),
                ])
                try access.console.write(json.text + "\n")
            } else {
                let platform = connection.serverProperties["platform"]?.text ?? "unknown platform"
                let name = PrintableText.oneLine("\(product) \(version) (\(platform))")
                try access.console.write(
                    "\(name) at \(access.options.address) answered in "
                        + "\(HumanNumber.fixed(milliseconds, places: 1)) ms\n"
                )
            }
            return .ok
        }
    }
}
