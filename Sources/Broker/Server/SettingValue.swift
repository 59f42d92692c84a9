/// Why a setting's text is not a value for it: a clause that begins with the text.
struct InvalidValue: Error, Equatable {
    let description: String
}

/// Reads the values of settings; each error says what would be right.
enum SettingValue {
    /// A whole number within `range`.
    static func count(_ text: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
        guard let value = Int(decimal: text), range.contains(value) else {
            throw InvalidValue(
                description: "\"\(text)\" is not a whole number from \(range.lowerBound) "
                    + "to \(range.upperBound)"
            )
        }
        return value
    }

    /// A number of octets: 65536, 64k, 64KiB, 64MiB, 1GiB; KB, MB and GB count in thousands
    /// (RabbitMQ: information units).
    static func size(_ text: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int(decimal: digits), let scale = sizeUnits[unit.lowercased()] else {
            throw InvalidValue(
                description: "\"\(text)\" is not a size such as 131072, 128k or 64MiB"
            )
        }
        let (value, overflow) = number.multipliedReportingOverflow(by: scale)
        guard !overflow, range.contains(value) else {
            throw InvalidValue(
                description: "\"\(text)\" is not between \(range.lowerBound) and "
                    + "\(range.upperBound) bytes"
            )
        }
        return value
    }

    /// A time span: 500ms, 10s, 5min, 1h; a number alone counts in `unit`.
    static func duration(
        _ text: String,
        bareUnit: Duration,
        in range: ClosedRange<Duration>
    ) throws(InvalidValue) -> Duration {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        let scale = unit.isEmpty ? bareUnit : durationUnits[unit.lowercased()]
        guard let number = Int32(decimal: digits), let scale else {
            throw InvalidValue(description: "\"\(text)\" is not a time such as 500ms, 10s or 5min")
        }
        let value = scale * number
        guard range.contains(value) else {
            throw InvalidValue(
                description: "\"\(text)\" is not between \(words(range.lowerBound)) and "
                    + words(range.upperBound)
            )
        }
        return value
    }

    /// Where to listen.
    static func endpoint(_ text: String) throws(InvalidValue) -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw InvalidValue(
                description: "\"\(text)\" is not HOST:PORT, such as 127.0.0.1:5672, "
                    + "[::1]:5672 or localhost:5672"
            )
        }
        return endpoint
    }

    /// A log level by its name.
    static func logLevel(_ text: String) throws(InvalidValue) -> LogLevel {
        guard let level = LogLevel(rawValue: text) else {
            let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidValue(description: "\"\(text)\" is not one of \(names)")
        }
        return level
    }

    /// A sync policy by its name.
    static func syncPolicy(_ text: String) throws(InvalidValue) -> SyncPolicy {
        guard let policy = SyncPolicy(rawValue: text) else {
            let names = SyncPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidValue(description: "\"\(text)\" is not one of \(names)")
        }
        return policy
    }

    /// A path, which may not be empty.
    static func path(_ text: String) throws(InvalidValue) -> String {
        if text.isEmpty { throw InvalidValue(description: "\"\" is not a path") }
        return text
    }

    private static let sizeUnits = [
        "": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "kb": 1000, "m": 1 << 20, "mib": 1 << 20,
        "mb": 1_000_000, "g": 1 << 30, "gib": 1 << 30, "gb": 1_000_000_000,
    ]

    private static let durationUnits: [String: Duration] = [
        "ms": .milliseconds(1), "s": .seconds(1), "min": .seconds(60), "h": .seconds(3600),
    ]

    private static func words(_ duration: Duration) -> String {
        let milliseconds = duration.clampedNanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
