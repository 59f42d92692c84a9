/// A calendar time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// For what people read (`connected_at`, a timestamp in a log line, `x-death`); deadlines are an
/// `Instant`, since a calendar clock may be set back.
struct WallTime: Hashable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z; negative before it.
    var milliseconds: Int64

    @inline(__always)
    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Whole seconds since 1970-01-01T00:00:00Z, the unit of AMQP's timestamp (§4.2.5.4).
    var seconds: Int64 {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension WallTime: Comparable {
    @inline(__always)
    static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}
