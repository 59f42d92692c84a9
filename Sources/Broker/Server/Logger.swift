/// How much a log line matters; in order.
package enum LogLevel: String, CaseIterable, Comparable, Sendable {
    /// For finding out what a client or the broker does: every connection opened and closed.
    case debug
    /// Normal but worth knowing: started, ready, stopping.
    case info
    /// Something is wrong and the broker carries on: refused logins, protocol errors, limits.
    case warning
    /// The broker cannot do what it is for.
    case error

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

/// Writes the log: one line at a time, from any thread.
///
///     log.info("ready", ["listening": address])
///
/// What is below the level costs one comparison: neither facts nor time are evaluated.
package final class Logger: Sendable {
    /// Takes a whole line, its line feed included; says whether it went.
    typealias Sink = @Sendable ([UInt8]) -> Bool

    /// The least level written.
    let level: LogLevel
    private let clock: @Sendable () -> WallTime
    private let output: Output

    /// Logs to standard error.
    package convenience init(level: LogLevel) {
        self.init(level: level, clock: SystemClock.wallTime) { line in
            Self.writeToStandardError(line)
        }
    }

    /// Logs to `sink`, with the time by `clock`.
    init(level: LogLevel, clock: @escaping @Sendable () -> WallTime, sink: @escaping Sink) {
        self.level = level
        self.clock = clock
        output = Output(sink: sink)
    }

    /// Writes a line for those who look for something.
    package func debug(
        _ what: StaticString,
        _ facts: @autoclosure () -> LogFacts = [:]
    ) { if level <= .debug { write(.debug, what, facts()) } }

    /// Writes a line about something normal.
    package func info(
        _ what: StaticString,
        _ facts: @autoclosure () -> LogFacts = [:]
    ) { if level <= .info { write(.info, what, facts()) } }

    /// Writes a line about something that is wrong and got over.
    package func warning(
        _ what: StaticString,
        _ facts: @autoclosure () -> LogFacts = [:]
    ) { if level <= .warning { write(.warning, what, facts()) } }

    /// Writes a line about something the broker cannot get over.
    package func error(
        _ what: StaticString,
        _ facts: @autoclosure () -> LogFacts = [:]
    ) { write(.error, what, facts()) }

    private func write(
        _ level: LogLevel,
        _ what: StaticString,
        _ facts: LogFacts
    ) {
        var line = LogLine(clock(), level, what)
        for (key, value) in facts.pairs { line.append(key, value) }
        line.finish()
        output.write(line) { lostCount in
            var notice = LogLine(clock(), .warning, "log lines lost")
            notice.append("count", "\(lostCount)")
            notice.finish()
            return notice
        }
    }

    /// One `write` per line, so that lines of several processes on one pipe stay whole.
    private static func writeToStandardError(_ line: [UInt8]) -> Bool {
        unsafe line.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
                guard case .done(let count) = unsafe Syscalls.write(2, rest) else { return false }
                written += count
            }
            return true
        }
    }

    /// Where the lines go, one at a time; counts those that did not.
    private final class Output: @unchecked Sendable {
        private let lock = Lock()
        private let sink: Sink
        private var lostCount = 0

        init(sink: @escaping Sink) { self.sink = sink }

        func write(_ line: LogLine, lossNotice: (Int) -> LogLine) {
            lock.withLock {
                if lostCount > 0, sink(lossNotice(lostCount).bytes) { lostCount = 0 }
                if !sink(line.bytes) { lostCount += 1 }
            }
        }
    }
}
