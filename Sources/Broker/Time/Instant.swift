/// A point on the monotonic clock, in nanoseconds since an origin of the clock's choosing.
///
/// A plain value: the shell reads the clock once per turn and hands the instant down, so the
/// core never asks what time it is and a test may say whatever it likes.
struct Instant: Hashable, Sendable {
    /// Nanoseconds since the clock's origin; wraps after 584 years.
    var nanoseconds: UInt64

    @inline(__always)
    init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Whole milliseconds since the clock's origin.
    @inline(__always)
    var milliseconds: Int64 { Int64(nanoseconds / 1_000_000) }

    /// The clock's origin, where virtual time starts.
    static let zero = Instant(nanoseconds: 0)

    /// Later than any instant a clock reports: the deadline of a timer that is not set.
    static let distantFuture = Instant(nanoseconds: .max)
}

extension Instant: Comparable {
    @inline(__always)
    static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Instant {
    /// The instant `duration` later, or earlier when it is negative.
    ///
    /// Stops at `zero` and at `distantFuture` instead of trapping, so that a deadline made of an
    /// absurd setting is merely never reached.
    static func + (instant: Self, duration: Duration) -> Self {
        let step = duration.clampedNanoseconds
        return step < 0
            ? instant.moved(backBy: step.magnitude) : instant.moved(onBy: step.magnitude)
    }

    /// The instant `duration` earlier, with the bounds of `+`.
    static func - (instant: Self, duration: Duration) -> Self {
        let step = duration.clampedNanoseconds
        return step < 0
            ? instant.moved(onBy: step.magnitude) : instant.moved(backBy: step.magnitude)
    }

    /// The time from `right` to `left`, negative when `left` is the earlier of the two.
    ///
    /// - Returns: Exact up to 292 years, and that bound beyond it.
    static func - (left: Self, right: Self) -> Duration {
        if left >= right {
            let gap = left.nanoseconds - right.nanoseconds
            return .nanoseconds(Int64(clamping: gap))
        }
        let gap = right.nanoseconds - left.nanoseconds
        return .nanoseconds(-Int64(clamping: gap))
    }

    /// Moves the instant by `duration`, with the bounds of `+`.
    static func += (instant: inout Self, duration: Duration) {
        instant = instant + duration
    }

    private func moved(onBy step: UInt64) -> Self {
        let (value, overflow) = nanoseconds.addingReportingOverflow(step)
        return overflow ? .distantFuture : Instant(nanoseconds: value)
    }

    private func moved(backBy step: UInt64) -> Self {
        let (value, overflow) = nanoseconds.subtractingReportingOverflow(step)
        return overflow ? .zero : Instant(nanoseconds: value)
    }
}

extension Duration {
    /// The whole nanoseconds of the duration, held within what `Int64` can say (292 years).
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard !carried else { return seconds < 0 ? .min : .max }
        return sum
    }
}
