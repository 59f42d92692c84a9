/// Rates from two readings of plain counters, so that counting costs the hot path one addition.
struct RateSampler: Sendable {
    /// Time between two readings.
    static let interval = Duration.seconds(5)

    /// When the counters were last read.
    private(set) var lastSample: Instant
    /// Seconds since the reading before that.
    private(set) var elapsedSeconds = 0.0

    init(startingAt now: Instant) { lastSample = now }

    /// When the next reading is due.
    var nextSample: Instant { lastSample + Self.interval }

    /// Starts a reading.
    ///
    /// - Returns: Whether enough time has passed for one; an early call changes nothing.
    mutating func begin(at now: Instant) -> Bool {
        guard now >= nextSample else { return false }
        elapsedSeconds = Double((now - lastSample).clampedNanoseconds) / 1e9
        lastSample = now
        return true
    }

    /// The change of a counter per second over the reading's interval; counters wrap.
    func rate(from before: UInt64, to now: UInt64) -> Double {
        guard elapsedSeconds > 0, now != before else { return 0 }
        return Double(now &- before) / elapsedSeconds
    }
}
