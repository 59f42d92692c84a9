import Testing

@testable import Broker

@Suite("Log")
struct LoggerTests {
    @Test("writes time, level, what, and facts in the order given")
    func line() {
        let journal = LineCollector()
        let log = journal.logger(level: .info)
        log.info("connection opened", ["connection": "127.0.0.1:4->127.0.0.1:5", "user": "guest"])
        #expect(
            journal.text == "2026-11-21T04:17:00.123Z info connection opened "
                + "connection=127.0.0.1:4->127.0.0.1:5 user=guest\n"
        )
    }

    @Test(
        "writes times as RFC 3339 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
        ]
    )
    func time(milliseconds: Int64, expected: String) {
        let line = LogLine(WallTime(milliseconds: milliseconds), .info, "x")
        #expect(String(decoding: line.bytes, as: UTF8.self) == "\(expected) info x")
    }

    @Test(
        "keeps plain values bare and quotes and escapes the others",
        arguments: [
            ("guest", "guest"), ("/a.b-c:1->2", "/a.b-c:1->2"), ("", "\"\""), ("a b", "\"a b\""),
            ("a=b", "\"a=b\""), ("say \"x\"", #""say \"x\"""#), (#"back\slash"#, #""back\\slash""#),
            ("two\nlines\r\n", #""two\nlines\r\n""#), ("\u{1b}[2J", #""\u{1b}[2J""#),
            ("\u{9b}31m", #""\u{9b}31m""#), ("nul\0", #""nul\u{0}""#),
            ("\u{202e}gnp.exe", #""\u{202e}gnp.exe""#), ("\u{2028}", #""\u{2028}""#),
            ("tab\there", #""tab\there""#), ("größe", "\"größe\""), ("\u{7f}", #""\u{7f}""#),
        ]
    )
    func escaping(value: String, expected: String) {
        var line = LogLine(.epoch, .info, "x")
        line.append("key", value)
        #expect(String(decoding: line.bytes, as: UTF8.self).hasSuffix(" info x key=\(expected)"))
    }

    @Test("makes of any octets a client sends one line without control characters")
    func hostileOctets() {
        let octets = (0...255).map { UInt8($0) } + (0...255).map { UInt8($0) }.reversed()
        var line = LogLine(.epoch, .info, "x")
        line.append("key", String(decoding: octets, as: UTF8.self))
        #expect(line.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    }

    @Test("cuts long values")
    func long() {
        var line = LogLine(.epoch, .info, "x")
        line.append("key", String(repeating: "ä", count: 1_000_000))
        #expect(line.bytes.count < 2200)
        #expect(String(decoding: line.bytes, as: UTF8.self).hasSuffix("ää…\""))
    }

    @Test(
        "writes only what is at or above its level, and evaluates nothing else",
        arguments: LogLevel.allCases
    )
    func levels(level: LogLevel) {
        let journal = LineCollector()
        let log = journal.logger(level: level)
        var evaluated: [LogLevel] = []
        func fact(_ level: LogLevel) -> String {
            evaluated.append(level)
            return "1"
        }
        log.debug("a", ["n": fact(.debug)])
        log.info("a", ["n": fact(.info)])
        log.warning("a", ["n": fact(.warning)])
        log.error("a", ["n": fact(.error)])
        let expected = LogLevel.allCases.filter { $0 >= level }
        #expect(evaluated == expected)
        #expect(journal.lines.count == expected.count)
    }

    @Test("hands every line over in one piece, and tells how many it could not")
    func lost() {
        let journal = LineCollector()
        let log = journal.logger(level: .info)
        journal.isFull = true
        log.info("one")
        log.info("two")
        journal.isFull = false
        log.info("three")
        log.info("four")
        #expect(
            journal.lines.map { $0.dropFirst(25) } == [
                "warning log lines lost count=2\n", "info three\n", "info four\n",
            ]
        )
    }

    @Test("lets a bounded number of lines through per interval and counts the others")
    func throttle() {
        var throttle = LogThrottle(countMax: 2, per: .seconds(5))
        let start = Instant(nanoseconds: 1_000)
        #expect(throttle.admit(at: start) == 0)
        #expect(throttle.admit(at: start + .seconds(1)) == 0)
        #expect(throttle.admit(at: start + .seconds(2)) == nil)
        #expect(throttle.admit(at: start + .milliseconds(4999)) == nil)
        #expect(throttle.admit(at: start + .seconds(5)) == 2)
        #expect(throttle.admit(at: start + .seconds(5)) == 0)
        #expect(throttle.admit(at: start + .seconds(5)) == nil)
        #expect(throttle.admit(at: start + .seconds(11)) == 1)
    }
}

/// Keeps what a logger writes.
final class LineCollector: @unchecked Sendable {
    private let lock = Lock()
    private var collected: [String] = []
    private var refuses = false

    var lines: [String] { lock.withLock { collected } }
    var text: String { lines.joined() }

    /// Whether lines are turned away.
    var isFull: Bool {
        get { lock.withLock { refuses } }
        set { lock.withLock { refuses = newValue } }
    }

    /// A logger that writes here, always at the same time of day.
    func logger(level: LogLevel) -> Logger {
        Logger(level: level, clock: { WallTime(milliseconds: 1_795_234_620_123) }) { line in
            self.lock.withLock {
                if self.refuses { return false }
                self.collected.append(String(decoding: line, as: UTF8.self))
                return true
            }
        }
    }
}

extension WallTime {
    fileprivate static let epoch = Self(milliseconds: 0)
}
