import Glibc

/// Throws sessions of several clients, valid and mutated, at the core.
///
///     SessionFuzz SECONDS [SEED]
///
/// Session n runs on seed SEED + n, and prints it when it fails; that session alone is
/// `SessionFuzz 0 SEED`. A session fails when the core traps, when AddressSanitizer finds
/// something, when what a client receives is no valid dialogue, when a split of the input changes
/// what the core does, or when memory of messages is left at the end.
@main
enum SessionFuzz {
    /// The seed of the session that runs, for the signal handler.
    nonisolated(unsafe) private static var current: UInt64 = 0

    static func main() {
        let arguments = CommandLine.arguments
        guard (2...3).contains(arguments.count), let seconds = Int(arguments[1]), seconds >= 0
        else {
            fail("usage: SessionFuzz SECONDS [SEED]")
        }
        guard
            let seed = arguments.count == 3 ? UInt64(arguments[2]) : UInt64.random(in: 0..<1 << 32)
        else { fail("SEED is a number") }
        reportTraps()
        print("seed \(seed)")
        fflush(nil)
        let end = time(nil) + seconds
        var sessions: UInt64 = 0
        repeat {
            current = seed &+ sessions
            run(current)
            sessions += 1
        } while time(nil) < end
        print("\(sessions) sessions passed")
    }

    private static func run(_ seed: UInt64) {
        do throws(Failure) {
            if seed % 8 == 0 {
                try SplitCheck.run(seed: seed)
            } else {
                var session = Session(seed: seed)
                try session.run()
            }
        } catch {
            fail(report("session \(seed): \(error.what)", seed))
        }
    }

    private static func fail(_ text: String) -> Never {
        say(text)
        exit(1)
    }

    private static func report(_ what: String, _ seed: UInt64) -> String {
        "\(what)\nreplay: scripts/fuzz 0 \(seed)"
    }

    private static func say(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// Names the session when the core traps or AddressSanitizer aborts.
    private static func reportTraps() {
        for number in [SIGILL, SIGTRAP, SIGABRT] {
            signal(number) { number in
                let seed = SessionFuzz.current
                SessionFuzz.say(SessionFuzz.report("session \(seed) died", seed))
                _exit(128 + number)
            }
        }
    }
}

/// What a session did that it must not.
struct Failure: Error {
    let what: String
}
