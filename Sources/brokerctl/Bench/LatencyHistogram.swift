/// Counts of time spans in buckets that grow with the span, so that any percentile is known to
/// within 1 in 64 whatever the number of samples.
struct LatencyHistogram: Sendable {
    /// Buckets for each doubling.
    private static let stepBits = 6
    private static let steps = 1 << stepBits

    private var counts = [UInt64](repeating: 0, count: (64 - stepBits + 1) << stepBits)
    private(set) var sampleCount: UInt64 = 0
    private(set) var max: UInt64 = 0

    /// Adds one span in nanoseconds.
    mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] += 1
        sampleCount += 1
        if nanoseconds > max { max = nanoseconds }
    }

    /// Adds the samples of `other`.
    mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        sampleCount += other.sampleCount
        max = Swift.max(max, other.max)
    }

    /// The span that a share of all samples does not exceed.
    ///
    /// - Parameter share: Above 0 and at most 1, such as 0.99.
    /// - Returns: Nanoseconds, rounded up to the end of the bucket and no more than the largest
    ///   sample; 0 without samples.
    func percentile(_ share: Double) -> UInt64 {
        let wanted = Swift.max(1, UInt64((Double(sampleCount) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return min(Self.upperBound(of: index), max) }
        }
        return max
    }

    private static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - stepBits
        let step = Int(value >> UInt64(shift)) - steps
        return (shift + 1) << stepBits + step
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        guard bucket >= steps else { return UInt64(bucket) }
        let shift = UInt64(bucket >> stepBits - 1)
        let step = UInt64(bucket & (steps - 1) + steps)
        let next = (step + 1).multipliedReportingOverflow(by: 1 << shift)
        return next.overflow ? .max : next.partialValue - 1
    }
}
