import Wire

/// Looking at a message's properties as far as the broker understands them.
extension Handle where State == ChannelState {
    /// Checks the properties RabbitMQ checks and notes what is special.
    ///
    /// - Throws: 406 for a wrong user-id, a bad expiration or delivery mode; 501 for properties
    ///   that cannot be read.
    @inline(never)
    func inspect(_ message: Message) throws(ProtocolError) -> MessageTraits {
        if let known = state.lastProperties.traits(of: message) {
            message.header.timeToLive = state.lastProperties.timeToLive
            return known
        }
        let scan: PropertyScan
        var traits: MessageTraits = []
        do throws(WireError) {
            scan = try PropertyScan(message.properties)
            if let entries = scan.headerEntries {
                var cursor = FieldTableCursor(entries: entries)
                while let (name, _) = try cursor.next() {
                    if ExtraKeys.isName(name) { traits.insert(.carriesExtraKeys) }
                }
            }
        } catch {
            throw ProtocolError(error, method: BasicPublish.id)
        }
        if let mode = scan.deliveryMode {
            guard mode == 1 || mode == 2 else {
                throw refusal("invalid delivery mode \(mode), must be 1 or 2")
            }
            if mode == 2 { traits.insert(.persistent) }
        }
        if let priority = scan.priority { traits.formUnion(.priority(priority)) }
        if let userID = scan.userID, userID != Array(state.connection.state.user.utf8) {
            throw refusal(
                "user_id property set to '\(userID.string)' but authenticated user was "
                    + "'\(state.connection.state.user)'"
            )
        }
        if let expiration = scan.expiration {
            message.header.timeToLive = try timeToLive(expiration)
            traits.insert(.expires)
        }
        if let replyTo = scan.replyTo, replyTo == DirectReply.pseudoQueue.bytes {
            traits.insert(.asksForDirectReply)
        }
        state.lastProperties.remember(message, traits)
        return traits
    }

    /// Digits, with a plus sign let through as RabbitMQ does (list_to_integer), up to 2^32 - 1 ms.
    ///
    /// - Returns: Milliseconds.
    private func timeToLive(_ expiration: ByteView) throws(ProtocolError) -> UInt32 {
        var offset = expiration.count > 1 && expiration[0] == UInt8(ascii: "+") ? 1 : 0
        var value: UInt64 = 0
        var isNumber = offset < expiration.count
        while offset < expiration.count {
            let digit = expiration[offset]
            guard digit >= 48, digit <= 57, value <= UInt64(UInt32.max) else {
                isNumber = false
                break
            }
            value = value * 10 + UInt64(digit - 48)
            offset += 1
        }
        guard isNumber, let milliseconds = UInt32(exactly: value) else {
            throw refusal("invalid expiration '\(expiration.string)'")
        }
        return milliseconds
    }

    func refusal(_ text: String) -> ProtocolError {
        ProtocolError(.preconditionFailed, text, method: BasicPublish.id)
    }
}

/// RabbitMQ's sender-selected distribution: headers that name further routing keys.
enum ExtraKeys {
    static let cc: ShortString = "CC"
    static let bcc: ShortString = "BCC"

    /// Whether a header of this name lists routing keys.
    @inline(__always)
    static func isName(_ name: ByteView) -> Bool {
        // Nearly every name is longer, and need not be compared.
        name.count <= 3 && (name == cc.bytes || name == bcc.bytes)
    }

    /// The routing keys a header lists; none where it is something else than a list.
    static func listed(_ name: ShortString, in headers: FieldTable) -> [[UInt8]] {
        guard case .array(let values)? = headers[name] else { return [] }
        return values.compactMap { value in
            if case .longString(let key) = value { key } else { nil }
        }
    }
}

extension Handle where State == ChannelState {
    /// Publishes a message whose properties must be changed on the way in: BCC leaves the
    /// headers, the direct reply-to address gets its token.
    func routeRewritten(
        _ original: Message,
        through exchange: Exchange,
        isMandatory: Bool
    )
        throws(ProtocolError)
    {
        let virtualHost = state.virtualHost
        var properties: BasicProperties
        do throws(WireError) {
            properties = try BasicProperties(decoding: original.properties)
        } catch {
            throw ProtocolError(error, method: BasicPublish.id)
        }
        var keys: [[UInt8]] = []
        if original.header.traits.contains(.carriesExtraKeys), var headers = properties.headers {
            keys += try extraKeys(ExtraKeys.cc, in: headers)
            keys += try extraKeys(ExtraKeys.bcc, in: headers)
            headers.remove(ExtraKeys.bcc)
            properties.headers = headers
        }
        if original.header.traits.contains(.asksForDirectReply) {
            guard let reply = state.directReply else {
                throw refusal("fast reply consumer does not exist")
            }
            properties.replyTo = ShortString(bytes: reply.address)
        }
        let message = virtualHost.copy(original, with: properties)
        message.header.traits =
            original.header.traits.subtracting([.carriesExtraKeys, .asksForDirectReply])
        message.retain()
        defer { virtualHost.release(message) }
        guard !keys.isEmpty else {
            try route(message, through: exchange, isMandatory: isMandatory)
            return
        }
        let routes = try virtualHost.routes(of: message, extraKeys: keys, through: exchange)
        dispatch(message, to: routes, isMandatory: isMandatory)
    }

    /// The routing keys a CC or BCC header lists.
    private func extraKeys(
        _ name: ShortString,
        in headers: FieldTable
    ) throws(ProtocolError)
        -> [[UInt8]]
    {
        if let value = headers[name] {
            guard case .array = value else {
                throw refusal(
                    "unsupported sender-selected distribution: header \(name.string) is no array"
                )
            }
        }
        return ExtraKeys.listed(name, in: headers)
    }
}

extension Handle where State == VirtualHostState {
    /// A copy of a message with other properties, and no reference.
    func copy(_ message: Message, with properties: BasicProperties) -> Message {
        var writer = ByteWriter()
        properties.encode(into: &writer)
        return ByteView.with(writer.bytes) { copy(message, properties: $0) }
    }

    /// A copy of a message as it is, and no reference.
    func copy(_ message: Message) -> Message { copy(message, properties: message.properties) }

    private func copy(_ message: Message, properties: ByteView) -> Message {
        copy(message, route: message.route, properties: properties)
    }

    /// A copy of a message with another exchange and key, and no reference.
    func copy(_ message: Message, route: ByteView, properties: ByteView) -> Message {
        var builder = MessageBuilder(
            route: route,
            properties: properties,
            bodySize: message.header.bodySize,
            pool: &state.pool
        )
        builder.append(message.body, pool: &state.pool)
        let copy = builder.finish()
        copy.header.traits = message.header.traits
        copy.header.timeToLive = message.header.timeToLive
        return copy
    }
}
