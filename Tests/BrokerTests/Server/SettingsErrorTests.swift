import Testing

@testable import Broker

@Suite("Settings errors")
struct SettingsErrorTests {
    @Test(
        "of the command line name the flag",
        arguments: [
            (["--heartbeet", "5"], "unknown flag --heartbeet; did you mean --heartbeat?"),
            (["--xyzzy"], "unknown flag --xyzzy; brokerd --help lists them"),
            (["start"], "unexpected argument \"start\"; brokerd --help lists what there is"),
            (["--"], "unexpected argument \"--\"; brokerd --help lists what there is"),
            (["-x"], "unexpected argument \"-x\"; brokerd --help lists what there is"),
            (["--reactors"], "--reactors needs a value"),
            (["--config"], "--config needs a value"),
            (["--reactors", "0"], "--reactors: \"0\" is not a whole number from 1 to 256"),
            (["--reactors=-1"], "--reactors: \"-1\" is not a whole number from 1 to 256"),
            (["--reactors", "two"], "--reactors: \"two\" is not a whole number from 1 to 256"),
            (["--data-dir="], "--data-dir: \"\" is not a path"),
            (
                ["--log-level", "INFO"],
                "--log-level: \"INFO\" is not one of debug, info, warning, error"
            ),
            (
                ["--listen", "localhost"],
                "--listen: \"localhost\" is not HOST:PORT, such as 127.0.0.1:5672, "
                    + "[::1]:5672 or localhost:5672"
            ),
        ] as [([String], String)]
    )
    func commandLine(arguments: [String], expected: String) {
        #expect(throws: SettingsError(.commandLine, expected)) { try load(arguments) }
        #expect(SettingsError(.commandLine, expected).exitCode == .usage)
    }

    @Test(
        "of the file name file, line and key",
        arguments: [
            ("\nheartbeat", "2: \"heartbeat\" is not of the form key = value"),
            ("= 5", "1: \"= 5\" is not of the form key = value"),
            (
                "# x\n\nheartbaet = 5",
                "3: heartbaet: there is no such setting; did you mean heartbeat?"
            ),
            ("vm_memory.absolute = 1", "1: vm_memory.absolute: there is no such setting"),
            (
                "listeners.tcp. = a:1",
                "1: listeners.tcp.: there is no such setting; did you mean listeners.tcp.*?"
            ),
            ("heartbeat = 1\nheartbeat = 1", "2: heartbeat: set before, on line 1"),
            (
                "listeners.tcp.1 = a:1\nlisteners.tcp.1 = a:2",
                "2: listeners.tcp.1: set before, on line 1"
            ),
            ("heartbeat = soon", "1: heartbeat: \"soon\" is not a time such as 500ms, 10s or 5min"),
            ("heartbeat = 1500ms", "1: heartbeat: \"1500ms\" is not in whole seconds"),
            ("heartbeat = 24h", "1: heartbeat: \"24h\" is not between 0s and 65535s"),
            (
                "handshake_timeout = 0",
                "1: handshake_timeout: \"0\" is not between 1ms and 3600s"
            ),
            ("frame_max = 4096", "1: frame_max: \"4096\" is not between 8192 and 524288 bytes"),
            (
                "max_message_size = 1TiB",
                "1: max_message_size: \"1TiB\" is not a size such as 131072, 128k or 64MiB"
            ),
            (
                "max_message_size = 9999999999999999999",
                "1: max_message_size: \"9999999999999999999\" is not a size such as 131072, "
                    + "128k or 64MiB"
            ),
            (
                "max_message_size = 9999999999GiB",
                "1: max_message_size: \"9999999999GiB\" is not between 1 and 536870912 bytes"
            ),
            ("channel_max = 0", "1: channel_max: \"0\" is not a whole number from 1 to 65535"),
            ("channel_max = +5", "1: channel_max: \"+5\" is not a whole number from 1 to 65535"),
        ]
    )
    func file(text: String, expected: String) {
        let error = SettingsError(.file, "brokerd.conf:\(expected)")
        #expect(throws: error) { try load(file: text) }
        #expect(error.exitCode == .configuration)
    }

    @Test("of the environment name the variable")
    func environment() {
        let error = SettingsError(
            .environment,
            "BROKERD_FRAME_MAX: \"big\" is not a size such as 131072, 128k or 64MiB"
        )
        #expect(throws: error) { try load(environment: ["BROKERD_FRAME_MAX": "big"]) }
        #expect(error.exitCode == .configuration)
    }

    @Test("name a file that cannot be read, and who asked for it")
    func unreadable() {
        #expect(
            throws: SettingsError(.file, "--config: cannot read /no: No such file or directory")
        ) { try load(["--config", "/no"]) }
        #expect(
            throws: SettingsError(
                .file,
                "BROKERD_CONFIG: cannot read /no: No such file or directory"
            )
        ) { try load(environment: ["BROKERD_CONFIG": "/no"]) }
    }

    @Test("tell of bounds that contradict each other")
    func contradiction() {
        let error = SettingsError(
            .file,
            "outbound_buffer_high (8388608 bytes) is more than outbound_buffer_max (4194304 bytes)"
        )
        #expect(throws: error) { try load(["--outbound-buffer-high", "8MiB"]) }
    }

    @Test(
        "come from the system for what is no configuration file",
        arguments: [
            ("/no/such/file", "cannot read /no/such/file: No such file or directory"),
            ("/", "cannot read /: Is a directory"),
            ("/dev/zero", "cannot read /dev/zero: it is larger than 1048576 bytes"),
        ]
    )
    func system(path: String, expected: String) {
        #expect {
            _ = try SettingsFile.read(path)
        } throws: { error in
            "\(error)" == expected
        }
    }
}

@Suite("Endpoints")
struct EndpointTests {
    @Test(
        "are read as people write them",
        arguments: [
            ("127.0.0.1:5672", "127.0.0.1", 5672), ("[::1]:1", "::1", 1),
            ("localhost:0", "localhost", 0), ("5672", nil, 5672), ("host:65535", "host", 65535),
        ] as [(String, String?, UInt16)]
    )
    func valid(text: String, host: String?, port: UInt16) {
        let endpoint = Endpoint(text)
        #expect(endpoint == Endpoint(host: host, port: port))
        #expect(endpoint?.description == text)
    }

    @Test(
        "are refused when they are not",
        arguments: [
            "", ":", ":5672", "host", "host:", "host:65536", "host:-1", "::1:5672", "[::1]", "[]:1",
            "a b:1", "host:1x", "amqp://host:1", "host:+1", " host:1",
        ]
    )
    func invalid(text: String) { #expect(Endpoint(text) == nil) }
}
