import Glibc

/// Runs the simulator over many seeds, one after another.
///
///     Simulate FROM COUNT [trace | first]
///
/// Prints each seed that fails with what was wrong, then one line with sums; with `first`, stops
/// at the first failure. `scripts/simulate` runs several of these at once.
@main
enum Simulate {
    /// The seed that runs, for the signal handler.
    nonisolated(unsafe) private static var current: UInt64 = 0
    /// Longer than this no seed takes by far.
    private static let secondsMax: UInt32 = 60
    /// Failures after which a run has said enough.
    private static let failureMax = 20

    static func main() {
        let arguments = CommandLine.arguments
        guard (3...4).contains(arguments.count), let from = UInt64(arguments[1]),
            let count = UInt64(arguments[2])
        else { fail("usage: Simulate FROM COUNT [trace]") }
        reportTraps()
        if arguments.last == "trace" { trace(from) }
        let failureMax = arguments.last == "first" ? 1 : failureMax
        var sums = SimulationStatistics()
        var failures = 0
        for seed in from..<from &+ count {
            current = seed
            alarm(secondsMax)
            let report = SimulationReport(seed: seed)
            sums += report.statistics
            guard let failure = report.failure else { continue }
            print(failure)
            failures += 1
            if failures == failureMax { fail("\(failures) failures are enough") }
        }
        print("seeds \(from) to \(from &+ count &- 1), \(failures) failed: \(sums)")
        exit(failures == 0 ? 0 : 1)
    }

    /// Prints all that happens as it happens.
    private static func trace(_ seed: UInt64) -> Never {
        current = seed
        do {
            _ = try Simulation(seed: seed) {
                print($0)
                fflush(nil)
            }.run()
        } catch {
            fail("seed \(seed): \(error)")
        }
        exit(0)
    }

    private static func fail(_ text: String) -> Never {
        fflush(nil)
        say(text)
        exit(1)
    }

    private static func say(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// Names the seed when the broker traps, or does not come to an end.
    private static func reportTraps() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGALRM] {
            signal(number) { number in
                let seed = Simulate.current
                Simulate.say(
                    "seed \(seed): died of signal \(number)\n"
                        + "replay: scripts/simulate --seeds 1 --from \(seed) --trace"
                )
                _exit(128 + number)
            }
        }
    }
}
