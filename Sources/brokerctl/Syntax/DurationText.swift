/// Time spans as people type and read them.
enum DurationText {
    /// Reads `250ms`, `1.5s`, `5m`, `2h`, or a plain number of seconds.
    ///
    /// - Returns: `nil` for anything else, negative spans and spans of more than a year included.
    static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), !digits.isEmpty else { return nil }
        let factor: Double
        switch text.dropFirst(digits.count) {
        case "us": factor = 0.000_001
        case "ms": factor = 0.001
        case "", "s": factor = 1
        case "m": factor = 60
        case "h": factor = 3600
        case "d": factor = 86400
        default: return nil
        }
        let seconds = number * factor
        guard seconds <= 366 * 86400 else { return nil }
        return .nanoseconds(Int64((seconds * 1e9).rounded()))
    }

    /// A short form with a fitting unit, such as `850 µs`, `1.25 ms` or `3.0 s`.
    static func short(nanoseconds: UInt64) -> String {
        let value = Double(nanoseconds)
        switch value {
        case ..<1_000: return "\(nanoseconds) ns"
        case ..<1_000_000: return HumanNumber.threeDigits(value / 1_000) + " µs"
        case ..<1_000_000_000: return HumanNumber.threeDigits(value / 1_000_000) + " ms"
        default: return HumanNumber.threeDigits(value / 1_000_000_000) + " s"
        }
    }
}
