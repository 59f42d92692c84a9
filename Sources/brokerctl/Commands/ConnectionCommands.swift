/// The commands of `brokerctl connection`, `channel` and `consumer`.
enum ConnectionCommands {
    static let connections = group(
        "connection",
        "inspect connections",
        path: { _ in "connections" },
        as: ConnectionRecord.self,
        effect: "who is connected, from where and how busy",
        table: table(ofConnections:)
    )

    static let channels = group(
        "channel",
        "inspect channels",
        path: { _ in "channels" },
        as: ChannelRecord.self,
        effect: "prefetch, unacknowledged and unconfirmed messages",
        table: table(ofChannels:)
    )

    static let consumers = group(
        "consumer",
        "inspect consumers",
        path: { "consumers/\($0)" },
        as: ConsumerRecord.self,
        effect: "who consumes from which queue",
        table: table(ofConsumers:)
    )

    /// A group whose only command lists records of one kind.
    private static func group<Record: ListedRecord>(
        _ name: String,
        _ summary: String,
        path: @escaping @Sendable (String) -> String,
        as type: Record.Type,
        effect: String,
        table: @escaping @Sendable ([Record]) -> Table
    ) -> CommandSpec {
        let example = CommandSpec.Example(line: "\(name) list", effect: effect)
        let list = CommandSpec(
            name: "list",
            summary: "list \(name)s",
            options: [CommandTree.tableOutput],
            examples: [
                example,
                .init(line: "\(name) list -o json", effect: "the records of RabbitMQ's HTTP API"),
            ],
            action: { invocation in
                try await Inspection.run(invocation) { inspection in
                    try await inspection.list(path(inspection.vhost), as: type, table: table)
                }
            }
        )
        return CommandSpec(
            name: name,
            summary: summary,
            examples: [example],
            subcommands: [list]
        )
    }

    @Sendable
    static func table(ofConnections connections: [ConnectionRecord]) -> Table {
        var table = Table([
            .text("PEER"), .text("USER"), .text("VHOST"), .text("STATE"), .number("CHANNELS"),
            .number("RECEIVED"), .number("SENT"), .text("CLIENT"),
        ])
        for connection in connections {
            table.add([
                peer(connection.peerHost, connection.peerPort) ?? connection.name ?? "",
                connection.user ?? "",
                connection.vhost ?? "",
                connection.state ?? "",
                Inspection.count(connection.channels),
                Inspection.bytes(connection.recvOct),
                Inspection.bytes(connection.sendOct),
                client(connection.clientProperties),
            ])
        }
        return table
    }

    @Sendable
    static func table(ofChannels channels: [ChannelRecord]) -> Table {
        var table = Table([
            .text("CONNECTION"), .number("CHANNEL"), .text("USER"), .number("CONSUMERS"),
            .number("PREFETCH"), .number("UNACKED"), .number("UNCONFIRMED"), .text("MODE"),
        ])
        for channel in channels {
            let owner = channel.connectionDetails
            let limits = [channel.prefetchCount, channel.globalPrefetchCount].compactMap(\.self)
            table.add([
                peer(owner?.peerHost, owner?.peerPort) ?? owner?.name ?? "",
                channel.number.map(String.init) ?? "",
                channel.user ?? "",
                Inspection.count(channel.consumerCount),
                Inspection.count(limits.max()),
                Inspection.count(channel.messagesUnacknowledged),
                Inspection.count(channel.messagesUnconfirmed),
                Inspection.features([
                    ("confirm", channel.confirm), ("transactional", channel.transactional),
                ]),
            ])
        }
        return table
    }

    @Sendable
    static func table(ofConsumers consumers: [ConsumerRecord]) -> Table {
        var table = Table([
            .text("QUEUE"), .text("CONSUMER"), .text("CHANNEL"), .number("PREFETCH"),
            .text("FEATURES"), .text("ARGUMENTS"),
        ])
        for consumer in consumers {
            table.add([
                consumer.queue?.name ?? "",
                consumer.consumerTag ?? "",
                consumer.channelDetails?.name ?? "",
                Inspection.count(consumer.prefetchCount),
                Inspection.features([
                    ("ack", consumer.ackRequired), ("exclusive", consumer.exclusive),
                    ("inactive", consumer.active.map { !$0 }),
                ]),
                JSONRecord.line(consumer.arguments),
            ])
        }
        return table
    }

    private static func peer(_ host: String?, _ port: Int?) -> String? {
        guard let host, let port else { return nil }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// What the client calls itself.
    private static func client(_ properties: [String: JSONRecord]?) -> String {
        if let name = properties?["connection_name"] { return name.description }
        return ["product", "version"].compactMap { properties?[$0]?.description }.joined(
            separator: " "
        )
    }
}
