/// One line of the log: time, level, what happened, and the facts as key=value.
///
/// `2026-11-21T04:17:00.123Z info ready listening=127.0.0.1:5672`. Whatever a value holds, the
/// line stays one line, its keys stay ours, and a terminal that shows it is not commanded: values
/// that are not plain are quoted, and what does not print is escaped.
struct LogLine {
    /// Longest value written, in characters; the rest is replaced by an ellipsis.
    static let valueLengthMax = 1024

    private(set) var bytes: [UInt8] = []

    /// Starts a line; `what` comes from the program, never from a client.
    init(_ time: WallTime, _ level: LogLevel, _ what: StaticString) {
        bytes.reserveCapacity(160)
        appendTime(time)
        bytes.append(0x20)
        bytes.append(contentsOf: level.rawValue.utf8)
        bytes.append(0x20)
        bytes.append(contentsOf: "\(what)".utf8)
    }

    /// Adds a fact.
    ///
    /// - Parameters:
    ///   - key: From the program; lower case, words joined by underscores.
    ///   - value: From anywhere.
    mutating func append(_ key: StaticString, _ value: String) {
        bytes.append(0x20)
        bytes.append(contentsOf: "\(key)".utf8)
        bytes.append(0x3d)
        let isPlain =
            !value.isEmpty && value.utf8.count <= Self.valueLengthMax
            && value.utf8.allSatisfy(Self.isPlain)
        if isPlain {
            bytes.append(contentsOf: value.utf8)
        } else {
            appendQuoted(value)
        }
    }

    /// Ends the line.
    mutating func finish() { bytes.append(0x0a) }

    /// Printing ASCII that needs no quotes.
    private static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x22, 0x3d, 0x5c: false
        default: (0x21...0x7e).contains(octet)
        }
    }

    private mutating func appendQuoted(_ value: String) {
        bytes.append(0x22)
        var length = 0
        for scalar in value.unicodeScalars {
            length += 1
            if length > Self.valueLengthMax {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            appendEscaped(scalar)
        }
        bytes.append(0x22)
    }

    private mutating func appendEscaped(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes.append(contentsOf: "\\\"".utf8)
        case "\\": bytes.append(contentsOf: "\\\\".utf8)
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case " "..."~": bytes.append(UInt8(scalar.value))
        default:
            if Self.isInvisible(scalar.properties.generalCategory) {
                let digits = String(scalar.value, radix: 16)
                bytes.append(contentsOf: "\\u{\(digits)}".utf8)
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
            }
        }
    }

    /// Characters that command a terminal, reorder the line or cannot be seen.
    private static func isInvisible(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            true
        default: false
        }
    }

    /// Writes the time as `2026-11-21T04:17:00.123Z`.
    private mutating func appendTime(_ time: WallTime) {
        let seconds = time.seconds
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let secondOfDay = seconds - days * 86_400
        let date = Self.civilDate(days: days)
        appendNumber(date.year, digits: 4, then: "-")
        appendNumber(date.month, digits: 2, then: "-")
        appendNumber(date.day, digits: 2, then: "T")
        appendNumber(secondOfDay / 3600, digits: 2, then: ":")
        appendNumber(secondOfDay / 60 % 60, digits: 2, then: ":")
        appendNumber(secondOfDay % 60, digits: 2, then: ".")
        appendNumber(time.milliseconds - seconds * 1000, digits: 3, then: "Z")
    }

    private mutating func appendNumber(_ number: Int64, digits: Int, then end: Unicode.Scalar) {
        let text = String(number)
        for _ in 0..<max(0, digits - text.utf8.count) { bytes.append(0x30) }
        bytes.append(contentsOf: text.utf8)
        bytes.append(UInt8(truncatingIfNeeded: end.value))
    }

    /// The Gregorian date `days` after 1970-01-01.
    ///
    /// Counts in eras of 400 years (146,097 days) that begin on a 1 March, so that the leap day
    /// is the last of its year and months have a linear formula.
    private static func civilDate(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let leaps = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leaps) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
