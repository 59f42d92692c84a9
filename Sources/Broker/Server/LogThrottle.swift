/// Lets through one log line per interval of a kind that could come by the thousand.
///
/// A value of whoever logs: one thread's, or under its lock.
struct LogThrottle {
    private let interval: Duration
    private var next = Instant.zero
    private var heldBackCount = 0

    init(interval: Duration) { self.interval = interval }

    /// Asks for a line at `now`.
    ///
    /// - Returns: `nil` to stay silent; otherwise the number of lines held back since the last.
    mutating func admit(at now: Instant) -> Int? {
        guard now >= next else {
            heldBackCount += 1
            return nil
        }
        defer { heldBackCount = 0 }
        next = now + interval
        return heldBackCount
    }
}
