extension WallTime {
    /// The time as RabbitMQ's HTTP API writes it: `2026-11-21T04:35:14.600+00:00`.
    var text: String { dateText + "+00:00" }

    /// Date and time in UTC without a zone behind it: `2026-11-21T04:35:14.600`.
    ///
    /// Years before 0 and behind 9999 come out with the sign or the digits they need.
    var dateText: String {
        let day = seconds.flooredQuotient(86_400)
        let second = seconds - day * 86_400
        let (year, month, dayOfMonth) = WallTime.date(daysSince1970: day)
        let milli = milliseconds - seconds * 1_000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
            + "T\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2))"
            + ":\(padded(second % 60, 2)).\(padded(milli, 3))"
    }

    /// The date of a day in the Gregorian calendar, by 400-year cycles that begin on 1 March 0000.
    private static func date(daysSince1970 days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let cycle = shifted.flooredQuotient(146_097)
        let dayOfCycle = shifted - cycle * 146_097
        let yearOfCycle =
            (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Int64 {
    /// The quotient rounded down, also below zero.
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
