import Wire

/// What a second declaration may say without being another one.
extension ExchangeDeclare {
    /// Whether it is the same exchange, which the type it delays for does not decide.
    func isLike(_ other: ExchangeDeclare) -> Bool {
        var (left, right) = (self, other)
        left.arguments.remove("x-delayed-type")
        right.arguments.remove("x-delayed-type")
        return left == right
    }
}

extension QueueDeclare {
    /// Whether it is the same queue, which the limit of deliveries does not decide.
    func isLike(_ other: QueueDeclare) -> Bool {
        var (left, right) = (self, other)
        left.arguments.remove("x-delivery-limit")
        right.arguments.remove("x-delivery-limit")
        return left == right
    }
}
