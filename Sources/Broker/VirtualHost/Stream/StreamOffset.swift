import Wire

/// Where a consumer of a stream wants to begin (x-stream-offset of basic.consume).
enum StreamOffset: Equatable {
    /// With the oldest message there is.
    case first
    /// With the newest message there is, or the next one if there is none.
    case last
    /// With what is published from now on.
    case next
    /// With this message, or the first after it that there is.
    case offset(UInt64)
    /// With the first message that came then or later; in the future, with the next one.
    case time(WallTime)

    static let argument: ShortString = "x-stream-offset"

    /// Reads the argument; `nil` when it is nothing of the kind.
    ///
    /// - Parameters:
    ///   - value: As the client sent it: first, last, next, an offset (below 0 is 0), a timestamp,
    ///     or how long ago as text.
    ///   - now: What the calendar says.
    init?(_ value: FieldValue, now: WallTime) {
        if let number = value.integer {
            self = .offset(UInt64(max(0, number)))
            return
        }
        if case .timestamp(let seconds) = value {
            let (milliseconds, overflow) = Int64(clamping: seconds)
                .multipliedReportingOverflow(by: 1_000)
            self = .time(WallTime(milliseconds: overflow ? .max : milliseconds))
            return
        }
        switch value.text {
        case "first": self = .first
        case "last": self = .last
        case "next": self = .next
        case let text?:
            guard let age = StreamAge.parse(text) else { return nil }
            let milliseconds = Int64(age / .milliseconds(1))
            self = .time(WallTime(milliseconds: now.milliseconds - milliseconds))
        case nil: return nil
        }
    }
}
