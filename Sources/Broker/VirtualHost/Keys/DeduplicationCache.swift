import Wire

/// What an x-message-deduplication exchange is told of the values it remembers (the plugin's
/// arguments).
struct DeduplicationCache: Equatable {
    /// Values at once (x-cache-size); for a new one the oldest goes.
    let countMax: Int
    /// How long a value is remembered (x-cache-ttl); `nil` for as long as there is room.
    let timeToLive: Duration?
    /// Whether values outlive a restart (x-cache-persistence): "disk", if the exchange does.
    let isOnDisk: Bool

    /// Reads the arguments of an exchange.declare.
    ///
    /// - Throws: 406 as the plugin does: a size, and a time if there is one, is a whole number
    ///   above 0 or the text of one, and the persistence "memory" or "disk".
    init(_ arguments: FieldTable) throws(ProtocolError) {
        guard let count = try Self.number("x-cache-size", in: arguments) else {
            throw Self.invalid("x-cache-size", "must be an integer greater than 0")
        }
        countMax = min(count, Int(Int32.max))
        timeToLive = try Self.number("x-cache-ttl", in: arguments).map { .milliseconds($0) }
        switch arguments["x-cache-persistence"] {
        case nil: isOnDisk = false
        case let value?:
            guard let text = value.text, ["disk", "memory"].contains(text) else {
                throw Self.invalid("x-cache-persistence", "must be either 'disk' or 'memory'")
            }
            isOnDisk = text == "disk"
        }
    }

    private static func number(
        _ name: ShortString,
        in arguments: FieldTable
    ) throws(ProtocolError) -> Int? {
        guard let value = arguments[name] else { return nil }
        let number = value.integer.map { Int($0) } ?? value.text.flatMap { Int($0) }
        guard let number, number > 0 else {
            throw invalid(name, "must be an integer greater than 0")
        }
        return number
    }

    private static func invalid(_ name: ShortString, _ reason: String) -> ProtocolError {
        ProtocolError(
            .preconditionFailed,
            "Missing or invalid argument, '\(name.string)' \(reason)"
        )
    }
}

/// Headers of messages that are compared with others.
enum DeduplicationHeader {
    /// By which value.
    static let value: ShortString = "x-deduplication-header"
    /// How long an exchange is to remember it, in milliseconds.
    static let timeToLive: ShortString = "x-cache-ttl"
}
