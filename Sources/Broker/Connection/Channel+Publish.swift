import Wire

/// From octets to queues: basic.publish.
extension Handle where State == ChannelState {
    /// Publishes a message whose method, header and (single or no) body frame are all there.
    ///
    /// The short path of almost every message. It only looks at sizes; whatever is not exactly as
    /// it should be is left to the plain path, which knows how to complain.
    ///
    /// - Parameters:
    ///   - bytes: The octets received.
    ///   - start: Where the method frame begins.
    ///   - methodSize: Its payload's size; the frame is known to lie within `bytes`.
    /// - Returns: Where the next frame begins; `nil` when the message has another shape.
    @inline(__always)
    func publishInOnePiece(_ bytes: ByteView, at start: Int, methodSize: Int) -> Int? {
        guard state.phase == .open, state.assembly.step == .idle, methodSize >= 9 else {
            return nil
        }
        // Method: ids (4), ticket (2), exchange, routing key, bits (1).
        let routeStart = start &+ 13
        let bitsOffset = start &+ 6 &+ methodSize
        let exchangeSize = Int(bytes[routeStart])
        let keySizeOffset = routeStart &+ 1 &+ exchangeSize
        guard keySizeOffset < bitsOffset,
            keySizeOffset &+ 1 &+ Int(bytes[keySizeOffset]) == bitsOffset,
            bytes[bitsOffset] & 2 == 0
        else { return nil }
        let methodEnd = bitsOffset &+ 1
        let headerStart = methodEnd &+ 1
        guard bytes.count &- headerStart >= 22,
            bytes[methodEnd] == FrameOctet.end,
            bytes[headerStart] == FrameOctet.header,
            bytes.loadUInt16(at: headerStart &+ 1) == state.number,
            bytes.loadUInt32(at: headerStart &+ 7) == 60 << 16
        else { return nil }
        let headerSize = Int(bytes.loadUInt32(at: headerStart &+ 3))
        let bodySize = bytes.loadUInt64(at: headerStart &+ 11)
        let frameMax = state.connection.state.frameMax
        let bodyStart = headerStart &+ Message.frameHeadSize &+ headerSize &+ 1
        guard headerSize >= 14, headerSize <= frameMax, bodyStart <= bytes.count,
            bytes[bodyStart &- 1] == FrameOctet.end
        else { return nil }
        var end = bodyStart
        if bodySize > 0 {
            guard bodySize <= UInt64(state.connection.state.wholeBodySizeMax) else { return nil }
            let size = Int(truncatingIfNeeded: bodySize)
            end = bodyStart &+ Message.frameHeadSize &+ size &+ 1
            guard end <= bytes.count,
                bytes[bodyStart] == FrameOctet.body,
                bytes.loadUInt16(at: bodyStart &+ 1) == state.number,
                Int(bytes.loadUInt32(at: bodyStart &+ 3)) == size,
                bytes[end &- 1] == FrameOctet.end
            else { return nil }
        }
        let message = MessageBuilder.copy(
            route: bytes.slice(from: routeStart, count: bitsOffset &- routeStart),
            frames: bytes.slice(from: methodEnd, count: end &- methodEnd),
            propertiesSize: headerSize &- Message.contentHeadSize,
            bodySize: Int(truncatingIfNeeded: bodySize),
            pool: &state.virtualHost.state.pool
        )
        do throws(ProtocolError) {
            try publish(message, isMandatory: bytes[bitsOffset] & 1 != 0)
        } catch {
            state.connection.fail(error, channel: state.number)
        }
        return end
    }

    /// Routes a message and puts it into queues; takes over the message, which has no reference.
    ///
    /// - Throws: 404 (unknown exchange), 403 (internal exchange), 406 (a property the broker
    ///   understands is not valid), 501 (properties that cannot be read).
    @inline(__always)
    func publish(_ message: Message, isMandatory: Bool) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        message.retain()
        defer { virtualHost.release(message) }
        guard state.transaction == nil,
            let routes = state.lastRoute.routes(of: message, virtualHost)
        else {
            try publishUnusual(message, isMandatory: isMandatory)
            return
        }
        let traits: MessageTraits
        if let known = state.lastProperties.traits(of: message) {
            traits = known
            message.header.timeToLive = state.lastProperties.timeToLive
        } else {
            traits = try inspect(message)
        }
        guard !traits.isSpecial else {
            try publishUnusual(message, isMandatory: isMandatory)
            return
        }
        message.header.traits = traits
        dispatch(message, to: routes, isMandatory: isMandatory)
    }

    /// Hands a message to the queues of a route, and answers for it.
    ///
    /// - Parameters:
    ///   - message: With a reference of the caller's.
    ///   - routes: Where it goes now.
    ///   - isMandatory: It is returned when it goes nowhere now, though it may later.
    ///   - awaitedLSN: What must be durable for its delay to be, if it goes elsewhere later.
    @inline(__always)
    func dispatch(
        _ message: Message,
        to routes: RouteList,
        isMandatory: Bool,
        awaitedLSN: UInt64? = nil
    ) {
        let virtualHost = state.virtualHost
        let count = routes.count
        state.counters.published &+= 1
        virtualHost.state.counters.published &+= 1
        routes.exchange.state.counters.publishedIn &+= 1
        routes.exchange.state.counters.publishedOut &+= UInt64(truncatingIfNeeded: count)
        if count == 0, isMandatory || awaitedLSN == nil {
            reportUnroutable(message, isMandatory: isMandatory)
        }
        var isRefused = false
        var lsn = awaitedLSN ?? 0
        if routes.isDurable, message.header.traits.contains(.persistent) || routes.isReplicated,
            virtualHost.state.journal.isOn
        {
            lsn = max(
                lsn,
                virtualHost.enqueuePersistent(message, to: routes, isRefused: &isRefused)
            )
            virtualHost.holdIfJournalIsBehind(state.connection)
        } else {
            for index in 0..<count where routes[index].enqueue(message) == .refused {
                isRefused = true
            }
            virtualHost.holdIfSpillIsBehind(state.connection)
        }
        guard state.confirms.isSelected else {
            if isRefused { state.transaction?.followsRefusal = true }
            return
        }
        if !virtualHost.state.deaths.isEmpty {
            virtualHost.noteStep(.published(self))
            lsn = max(lsn, virtualHost.buryDeadForConfirm())
        }
        state.confirms.publish(
            lsn: lsn,
            isRefused: isRefused,
            takenLSN: virtualHost.state.journal.takenLSN
        )
        oweConfirms()
    }

    /// A message no queue gets: returned if mandatory, else dropped.
    @inline(never)
    func reportUnroutable(_ message: Message, isMandatory: Bool) {
        guard isMandatory else {
            state.counters.unroutableDropped += 1
            state.virtualHost.state.counters.unroutableDropped += 1
            return
        }
        state.counters.returned += 1
        state.virtualHost.state.counters.returned += 1
        var writer = ByteWriter(capacity: 32 + message.routeSize)
        writer.writeUInt32(BasicReturn.id.packed)
        writer.writeUInt16(ReplyCode.noRoute.value)
        writer.writeShortString("NO_ROUTE")
        writer.writeView(message.route)
        state.connection.writeMethod(writer.bytes, contentOf: message, channel: state.number)
    }

    /// What goes another way than the message before, or is special.
    @inline(never)
    private func publishUnusual(_ message: Message, isMandatory: Bool) throws(ProtocolError) {
        let virtualHost = state.virtualHost
        let exchange = try virtualHost.exchangeToPublish(to: message.exchange)
        // Whoever asks why nothing goes on shall be told.
        if exchange.state.kind != .management { holdIfBlocked() }
        let traits = try inspect(message)
        message.header.traits = traits
        if state.transaction != nil {
            state.transaction?.add(message, isMandatory: isMandatory)
            return
        }
        guard exchange.state.values.cache?.isOnDisk == true else {
            return try route(message, through: exchange, isMandatory: isMandatory)
        }
        // A crash must not leave the message without its value: it would come again.
        let beginning = virtualHost.beginJournaledTransaction()
        defer { virtualHost.endJournaledTransaction(beginning) }
        try route(message, through: exchange, isMandatory: isMandatory)
    }

    /// Routes a message that has been looked at, whatever is special about it.
    func route(
        _ message: Message,
        through exchange: Exchange,
        isMandatory: Bool
    )
        throws(ProtocolError)
    {
        let traits = message.header.traits
        if traits.contains(.asksForDirectReply) || traits.contains(.carriesExtraKeys) {
            try routeRewritten(message, through: exchange, isMandatory: isMandatory)
            return
        }
        if exchange.state.kind == .management {
            requestManagement(message, through: exchange)
            return
        }
        if exchange.state.kind == .default, deliverDirectReply(message, isMandatory: isMandatory) {
            return
        }
        let virtualHost = state.virtualHost
        let routes = try virtualHost.routes(of: message, through: exchange)
        // Where a message may be delayed, the next one has to be looked at as well.
        if routes.isRemembered, exchange.state.delayQueue == nil {
            state.lastRoute.remember(message, routes, virtualHost)
        }
        dispatchWorkedOut(message, to: routes, isMandatory: isMandatory)
    }

    /// Hands over a message whose route has just been worked out; an exchange on the way may have
    /// kept it.
    func dispatchWorkedOut(_ message: Message, to routes: RouteList, isMandatory: Bool) {
        let virtualHost = state.virtualHost
        let awaitedLSN = virtualHost.state.routeScratch.awaitedLSN.take()
        if awaitedLSN != nil { virtualHost.holdIfJournalIsBehind(state.connection) }
        dispatch(message, to: routes, isMandatory: isMandatory, awaitedLSN: awaitedLSN)
    }

    /// Counts and confirms a publish that went somewhere else than to queues.
    func countPublish(through exchange: Exchange, deliveries: UInt64) {
        state.counters.published += 1
        state.virtualHost.state.counters.published += 1
        exchange.state.counters.publishedIn += 1
        exchange.state.counters.publishedOut += deliveries
        guard state.confirms.isSelected else { return }
        state.confirms.publish(lsn: 0, isRefused: false, takenLSN: 0)
        oweConfirms()
    }
}
