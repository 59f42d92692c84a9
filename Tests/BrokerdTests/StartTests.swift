import Glibc
import TestSupport
import Testing
import Wire

@Suite("brokerd at its start", .timeLimit(.minutes(5)))
struct StartTests {
    @Test("prints its help on standard output")
    func help() throws {
        let daemon = try Daemon(["--help"])
        let text = daemon.outputText()
        #expect(text.contains("Usage: brokerd") && text.contains("--listen HOST:PORT"))
        #expect(text.contains("Examples:"))
        #expect(daemon.errorText() == "")
        #expect(daemon.exitCode() == 0)
    }

    @Test("prints its version on standard output")
    func version() throws {
        let daemon = try Daemon(["--version"])
        let words = daemon.outputText().split(whereSeparator: \.isWhitespace)
        #expect(words.count == 2 && words.first == "brokerd")
        #expect(daemon.exitCode() == 0)
    }

    @Test("refuses a flag it does not know, with 64")
    func unknownFlag() throws {
        let daemon = try Daemon(["--heartbeet", "5"])
        #expect(
            daemon.errorText() == "brokerd: unknown flag --heartbeet; did you mean --heartbeat?\n"
        )
        #expect(daemon.exitCode() == 64)
    }

    @Test("refuses a wrong configuration file, naming file, line and key, with 78")
    func wrongFile() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("brokerd.conf", "# brokers\nheartbeat = soon\n")
        let daemon = try Daemon(["--config", file])
        #expect(
            daemon.errorText()
                == "brokerd: \(file):2: heartbeat: \"soon\" is not a time such as 500ms, "
                + "10s or 5min\n"
        )
        #expect(daemon.exitCode() == 78)
    }

    @Test("refuses a wrong variable, with 78")
    func wrongVariable() throws {
        let daemon = try Daemon([], environment: ["BROKERD_REACTORS": "0"])
        #expect(
            daemon.errorText()
                == "brokerd: BROKERD_REACTORS: \"0\" is not a whole number from 1 to 256\n"
        )
        #expect(daemon.exitCode() == 78)
    }

    @Test("says which port is in use, with 69")
    func portInUse() throws {
        let (first, port) = try Daemon.ready()
        let second = try Daemon(["--listen", "127.0.0.1:\(port)", "--log-level", "error"])
        #expect(
            second.errorText()
                == "brokerd: cannot listen on 127.0.0.1:\(port): Address already in use\n"
        )
        #expect(second.exitCode() == 69)
        first.send(SIGTERM)
        #expect(first.exitCode() == 0)
    }

    @Test("says which host does not exist, with 69")
    func unknownHost() throws {
        let daemon = try Daemon(["--listen", "host.invalid:0", "--log-level", "error"])
        #expect(daemon.errorText().hasPrefix("brokerd: cannot resolve host \"host.invalid\": "))
        #expect(daemon.exitCode() == 69)
    }

    @Test(
        "says what is wrong with the data directory, with 73",
        arguments: [
            ("/dev/null", "Not a directory"),
            ("/no/such/place", "No such file or directory"),
        ]
    )
    func dataDirectory(path: String, reason: String) throws {
        let daemon = try Daemon(["--data-dir", path, "--listen", "127.0.0.1:0"])
        #expect(daemon.errorText() == "brokerd: cannot use data directory \(path): \(reason)\n")
        #expect(daemon.exitCode() == 73)
    }

    @Test("takes settings from file, environment and flags, and says where it listens")
    func ready() throws {
        let directory = try TemporaryDirectory()
        let text = "listeners.tcp.1 = host.invalid:1\nlog.level = error\n"
        let file = try directory.file("brokerd.conf", text)
        let daemon = try Daemon(
            ["--log-level", "info"],
            environment: ["BROKERD_CONFIG": file, "BROKERD_LISTEN": "127.0.0.1:0,127.0.0.1:0"]
        )
        let recovered = try #require(daemon.line(containing: " info recovered "))
        #expect(recovered.contains("queues=0 messages=0"))
        let ready = try #require(daemon.line(containing: " info ready "))
        let ports = ready.split(separator: "=")[1].split(separator: ",").compactMap { address in
            address.split(separator: ":").last.flatMap { UInt16($0) }
        }
        #expect(ports.count == 2)
        for port in ports { _ = try RawClient.opened(port: port) }
        daemon.send(SIGTERM)
        #expect(daemon.exitCode() == 0)
    }

    @Test("takes no more connections than it may")
    func connectionMax() throws {
        let (daemon, port) = try Daemon.ready(["--connection-max", "1"])
        let first = try RawClient.opened(port: port)
        let second = try #require(RawClient(port: port))
        #expect(try second.nextMethod() == nil)
        let line = try #require(daemon.line(containing: "connection refused: too many"))
        #expect(line.contains("max=1"))
        daemon.send(SIGTERM)
        #expect(try first.nextMethod()?.id == ConnectionClose.id)
        first.leave()
        #expect(daemon.exitCode() == 0)
    }
}
