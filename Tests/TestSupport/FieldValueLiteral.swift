import Wire

extension FieldValue: ExpressibleByStringLiteral {
    /// Lets tests write a long string as a literal.
    public init(stringLiteral text: String) { self = .string(text) }
}
