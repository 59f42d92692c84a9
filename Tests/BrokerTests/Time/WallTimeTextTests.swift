import Testing

@testable import Broker

@Suite("Wall time as text")
struct WallTimeTextTests {
    @Test(
        "is written as RabbitMQ's HTTP API does",
        arguments: [
            (0, "1970-01-01T00:00:00.000+00:00"), (-1, "1969-12-31T23:59:59.999+00:00"),
            (951_782_399_999, "2000-02-28T23:59:59.999+00:00"),
            (951_782_400_000, "2000-02-29T00:00:00.000+00:00"),
            (951_868_800_000, "2000-03-01T00:00:00.000+00:00"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000+00:00"),
            (1_795_235_714_600, "2026-11-21T04:35:14.600+00:00"),
        ] as [(Int64, String)]
    )
    func text(_ milliseconds: Int64, _ expected: String) {
        #expect(WallTime(milliseconds: milliseconds).text == expected)
    }
}
