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
            guard let milliseconds = Expiration.milliseconds(expiration) else {
                throw refusal("invalid expiration '\(expiration.string)'")
            }
            message.header.timeToLive = milliseconds
            traits.insert(.expires)
        }
        if let replyTo = scan.replyTo, replyTo == DirectReply.pseudoQueue.bytes {
            traits.insert(.asksForDirectReply)
        }
        state.lastProperties.remember(message, traits)
        return traits
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

    /// Octets of the keys that are kept with a message: a record of the journal has room for them
    /// beside exchange and routing key.
    private static let packedSizeMax = 65_535 - 2 * (1 + ShortString.countMax)

    /// Keys one after the other as short strings, as far as there is room; none that is too long.
    static func packed(_ keys: [[UInt8]]) -> [UInt8] {
        var octets: [UInt8] = []
        for key in keys where key.count <= ShortString.countMax {
            guard octets.count + 1 + key.count <= packedSizeMax else { break }
            octets.append(UInt8(key.count))
            octets += key
        }
        return octets
    }

    /// The keys of short strings one after the other.
    static func unpacked(_ octets: ByteView) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var offset = 0
        while offset < octets.count, offset + 1 + Int(octets[offset]) <= octets.count {
            let size = Int(octets[offset])
            keys.append(octets.slice(from: offset + 1, count: size).bytes)
            offset += 1 + size
        }
        return keys
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
        var hidden: [[UInt8]] = []
        if original.header.traits.contains(.carriesExtraKeys), var headers = properties.headers {
            keys += try extraKeys(ExtraKeys.cc, in: headers)
            hidden = try extraKeys(ExtraKeys.bcc, in: headers)
            keys += hidden
            headers.remove(ExtraKeys.bcc)
            properties.headers = headers
        }
        if original.header.traits.contains(.asksForDirectReply) {
            guard let reply = state.directReply else {
                throw refusal("fast reply consumer does not exist")
            }
            properties.replyTo = ShortString(bytes: reply.address)
        }
        let message = ByteView.with(ExtraKeys.packed(hidden)) {
            virtualHost.copy(original, with: properties, hiding: $0)
        }
        message.header.traits.subtract([.carriesExtraKeys, .asksForDirectReply])
        message.retain()
        defer { virtualHost.release(message) }
        guard !keys.isEmpty else {
            try route(message, through: exchange, isMandatory: isMandatory)
            return
        }
        let routes = try virtualHost.routes(of: message, extraKeys: keys, through: exchange)
        dispatchWorkedOut(message, to: routes, isMandatory: isMandatory)
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
    func copy(
        _ message: Message,
        with properties: BasicProperties,
        hiding keys: ByteView? = nil
    ) -> Message {
        var writer = ByteWriter()
        properties.encode(into: &writer)
        return ByteView.with(writer.bytes) {
            copy(message, route: message.route, properties: $0, hiding: keys)
        }
    }

    /// A copy of a message as it is, and no reference.
    func copy(_ message: Message) -> Message {
        copy(message, route: message.route, properties: message.properties)
    }

    /// A copy of a message with another exchange and key, and no reference.
    ///
    /// - Parameters:
    ///   - message: What to copy.
    ///   - route: Exchange and routing key as two short strings.
    ///   - properties: As in a content header.
    ///   - keys: Routing keys behind its image; those it has if `nil`.
    /// - Returns: The copy.
    func copy(
        _ message: Message,
        route: ByteView,
        properties: ByteView,
        hiding keys: ByteView? = nil
    ) -> Message {
        var builder = MessageBuilder(
            route: route,
            properties: properties,
            bodySize: message.header.bodySize,
            pool: &state.pool
        )
        builder.append(message.body, pool: &state.pool)
        let copy = builder.finish(hiding: keys ?? message.hiddenKeys, pool: &state.pool)
        copy.header.traits.formUnion(message.header.traits.subtracting(.hasHiddenKeys))
        copy.header.timeToLive = message.header.timeToLive
        return copy
    }
}
