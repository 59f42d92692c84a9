import Testing

@testable import brokerctl

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test("percentiles are exact for small values")
    func small() {
        var histogram = LatencyHistogram()
        for value in 1...60 { histogram.record(UInt64(value)) }
        #expect(histogram.percentile(0.5) == 30)
        #expect(histogram.percentile(1) == 60)
        #expect(histogram.max == 60)
        #expect(histogram.sampleCount == 60)
    }

    @Test(
        "percentiles of large values are at most 1 in 64 too high",
        arguments: [0.5, 0.9, 0.99, 0.999]
    )
    func large(_ share: Double) {
        var histogram = LatencyHistogram()
        let count = 10_000
        for value in 1...count { histogram.record(UInt64(value) * 1_000_003) }
        let exact = Double(count) * share * 1_000_003
        let found = Double(histogram.percentile(share))
        #expect(found >= exact)
        #expect(found <= exact * (1 + 1.0 / 64) + 1_000_003)
    }

    @Test("a percentile never exceeds the largest sample")
    func bounded() {
        var histogram = LatencyHistogram()
        histogram.record(1_000_001)
        #expect(histogram.percentile(0.5) == 1_000_001)
        histogram.record(.max)
        #expect(histogram.percentile(1) == .max)
    }

    @Test("no samples give zero")
    func empty() {
        #expect(LatencyHistogram().percentile(0.99) == 0)
    }

    @Test("merging is as recording everything in one")
    func merges() {
        var left = LatencyHistogram()
        var right = LatencyHistogram()
        var both = LatencyHistogram()
        for value in 0..<1000 {
            let sample = UInt64(value * value)
            if value.isMultiple(of: 3) { left.record(sample) } else { right.record(sample) }
            both.record(sample)
        }
        left.merge(right)
        #expect(left.sampleCount == both.sampleCount)
        for share in [0.1, 0.5, 0.9, 1] {
            #expect(left.percentile(share) == both.percentile(share))
        }
    }
}
