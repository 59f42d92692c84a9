import Wire

/// The exchange types.
enum ExchangeKind: Equatable {
    /// The nameless one: every queue is bound to it under its own name.
    case `default`
    case direct
    case fanout
    case topic
    case headers
    /// One destination by the hash of a part of the message, in proportion to weights.
    case consistentHash(HashedPart)
    /// One destination by the hash of the routing key, modulo the number of bindings.
    case modulusHash
    /// One destination by chance.
    case random
    /// One queue of this node by chance; there is one node.
    case localRandom
    /// Every destination, and the last messages for whoever is bound later.
    case recentHistory(countMax: Int)
    /// Every destination, unless a message with its value came before (the plugin's
    /// x-message-deduplication).
    case deduplication(DeduplicationCache)
    /// Another type, but for messages that are to wait first (the plugin's x-delayed-message).
    indirect case delayed(ExchangeKind)
    /// The reserved exchange that answers inspection requests.
    case management

    /// The type a declaration asks for, with what its arguments say about it.
    ///
    /// - Parameter declare: The method as the client sent it.
    /// - Throws: 503 for a type clients cannot declare, 406 for arguments the type refuses.
    init(_ declare: ExchangeDeclare) throws(ProtocolError) {
        try self.init(declare.type, declare.arguments)
    }

    private init(_ type: ShortString, _ arguments: FieldTable) throws(ProtocolError) {
        switch type {
        case "direct": self = .direct
        case "fanout": self = .fanout
        case "topic": self = .topic
        case "headers": self = .headers
        case "x-consistent-hash": self = .consistentHash(try HashedPart(arguments))
        case "x-modulus-hash": self = .modulusHash
        case "x-random": self = .random
        case "x-local-random": self = .localRandom
        case "x-recent-history":
            self = .recentHistory(countMax: try RecentHistory.countMax(arguments))
        case "x-message-deduplication":
            self = .deduplication(try DeduplicationCache(arguments))
        case "x-delayed-message":
            self = .delayed(try ExchangeKind(try ExchangeKind.delayedType(arguments), arguments))
        default: throw ExchangeKind.unknown(type)
        }
    }

    /// The type of an x-delayed-message exchange beneath (plugin: validate).
    ///
    /// - Throws: 406 unless x-delayed-type is the name of another type; whether that exists shows
    ///   later.
    private static func delayedType(_ arguments: FieldTable) throws(ProtocolError) -> ShortString {
        let octets: [UInt8]
        switch arguments["x-delayed-type"] {
        case .longString(let text): octets = text
        case .byteArray(let text): octets = text
        default:
            throw ProtocolError(
                .preconditionFailed,
                "Invalid argument, 'x-delayed-type' must be an existing exchange type"
            )
        }
        guard let type = ShortString(bytes: octets), typeNames.contains(type) else {
            throw unknown(ShortString(shortening: String(decoding: octets, as: UTF8.self)))
        }
        guard type != "x-delayed-message" else {
            throw ProtocolError(
                .preconditionFailed,
                "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"
            )
        }
        return type
    }

    /// The types clients can declare.
    static let typeNames: Set<ShortString> = [
        "direct", "fanout", "topic", "headers", "x-consistent-hash", "x-modulus-hash", "x-random",
        "x-local-random", "x-recent-history", "x-delayed-message",
        "x-message-deduplication",
    ]

    /// 503, which a declaration of any other type is answered with.
    static func unknown(_ type: ShortString) -> ProtocolError {
        ProtocolError(.commandInvalid, "unknown exchange type '\(type.string)'")
    }

    var typeName: String {
        switch self {
        case .default, .direct: "direct"
        case .fanout: "fanout"
        case .topic: "topic"
        case .headers: "headers"
        case .consistentHash: "x-consistent-hash"
        case .modulusHash: "x-modulus-hash"
        case .random: "x-random"
        case .localRandom: "x-local-random"
        case .recentHistory: "x-recent-history"
        case .deduplication: "x-message-deduplication"
        case .delayed: "x-delayed-message"
        case .management: "x-management"
        }
    }

    /// Messages the exchange keeps for later bindings.
    var historyCountMax: Int {
        switch self {
        case .recentHistory(let countMax): countMax
        case .delayed(let kind): kind.historyCountMax
        default: 0
        }
    }

    /// What the exchange remembers of messages to know duplicates by.
    var deduplicationCache: DeduplicationCache? {
        switch self {
        case .deduplication(let cache): cache
        case .delayed(let kind): kind.deduplicationCache
        default: nil
        }
    }

    /// Whether messages may wait in the exchange.
    var isDelayed: Bool {
        if case .delayed = self { true } else { false }
    }

    /// Checks a binding to an exchange of this type.
    ///
    /// - Throws: 406 for a binding the type cannot have.
    func validateBinding(
        to destination: Destination,
        key: ShortString,
        arguments: FieldTable
    ) throws(ProtocolError) {
        switch self {
        case .headers: try HeadersRouter.validate(arguments)
        case .consistentHash: _ = try ConsistentHashRouter.weight(of: key)
        case .localRandom: try RandomRouter.validateLocal(destination, key: key)
        case .delayed(let kind):
            try kind.validateBinding(to: destination, key: key, arguments: arguments)
        case .default, .direct, .fanout, .topic, .modulusHash, .random, .recentHistory,
            .deduplication, .management:
            break
        }
    }
}
