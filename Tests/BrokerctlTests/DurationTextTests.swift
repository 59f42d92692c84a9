import Testing

@testable import brokerctl

@Suite("Duration text")
struct DurationTextTests {
    @Test(
        "a number with a unit is a time, without one it is seconds",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("10s", .seconds(10)), ("10", .seconds(10)),
            ("1.5", .milliseconds(1500)), ("5m", .seconds(300)), ("2h", .seconds(7200)),
            ("1d", .seconds(86400)), ("7us", .microseconds(7)), ("0", .zero),
        ]
    )
    func parses(_ text: String, _ duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(
        "anything else is no time",
        arguments: ["", "s", "-1s", "1x", "1 s", "1.2.3", "1e9", "9999d"]
    )
    func refuses(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "the short form chooses its unit",
        arguments: [
            (UInt64(999), "999 ns"), (1500, "1.50 µs"), (999_000, "999 µs"),
            (1_250_000, "1.25 ms"), (3_000_000_000, "3.00 s"),
        ]
    )
    func short(_ nanoseconds: UInt64, _ text: String) {
        #expect(DurationText.short(nanoseconds: nanoseconds) == text)
    }
}
