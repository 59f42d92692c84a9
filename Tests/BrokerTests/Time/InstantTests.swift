import Testing

@testable import Broker

@Suite("Instant")
struct InstantTests {
    @Test("adds and subtracts durations to the nanosecond")
    func arithmetic() {
        let start = Instant(nanoseconds: 5_000_000_000)
        #expect(start + .milliseconds(2) == Instant(nanoseconds: 5_002_000_000))
        #expect(start - .nanoseconds(1) == Instant(nanoseconds: 4_999_999_999))
        #expect(start + .nanoseconds(-1) == Instant(nanoseconds: 4_999_999_999))
        var moved = start
        moved += .seconds(1)
        #expect(moved - start == .seconds(1))
        #expect(start - moved == .seconds(-1))
    }

    @Test("stops at the ends of the clock instead of trapping")
    func saturation() {
        #expect(Instant.zero - .seconds(1) == .zero)
        #expect(Instant.distantFuture + .nanoseconds(1) == .distantFuture)
        #expect(Instant.zero + .seconds(Int64.max) < .distantFuture)
        #expect(Instant.distantFuture - .zero == .nanoseconds(Int64.max))
        #expect(Instant.zero - .distantFuture == .nanoseconds(-Int64.max))
        #expect(Instant.zero - .seconds(Int64.min) > Instant(nanoseconds: 1 << 62))
    }

    @Test("is ordered by its nanoseconds")
    func order() {
        #expect(Instant(nanoseconds: 1) < Instant(nanoseconds: 2))
        #expect(!(Instant(nanoseconds: 2) < Instant(nanoseconds: 2)))
    }
}

@Suite("Wall time")
struct WallTimeTests {
    @Test("rounds down to seconds on both sides of 1970")
    func seconds() {
        #expect(WallTime(milliseconds: 1_999).seconds == 1)
        #expect(WallTime(milliseconds: -1).seconds == -1)
        #expect(WallTime(milliseconds: -2_000).seconds == -2)
    }
}
