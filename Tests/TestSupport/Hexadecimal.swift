extension [UInt8] {
    /// Reads octets written as pairs of hexadecimal digits; spaces may stand between pairs.
    ///
    /// Anything else traps, since it is a slip in the test.
    public init(hexadecimal text: String) {
        self = text.split(separator: " ").flatMap { part in
            precondition(part.utf8.count.isMultiple(of: 2), "an octet has two digits: \(part)")
            let digits = part.utf8.map { UInt8($0) }
            return stride(from: 0, to: digits.count, by: 2).map { index in
                let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
                guard let octet = UInt8(pair, radix: 16) else {
                    preconditionFailure("not hexadecimal: \(pair)")
                }
                return octet
            }
        }
    }
}
