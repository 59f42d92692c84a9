import Wire

/// What a second declaration may say without being another one.
extension ExchangeDeclare {
    /// Whether it is the same exchange, which of its arguments only the alternate exchange decides.
    func isLike(_ other: ExchangeDeclare) -> Bool {
        var (left, right) = (self, other)
        for name: ShortString in [
            "x-delayed-type", "x-cache-size", "x-cache-ttl", "x-cache-persistence",
        ] {
            left.arguments.remove(name)
            right.arguments.remove(name)
        }
        return left == right
    }
}
