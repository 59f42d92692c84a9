import Testing

@testable import Broker

@Suite("Rate sampler")
struct RateSamplerTests {
    private let start = Instant(nanoseconds: 1_000)

    @Test("reads no sooner than its interval after the last reading")
    func interval() {
        var sampler = RateSampler(startingAt: start)
        let isEarly = sampler.begin(at: start + .milliseconds(4_999))
        #expect(!isEarly)
        #expect(sampler.rate(from: 0, to: 100) == 0)
        let isDue = sampler.begin(at: start + .seconds(5))
        #expect(isDue)
        #expect(sampler.nextSample == start + .seconds(10))
    }

    @Test("divides the change by the time that really passed")
    func rate() {
        var sampler = RateSampler(startingAt: start)
        let isDue = sampler.begin(at: start + .seconds(8))
        #expect(isDue)
        #expect(sampler.rate(from: 100, to: 180) == 10)
        #expect(sampler.rate(from: 180, to: 180) == 0)
    }

    @Test("survives a counter that wraps")
    func wrapping() {
        var sampler = RateSampler(startingAt: start)
        let isDue = sampler.begin(at: start + .seconds(5))
        #expect(isDue)
        #expect(sampler.rate(from: .max - 4, to: 5) == 2)
    }
}
