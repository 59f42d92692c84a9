import CLinux
import Glibc

/// The system's clocks; the core never reads one, its callers pass the time in.
enum SystemClock {
    /// The monotonic clock (CLOCK_MONOTONIC).
    static func now() -> Instant {
        Instant(nanoseconds: UInt64(clinux_nanoseconds(CLOCK_MONOTONIC)))
    }

    /// The calendar, as far as the machine knows it (CLOCK_REALTIME).
    static func wallTime() -> WallTime {
        WallTime(milliseconds: clinux_nanoseconds(CLOCK_REALTIME) / 1_000_000)
    }
}
