import Wire

/// The expiration property, and how long a message or queue may be told to last.
enum Expiration {
    /// The longest time there is, in milliseconds: ten years (RabbitMQ: check_expiry).
    static let millisecondsMax = 315_360_000_000

    /// Reads the property as RabbitMQ does (list_to_integer): digits, a plus sign let through.
    ///
    /// - Returns: Milliseconds, up to ten years; `nil` for anything else.
    static func milliseconds(_ text: ByteView) -> Int? {
        var offset = text.count > 1 && text[0] == UInt8(ascii: "+") ? 1 : 0
        guard offset < text.count else { return nil }
        var value = 0
        while offset < text.count {
            let digit = text[offset]
            guard digit >= 48, digit <= 57, value <= millisecondsMax else { return nil }
            value = value * 10 + Int(digit - 48)
            offset += 1
        }
        return value <= millisecondsMax ? value : nil
    }
}
