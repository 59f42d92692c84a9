import Testing

@testable import Broker

@Suite("Settings")
struct SettingsTests {
    /// One way to set something, and what must come of it.
    struct Example: CustomTestStringConvertible {
        let key: String
        let flag: String
        let value: String
        let change: @Sendable (inout Settings) -> Void

        init(
            _ key: String,
            _ flag: String,
            _ value: String,
            _ change: @escaping @Sendable (inout Settings) -> Void
        ) {
            self.key = key
            self.flag = flag
            self.value = value
            self.change = change
        }

        var testDescription: String { "\(key) = \(value)" }

        var expected: Settings {
            var settings = Settings()
            change(&settings)
            return settings
        }
    }

    static let examples = [
        Example("listeners.tcp.1", "listen", "[::1]:5673") {
            $0.endpoints = [Endpoint(host: "::1", port: 5673)]
        },
        Example("listeners.tcp.default", "listen", "5672") {
            $0.endpoints = [Endpoint(host: nil, port: 5672)]
        },
        Example("data_dir", "data-dir", "/var/lib/brokerd") {
            $0.dataDirectory = "/var/lib/brokerd"
        },
        Example("reactors", "reactors", "3") { $0.reactorCount = 3 },
        Example("log.level", "log-level", "warning") { $0.logLevel = .warning },
        Example("channel_max", "channel-max", "17") { $0.limits.channelMax = 17 },
        Example("frame_max", "frame-max", "64KiB") { $0.limits.frameMax = 65536 },
        Example("heartbeat", "heartbeat", "25") { $0.limits.heartbeatSeconds = 25 },
        Example("heartbeat", "heartbeat", "2min") { $0.limits.heartbeatSeconds = 120 },
        Example("heartbeat", "heartbeat", "0") { $0.limits.heartbeatSeconds = 0 },
        Example("handshake_timeout", "handshake-timeout", "2500") {
            $0.limits.handshakeTimeout = .milliseconds(2500)
        },
        Example("handshake_timeout", "handshake-timeout", "3s") {
            $0.limits.handshakeTimeout = .seconds(3)
        },
        Example("consumer_timeout", "consumer-timeout", "90000") {
            $0.limits.consumerTimeout = .seconds(90)
        },
        Example("consumer_timeout", "consumer-timeout", "2h") {
            $0.limits.consumerTimeout = .seconds(7200)
        },
        Example("consumer_timeout", "consumer-timeout", "0") {
            $0.limits.consumerTimeout = .zero
        },
        Example("consumer_timeout", "consumer-timeout", "undefined") {
            $0.limits.consumerTimeout = .zero
        },
        Example("shutdown_timeout", "shutdown-timeout", "7") {
            $0.limits.shutdownTimeout = .seconds(7)
        },
        Example("connection_max", "connection-max", "100") { $0.limits.connectionMax = 100 },
        Example("connection_max", "connection-max", "infinity") { $0.limits.connectionMax = nil },
        Example("max_message_size", "max-message-size", "16MB") {
            $0.limits.messageSizeMax = 16_000_000
        },
        Example("message_memory", "message-memory", "1GiB") {
            $0.limits.messageMemoryMax = 1 << 30
        },
        Example("sync", "sync", "interval") { $0.limits.sync = .interval },
        Example("sync", "sync", "none") { $0.limits.sync = .none },
        Example("sync_interval", "sync-interval", "250") {
            $0.limits.syncInterval = .milliseconds(250)
        },
        Example("disk_free_limit.absolute", "disk-free-limit", "50MB") {
            $0.limits.diskFreeLimit = 50_000_000
        },
        Example("outbound_buffer_high", "outbound-buffer-high", "128k") {
            $0.limits.outboundSizeHigh = 131_072
        },
        Example("outbound_buffer_max", "outbound-buffer-max", "1 GiB") {
            $0.limits.outboundSizeMax = 1 << 30
        },
        Example("tcp_listen_options.backlog", "listen-backlog", "128") {
            $0.limits.listenBacklog = 128
        },
    ]

    @Test("are RabbitMQ's defaults when nothing is said")
    func defaults() throws {
        let settings = try load()
        #expect(settings == Settings())
        #expect(settings.endpoints.map(\.description) == ["127.0.0.1:5672"])
        #expect(settings.limits.channelMax == 2047)
        #expect(settings.limits.frameMax == 131_072)
        #expect(settings.limits.heartbeatSeconds == 60)
        #expect(settings.limits.messageSizeMax == 134_217_728)
        #expect(settings.limits.handshakeTimeout == .seconds(10))
        #expect(settings.logLevel == .info)
    }

    @Test("can be set in the file, in the environment and by a flag", arguments: examples)
    func everySource(_ example: Example) throws {
        let variable =
            "BROKERD_" + example.flag.uppercased().split(separator: "-").joined(separator: "_")
        #expect(try load(file: "\(example.key) = \(example.value)") == example.expected)
        #expect(try load(environment: [variable: example.value]) == example.expected)
        #expect(try load(["--\(example.flag)", example.value]) == example.expected)
        #expect(try load(["--\(example.flag)=\(example.value)"]) == example.expected)
    }

    @Test("have an example above for every row of the table, and all its rows are named apart")
    func complete() {
        for definition in SettingTable.all {
            let isCovered = Self.examples.contains { definition.matches($0.key) }
            #expect(isCovered, "\(definition.key)")
        }
        #expect(Set(SettingTable.all.map(\.key)).count == SettingTable.all.count)
        #expect(Set(SettingTable.all.map(\.flag)).count == SettingTable.all.count)
    }

    @Test("obey flags before the environment, and the environment before the file")
    func precedence() throws {
        let file = "heartbeat = 1\nchannel_max = 1\nreactors = 1"
        let environment = ["BROKERD_HEARTBEAT": "2", "BROKERD_CHANNEL_MAX": "2"]
        let settings = try load(["--heartbeat", "3"], environment: environment, file: file)
        #expect(settings.limits.heartbeatSeconds == 3)
        #expect(settings.limits.channelMax == 2)
        #expect(settings.reactorCount == 1)
    }

    @Test("take all listeners from the strongest source that has any")
    func listeners() throws {
        let file = "listeners.tcp.1 = a:1\nlisteners.tcp.2 = b:2"
        let environment = ["BROKERD_LISTEN": "c:3,d:4"]
        #expect(try load(file: file).endpoints.map(\.description) == ["a:1", "b:2"])
        #expect(
            try load(environment: environment, file: file).endpoints.map(\.description)
                == ["c:3", "d:4"]
        )
        let flags = ["--listen", "e:5", "--listen=[::]:6"]
        #expect(
            try load(flags, environment: environment, file: file).endpoints.map(\.description)
                == ["e:5", "[::]:6"]
        )
    }

    @Test("let the last of a repeated flag win")
    func repeatedFlag() throws {
        #expect(try load(["--reactors", "1", "--reactors", "2"]).reactorCount == 2)
    }

    @Test("ignore empty variables and those that are no settings")
    func foreignVariables() throws {
        let environment = [
            "BROKERD_PORT": "tcp://10.0.0.1:5672", "BROKERD_LISTEN": "", "HOME": "/",
        ]
        #expect(try load(environment: environment) == Settings())
    }

    @Test("find the file by flag or by variable, the flag first")
    func configurationFile() throws {
        let read: (String) throws(SystemError) -> String = { path in
            "reactors = \(path == "one" ? 1 : 2)"
        }
        let byVariable = try Invocation(
            arguments: [],
            environment: ["BROKERD_CONFIG": "one"],
            readFile: read
        )
        let byFlag = try Invocation(
            arguments: ["--config", "two"],
            environment: ["BROKERD_CONFIG": "one"],
            readFile: read
        )
        var expected = Settings()
        expected.reactorCount = 1
        #expect(byVariable == .run(expected))
        expected.reactorCount = 2
        #expect(byFlag == .run(expected))
    }

    @Test("give way to a wish for the help or the version")
    func requests() throws {
        let read: (String) throws(SystemError) -> String = { _ in "nonsense" }
        for (arguments, expected) in [
            (["--help"], Invocation.help), (["-h"], .help), (["--version"], .version),
            (["--config", "x", "--version", "--bad"], .version),
        ] {
            let invocation = try Invocation(
                arguments: arguments,
                environment: ["BROKERD_REACTORS": "many"],
                readFile: read
            )
            #expect(invocation == expected)
        }
    }

    @Test("are all in the help")
    func help() {
        for definition in SettingTable.all {
            #expect(Usage.text.contains("--\(definition.flag) \(definition.placeholder)"))
            #expect(Usage.text.contains("\(definition.key) = "))
        }
        let width = Usage.text.split(separator: "\n").map(\.count).max() ?? 0
        #expect(width <= 95)
    }

    @Test("skip comments and blank lines of the file, whatever its line ends")
    func comments() throws {
        let file = "# a\r\n\r\n  heartbeat = 5 # five\r\n\tdata_dir = /a#b c\t\r\nlog.level=debug"
        let settings = try load(file: file)
        #expect(settings.limits.heartbeatSeconds == 5)
        #expect(settings.dataDirectory == "/a#b c")
        #expect(settings.logLevel == .debug)
    }
}

/// Reads settings with `file`, if any, as brokerd.conf.
func load(
    _ arguments: [String] = [],
    environment: [String: String] = [:],
    file: String? = nil
) throws -> Settings {
    let invocation = try Invocation(
        arguments: file == nil ? arguments : ["--config", "brokerd.conf"] + arguments,
        environment: environment,
        readFile: { path throws(SystemError) in
            guard let file, path == "brokerd.conf" else {
                throw SystemError("cannot read \(path)", reason: "No such file or directory")
            }
            return file
        }
    )
    guard case .run(let settings) = invocation else { throw SettingsError(.file, "not a run") }
    return settings
}
