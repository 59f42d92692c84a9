import Wire

/// How long ago something was: what x-max-age and an interval in x-stream-offset say.
enum StreamAge {
    /// RabbitMQ: rabbit_date_time and osiris count months as 30 days and years as 365.
    private static let secondsByUnit: [UInt8: Int64] = [
        UInt8(ascii: "Y"): 365 * 86_400, UInt8(ascii: "M"): 30 * 86_400,
        UInt8(ascii: "D"): 86_400, UInt8(ascii: "h"): 3_600, UInt8(ascii: "m"): 60,
        UInt8(ascii: "s"): 1,
    ]

    /// Reads a number and a unit out of Y, M, D, h, m and s, such as `12h`.
    ///
    /// - Parameter text: Nothing but that.
    /// - Returns: At least a second; `nil` for anything else, and for more than 292 years.
    static func parse(_ text: String) -> Duration? {
        guard let unit = text.utf8.last, let seconds = secondsByUnit[unit],
            text.utf8.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            ),
            let number = Int64(text.dropLast()), number > 0
        else { return nil }
        let (total, overflow) = number.multipliedReportingOverflow(by: seconds)
        guard !overflow, total <= Int64.max / 1_000_000_000 else { return nil }
        return .seconds(total)
    }
}
