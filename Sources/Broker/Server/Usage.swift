/// What `brokerd --help` prints.
package enum Usage {
    /// The whole text, with a line feed at its end.
    package static var text: String {
        let options = SettingTable.all.map { definition in
            ("--\(definition.flag) \(definition.placeholder)", definition.help)
        }
        let others = [
            ("--config FILE", "Read settings from FILE"),
            ("--version", "Print the version and stop"),
            ("--help", "Print this and stop"),
        ]
        return """
            brokerd, a message broker that speaks AMQP 0-9-1 the way RabbitMQ does.

            Usage: brokerd [OPTION]...

            Options (default in parentheses):
            \(columns(options + others))

            A setting is also read from the environment (--log-level is BROKERD_LOG_LEVEL)
            and from the configuration file, as KEY = VALUE. Flags beat the environment,
            the environment beats the file. Keys:
            \(columns(SettingTable.all.map { ("\($0.key) = \($0.placeholder)", "--\($0.flag)") }))

            Sizes are written 131072, 128k or 64MiB, times 500ms, 10s or 5min.

            Examples:
              brokerd
              brokerd --listen 127.0.0.1:5673 --listen '[::1]:5673' --log-level debug
              BROKERD_LISTEN=127.0.0.1:5673 brokerd --config /etc/brokerd.conf

            Signals: TERM and INT stop (a second one at once), HUP does nothing.
            Exit codes: 0 stopped, 1 stopped by a second signal, 64 wrong command line,
            69 cannot listen, 71 refused by the system, 73 data directory unusable,
            78 wrong configuration.

            """
    }

    private static func columns(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { left, right in
            "  \(left)\(String(repeating: " ", count: width - left.count))  \(right)"
        }
        return lines.joined(separator: "\n")
    }
}
