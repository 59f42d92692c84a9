/// The names of a segment's files: its base in 16 hexadecimal digits.
enum SegmentName {
    static let segmentSuffix = ".journal"
    static let indexSuffix = ".index"
    static let spareSuffix = ".spare"

    /// The name of the segment that begins at `base`.
    static func segment(_ base: UInt64) -> String { name(base, segmentSuffix) }

    /// The name of that segment's index.
    static func index(_ base: UInt64) -> String { name(base, indexSuffix) }

    /// The name of either.
    static func name(_ base: UInt64, _ suffix: String) -> String { digits(base) + suffix }

    /// The base in a name, if it is one of these and leaves room for numbers to come.
    static func base(of name: String, suffix: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.utf8.count == 16, let base = UInt64(digits, radix: 16),
            base < 1 << 62
        else { return nil }
        return self.digits(base) == digits ? base : nil
    }

    /// A log sequence number as file names have it.
    static func digits(_ base: UInt64) -> String {
        let digits = String(base, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
