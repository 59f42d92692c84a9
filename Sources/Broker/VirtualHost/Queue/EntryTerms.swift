/// On what terms a message is in a queue, beside its place in line: its priority, and its end.
///
/// One word. The end is a millisecond of the monotonic clock, or the timer that knows it.
struct EntryTerms: BitwiseCopyable, Equatable {
    /// The priority in the highest octet, below it whether the rest is a timer.
    private var bits: UInt64

    private static let priorityShift: UInt64 = 56
    private static let timerBit: UInt64 = 1 << 55
    private static let endMask: UInt64 = timerBit - 1
    static let nanosecondsPerTick: UInt64 = 1_000_000

    /// Priority 0, for ever: what nearly every message has.
    static let none = EntryTerms(bits: 0)

    private init(bits: UInt64) { self.bits = bits }

    @inline(__always)
    init(priority: UInt8) { bits = UInt64(priority) << Self.priorityShift }

    init(priority: UInt8, deadline: Instant?) {
        self.init(priority: priority)
        if let deadline { bits |= max(1, Self.tick(notBefore: deadline)) }
    }

    @inline(__always)
    var priority: UInt8 { UInt8(truncatingIfNeeded: bits >> Self.priorityShift) }

    /// Whether the message has an end.
    @inline(__always)
    var isTimed: Bool { bits & (Self.endMask | Self.timerBit) != 0 }

    /// When the message ends, where the terms themselves say so.
    var deadline: Instant? {
        guard bits & Self.timerBit == 0, bits & Self.endMask != 0 else { return nil }
        return Instant(nanoseconds: (bits & Self.endMask) * Self.nanosecondsPerTick)
    }

    /// The timer that ends the message, if it has one of its own.
    var timer: TimerWheel<TimerEvent>.ID? {
        guard bits & Self.timerBit != 0 else { return nil }
        return .init(index: UInt32(truncatingIfNeeded: bits))
    }

    @inline(__always)
    var hasTimer: Bool { bits & Self.timerBit != 0 }

    /// The same with a timer that knows the end.
    func with(_ timer: TimerWheel<TimerEvent>.ID) -> EntryTerms {
        let priority = bits & ~(Self.endMask | Self.timerBit)
        return EntryTerms(bits: priority | Self.timerBit | UInt64(timer.index))
    }

    /// The first millisecond that is not before an instant.
    private static func tick(notBefore instant: Instant) -> UInt64 {
        let (whole, rest) = instant.nanoseconds.quotientAndRemainder(dividingBy: nanosecondsPerTick)
        return min(rest == 0 ? whole : whole + 1, endMask)
    }
}
