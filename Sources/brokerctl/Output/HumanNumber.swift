/// Numbers as people read them; programs get them in full from `-o json`.
enum HumanNumber {
    /// A count with thousands separated: `1,234,567`.
    static func count(_ value: Int) -> String {
        var groups: [String] = []
        var digits = Substring(String(value.magnitude))
        while digits.count > 3 {
            groups.append(String(digits.suffix(3)))
            digits.removeLast(3)
        }
        groups.append(String(digits))
        return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    /// A size in bytes with a binary unit: `512 B`, `1.50 KiB`, `3.20 GiB`.
    static func bytes(_ value: Int) -> String {
        var amount = Double(value)
        guard amount >= 1024 else { return "\(value) B" }
        var unit = "B"
        for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] where amount >= 1024 {
            amount /= 1024
            unit = next
        }
        return "\(threeDigits(amount)) \(unit)"
    }

    /// Events per second: `0/s`, `12.5/s`, `1,240/s`.
    static func rate(_ value: Double) -> String {
        guard value.isFinite, value > 0 else { return "0/s" }
        return value < 1000 ? "\(threeDigits(value))/s" : "\(count(Int(value.rounded())))/s"
    }

    /// Three significant digits, without trailing zeros of the fraction dropped: `1.25`, `12.5`,
    /// `125`.
    static func threeDigits(_ value: Double) -> String {
        switch abs(value) {
        case ..<10: fixed(value, places: 2)
        case ..<100: fixed(value, places: 1)
        default: fixed(value, places: 0)
        }
    }

    /// A decimal fraction with exactly `places` digits (0 to 9) after the point.
    static func fixed(_ value: Double, places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        let zeros = String(repeating: "0", count: places - fraction.count)
        return "\(sign)\(scaled / scale).\(zeros)\(fraction)"
    }
}
