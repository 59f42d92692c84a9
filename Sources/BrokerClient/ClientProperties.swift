import Wire

/// What the client tells the broker about itself (AMQP 0-9-1 §1.4.2.2, client-properties).
enum ClientProperties {
    /// RabbitMQ's names of the extensions this client understands.
    private static let capabilities: FieldTable = [
        "publisher_confirms": .bool(true),
        "exchange_exchange_bindings": .bool(true),
        "basic.nack": .bool(true),
        "consumer_cancel_notify": .bool(true),
        "connection.blocked": .bool(true),
        "authentication_failure_close": .bool(true),
    ]

    /// The application's own properties come last and do not replace the client's.
    static func table(for options: ConnectionOptions) -> FieldTable {
        var table: FieldTable = [
            "product": .string("brokerd BrokerClient"),
            "platform": .string("Swift"),
            "capabilities": .table(capabilities),
        ]
        if let name = options.connectionName { table["connection_name"] = .string(name) }
        for entry in options.clientProperties.entries where table[entry.name] == nil {
            table.entries.append(entry)
        }
        return table
    }
}
