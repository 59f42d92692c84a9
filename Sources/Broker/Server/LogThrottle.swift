/// Bounds the log lines of a kind that could come by the thousand.
///
/// A value of whoever logs: one thread's, or under its lock.
struct LogThrottle {
    private let countMax: Int
    private let interval: Duration
    private var intervalEnd = Instant.zero
    private var count = 0
    private var heldBackCount = 0

    /// Lets `countMax` lines through per interval, which begins with the first of them.
    init(countMax: Int, per interval: Duration) {
        self.countMax = countMax
        self.interval = interval
    }

    /// Asks for a line at `now`.
    ///
    /// - Returns: `nil` to stay silent; otherwise the number of lines held back since the last.
    mutating func admit(at now: Instant) -> Int? {
        if now >= intervalEnd {
            intervalEnd = now + interval
            count = 0
        }
        guard count < countMax else {
            heldBackCount += 1
            return nil
        }
        defer { heldBackCount = 0 }
        count += 1
        return heldBackCount
    }
}
