/// One setting: its names in the three places it may be set, and what setting it does.
struct SettingDefinition: Sendable {
    /// Name in the configuration file.
    ///
    /// A trailing `*` stands for any name, and then the setting may be set several times: values
    /// collect.
    let key: String
    /// Name on the command line, without the dashes; upper case with BROKERD_ before it and
    /// underscores in it, the name in the environment.
    let flag: String
    /// What a value looks like, for the help.
    let placeholder: String
    /// One line for the help, with the default.
    let help: String
    /// Puts a value into the settings.
    let assign: @Sendable (String, inout Settings) throws(InvalidValue) -> Void
    /// Forgets what a weaker source set; only for settings that collect values.
    var reset: (@Sendable (inout Settings) -> Void)?

    /// Name in the environment.
    var variable: String {
        "BROKERD_" + flag.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    var isRepeatable: Bool { reset != nil }

    /// Whether a key of a configuration file means this setting.
    func matches(_ name: String) -> Bool {
        guard key.hasSuffix("*") else { return name == key }
        return name.hasPrefix(key.dropLast()) && name.utf8.count >= key.utf8.count
    }
}

/// All settings there are; file, environment, flags and help are read off this one table.
enum SettingTable {
    /// In the order of the help.
    static let all = places + storage + protocolBounds + memoryBounds

    private static let places = [
        SettingDefinition(
            key: "listeners.tcp.*",
            flag: "listen",
            placeholder: "HOST:PORT",
            help: "Where to accept connections; repeatable (127.0.0.1:5672)",
            assign: { text, settings throws(InvalidValue) in
                settings.endpoints.append(try SettingValue.endpoint(text))
            },
            reset: { $0.endpoints = [] }
        ),
        SettingDefinition(
            key: "data_dir",
            flag: "data-dir",
            placeholder: "DIR",
            help: "Where data is kept; created if missing (see docs)",
            assign: { text, settings throws(InvalidValue) in
                settings.dataDirectory = try SettingValue.path(text)
            }
        ),
        SettingDefinition(
            key: "reactors",
            flag: "reactors",
            placeholder: "N",
            help: "Threads that serve connections, 1 to 256 (one per processor)",
            assign: { text, settings throws(InvalidValue) in
                settings.reactorCount = try SettingValue.count(text, in: 1...256)
            }
        ),
        SettingDefinition(
            key: "log.level",
            flag: "log-level",
            placeholder: "LEVEL",
            help: "debug, info, warning or error (info)",
            assign: { text, settings throws(InvalidValue) in
                settings.logLevel = try SettingValue.logLevel(text)
            }
        ),
    ]

    private static let storage = [
        SettingDefinition(
            key: "sync",
            flag: "sync",
            placeholder: "POLICY",
            help: "What a confirm waits for: confirm, interval or none (confirm)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.sync = try SettingValue.syncPolicy(text)
            }
        ),
        SettingDefinition(
            key: "sync_interval",
            flag: "sync-interval",
            placeholder: "TIME",
            help: "Longest time between syncs with --sync interval (1s)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.syncInterval = try SettingValue.duration(
                    text,
                    bareUnit: .milliseconds(1),
                    in: .milliseconds(1)...(.seconds(3600))
                )
            }
        ),
        SettingDefinition(
            key: "disk_free_limit.absolute",
            flag: "disk-free-limit",
            placeholder: "SIZE",
            help: "Free disk space below which publishers are blocked (64MiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.diskFreeLimit = try SettingValue.size(text, in: 0...(1 << 50))
            }
        ),
    ]

    private static let protocolBounds = [
        SettingDefinition(
            key: "channel_max",
            flag: "channel-max",
            placeholder: "N",
            help: "Channels per connection, 1 to 65535 (2047)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.channelMax = try SettingValue.count(text, in: 1...65535)
            }
        ),
        SettingDefinition(
            key: "frame_max",
            flag: "frame-max",
            placeholder: "SIZE",
            help: "Largest frame, 8KiB to 512KiB (128KiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.frameMax = try SettingValue.size(text, in: 8192...524_288)
            }
        ),
        SettingDefinition(
            key: "heartbeat",
            flag: "heartbeat",
            placeholder: "TIME",
            help: "Heartbeat proposed to clients, whole seconds; 0 for none (60s)",
            assign: { text, settings throws(InvalidValue) in
                let longest = Duration.seconds(65535)
                let interval = try SettingValue.duration(
                    text,
                    bareUnit: .seconds(1),
                    in: .zero...longest
                )
                guard interval.components.attoseconds == 0 else {
                    throw InvalidValue(description: "\"\(text)\" is not in whole seconds")
                }
                settings.limits.heartbeatSeconds = Int(interval.components.seconds)
            }
        ),
        SettingDefinition(
            key: "handshake_timeout",
            flag: "handshake-timeout",
            placeholder: "TIME",
            help: "Time to open a connection; a bare number is in ms (10s)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.handshakeTimeout = try SettingValue.duration(
                    text,
                    bareUnit: .milliseconds(1),
                    in: .milliseconds(1)...(.seconds(3600))
                )
            }
        ),
        SettingDefinition(
            key: "consumer_timeout",
            flag: "consumer-timeout",
            placeholder: "TIME",
            help: "Time to acknowledge a delivery; 0 for ever (30min)",
            assign: { text, settings throws(InvalidValue) in
                // RabbitMQ switches it off by this word.
                settings.limits.consumerTimeout =
                    text == "undefined"
                    ? .zero
                    : try SettingValue.duration(
                        text,
                        bareUnit: .milliseconds(1),
                        in: .zero...AcknowledgementTimeout.longest
                    )
            }
        ),
        SettingDefinition(
            key: "shutdown_timeout",
            flag: "shutdown-timeout",
            placeholder: "TIME",
            help: "Time clients get to say goodbye at a stop (5s)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.shutdownTimeout = try SettingValue.duration(
                    text,
                    bareUnit: .seconds(1),
                    in: .zero...(.seconds(3600))
                )
            }
        ),
    ]

    private static let memoryBounds = [
        SettingDefinition(
            key: "connection_max",
            flag: "connection-max",
            placeholder: "N",
            help: "Connections at once (infinity: as open files allow)",
            assign: { text, settings throws(InvalidValue) in
                let isUnbounded = text == "infinity"
                settings.limits.connectionMax =
                    isUnbounded ? nil : try SettingValue.count(text, in: 0...10_000_000)
            }
        ),
        SettingDefinition(
            key: "max_message_size",
            flag: "max-message-size",
            placeholder: "SIZE",
            help: "Largest message body, up to 512MiB (128MiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.messageSizeMax = try SettingValue.size(text, in: 1...(1 << 29))
            }
        ),
        SettingDefinition(
            key: "message_memory",
            flag: "message-memory",
            placeholder: "SIZE",
            help: "Messages kept in memory; more are on disk only (128MiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.messageMemoryMax =
                    try SettingValue.size(text, in: 65536...(1 << 40))
            }
        ),
        SettingDefinition(
            key: "outbound_buffer_high",
            flag: "outbound-buffer-high",
            placeholder: "SIZE",
            help: "Unsent bytes at which deliveries stop (256KiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.outboundSizeHigh =
                    try SettingValue.size(text, in: 4096...(1 << 30))
            }
        ),
        SettingDefinition(
            key: "outbound_buffer_max",
            flag: "outbound-buffer-max",
            placeholder: "SIZE",
            help: "Unsent bytes at which reading stops (4MiB)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.outboundSizeMax = try SettingValue.size(text, in: 4096...(1 << 30))
            }
        ),
        SettingDefinition(
            key: "tcp_listen_options.backlog",
            flag: "listen-backlog",
            placeholder: "N",
            help: "Connections the kernel keeps waiting per listener (1024)",
            assign: { text, settings throws(InvalidValue) in
                settings.limits.listenBacklog = try SettingValue.count(text, in: 1...65535)
            }
        ),
    ]
}
