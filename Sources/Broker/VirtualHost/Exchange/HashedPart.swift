import Wire

/// What of a message a consistent-hash exchange hashes (RabbitMQ: hash-header, hash-property).
enum HashedPart: Equatable {
    case routingKey
    case header(ShortString)
    case property(Property)

    /// Reads the arguments of an exchange.declare.
    ///
    /// - Throws: 406 when both are given, one is no string, or the property is not among those
    ///   RabbitMQ's plugin hashes.
    init(_ arguments: FieldTable) throws(ProtocolError) {
        let header = try HashedPart.name("hash-header", in: arguments)
        let property = try HashedPart.name("hash-property", in: arguments)
        switch (header, property) {
        case (nil, nil): self = .routingKey
        case (let name?, nil): self = .header(name)
        case (nil, let name?):
            guard let known = HashedPart.properties[name] else {
                throw ProtocolError(
                    .preconditionFailed,
                    "Unsupported property: \(name.string)"
                )
            }
            self = .property(known)
        case (_?, _?):
            throw ProtocolError(
                .preconditionFailed,
                "hash-header and hash-property are mutually exclusive"
            )
        }
    }

    private static let properties: [ShortString: Property] = [
        "correlation_id": .correlationID, "message_id": .messageID, "timestamp": .timestamp,
    ]

    private static func name(
        _ argument: ShortString,
        in arguments: FieldTable
    ) throws(ProtocolError) -> ShortString? {
        guard let value = arguments[argument] else { return nil }
        guard case .longString(let bytes) = value, let name = ShortString(bytes: bytes) else {
            throw ProtocolError(
                .preconditionFailed,
                "invalid arg '\(argument.string)': unacceptable type \(value.type.errorName)"
            )
        }
        return name
    }
}
