import Wire

/// From the first octet to connection.open-ok (AMQP 0-9-1 §2.2.4).
extension Handle where State == ConnectionState {
    /// Frames outside the open phase: the handshake, and what still comes while closing.
    func receiveUnusual(_ bytes: ByteView, at start: Int) -> Int {
        var offset = start
        while true {
            switch state.phase {
            case .awaitingHeader:
                guard bytes.count - offset >= ProtocolHeader.size else {
                    return rejectsEarly(bytes, at: offset) ? bytes.count : offset
                }
                acceptHeader(bytes.slice(from: offset, count: ProtocolHeader.size))
                offset += ProtocolHeader.size
            case .open:
                return offset
            case .ended, .closed:
                return bytes.count
            case .starting, .tuning, .opening, .closing:
                if state.requestedVirtualHost != nil { return offset }
                guard let next = receiveHandshakeFrame(bytes, at: offset) else { return offset }
                offset = next
            }
        }
    }

    /// Whether fewer than eight octets already show that this is not AMQP.
    private func rejectsEarly(_ bytes: ByteView, at offset: Int) -> Bool {
        let expected = ProtocolHeader.bytes
        for index in 0..<min(4, bytes.count - offset) where bytes[offset + index] != expected[index]
        {
            refuseHeader()
            return true
        }
        return false
    }

    private func acceptHeader(_ header: ByteView) {
        let accepted: [[UInt8]] = [
            ProtocolHeader.bytes, [65, 77, 81, 80, 1, 1, 0, 9], [65, 77, 81, 80, 1, 1, 8, 0],
        ]
        guard accepted.contains(where: { header == $0 }) else {
            refuseHeader()
            return
        }
        state.phase = .starting
        let mechanisms = state.context.authenticator.mechanisms.joined(separator: " ")
        send(
            ConnectionStart(
                versionMajor: 0,
                versionMinor: 9,
                serverProperties: state.context.serverProperties,
                mechanisms: Array(mechanisms.utf8),
                locales: Array("en_US".utf8)
            ),
            channel: 0
        )
    }

    /// Any other header is answered with the one we speak, then the socket closes (§4.2.2).
    private func refuseHeader() {
        state.greeting.append(contentsOf: ProtocolHeader.bytes)
        state.phase = .ended
    }

    private func receiveHandshakeFrame(_ bytes: ByteView, at offset: Int) -> Int? {
        let available = bytes.count - offset
        guard available >= Message.frameHeadSize else { return nil }
        let type = bytes[offset]
        let number = bytes.loadUInt16(at: offset + 1)
        let size = Int(bytes.loadUInt32(at: offset + 3))
        guard FrameType(rawValue: type) != nil else {
            fail(ProtocolError(.unknownFrameType(type)), channel: 0)
            return bytes.count
        }
        guard size <= state.frameMax else {
            fail(ProtocolError(.frameTooLarge(payload: size, max: state.frameMax)), channel: 0)
            return bytes.count
        }
        guard available >= size + 8 else { return nil }
        let end = bytes[offset + Message.frameHeadSize + size]
        guard end == FrameOctet.end else {
            fail(ProtocolError(.badFrameEnd(end)), channel: 0)
            return bytes.count
        }
        let payload = bytes.slice(from: offset + Message.frameHeadSize, count: size)
        do throws(ProtocolError) {
            try handleHandshakeFrame(type: type, number: number, payload: payload)
        } catch {
            fail(error, channel: 0)
        }
        return offset + size + 8
    }

    private func handleHandshakeFrame(
        type: UInt8,
        number: UInt16,
        payload: ByteView
    )
        throws(ProtocolError)
    {
        if state.phase == .closing {
            guard type == FrameOctet.method, number == 0, payload.count >= 4 else { return }
            let id = MethodID(packed: payload.loadUInt32(at: 0))
            if id == ConnectionCloseOk.id { state.phase = .ended }
            if id == ConnectionClose.id { send(ConnectionCloseOk(), channel: 0) }
            return
        }
        if type == FrameOctet.heartbeat, number == 0, payload.isEmpty { return }
        guard type == FrameOctet.method, number == 0 else {
            throw ProtocolError(
                .unexpectedFrame,
                "frame on channel \(number) before connection.open"
            )
        }
        let method: Method
        do throws(WireError) {
            method = try Method.decode(payload)
        } catch {
            throw ProtocolError(error)
        }
        switch (state.phase, method) {
        case (.starting, .connectionStartOk(let startOk)): login(startOk)
        case (.tuning, .connectionTuneOk(let tuneOk)): try accept(tuneOk)
        case (.opening, .connectionOpen(let open)):
            state.requestedVirtualHost = open.virtualHost
        case (_, .connectionClose(let close)): acceptClose(close)
        default:
            throw ProtocolError(
                .commandInvalid,
                "unexpected \(method.name) during the handshake",
                method: method.id
            )
        }
    }

    private func login(_ startOk: ConnectionStartOk) {
        state.clientProperties = startOk.clientProperties
        state.capabilities = ClientCapabilities(clientProperties: startOk.clientProperties)
        state.mechanism = startOk.mechanism.string
        let context = state.context
        let mechanism = startOk.mechanism.string
        let outcome = context.authenticator.authenticate(
            mechanism: mechanism,
            response: startOk.response,
            peer: state.peer
        )
        switch outcome {
        case .accepted(let user):
            state.user = user
        case .refused(let user, let reason):
            context.log.refusedLogin(
                user: user,
                reason: reason,
                peer: state.peer,
                mechanism: mechanism
            )
            refuseLogin(startOk)
            return
        }
        state.phase = .tuning
        let limits = context.limits
        send(
            ConnectionTune(
                channelMax: UInt16(limits.channelMax),
                frameMax: UInt32(limits.frameMax),
                heartbeat: UInt16(limits.heartbeatSeconds)
            ),
            channel: 0
        )
    }

    /// Tells a client that can be told (authentication_failure_close); others just lose the socket.
    private func refuseLogin(_ startOk: ConnectionStartOk) {
        guard state.capabilities.authenticationFailureClose else {
            state.phase = .ended
            return
        }
        let error = ProtocolError(
            .accessRefused,
            "Login was refused using authentication mechanism \(startOk.mechanism.string). "
                + "For details see the broker logfile."
        )
        sendClose(error)
    }

    private func accept(_ tuneOk: ConnectionTuneOk) throws(ProtocolError) {
        let limits = state.context.limits
        let channelMax = Int(tuneOk.channelMax)
        let frameMax = Int(tuneOk.frameMax)
        guard channelMax > 0, channelMax <= limits.channelMax else {
            throw ProtocolError(
                .notAllowed,
                "negotiated channel_max = \(channelMax) is outside 1 to \(limits.channelMax)"
            )
        }
        guard frameMax >= Limits.frameMaxMin, frameMax <= limits.frameMax else {
            throw ProtocolError(
                .notAllowed,
                "negotiated frame_max = \(frameMax) is outside \(Limits.frameMaxMin) to "
                    + "\(limits.frameMax)"
            )
        }
        state.channelMax = channelMax
        state.frameMax = frameMax
        state.wholeBodySizeMax = min(frameMax, limits.messageSizeMax)
        state.heartbeatSeconds = Int(tuneOk.heartbeat)
        state.phase = .opening
    }

    /// Puts the connection into the virtual host it asked for and answers open-ok.
    ///
    /// Called by the shell under that virtual host's lock, after the receive that set
    /// `requestedVirtualHost`.
    func enter(_ virtualHost: VirtualHost) {
        state.requestedVirtualHost = nil
        state.virtualHost = virtualHost
        state.phase = .open
        state.deadline = nil
        let limits = virtualHost.state.limits
        state.outboundSizeHigh = limits.outboundSizeHigh
        state.outboundSizeMax = limits.outboundSizeMax
        state.lastReceived = virtualHost.state.now
        state.lastSent = virtualHost.state.now
        state.nextConnection = virtualHost.state.firstConnection
        virtualHost.state.firstConnection?.state.previousConnection = self
        virtualHost.state.firstConnection = self
        virtualHost.state.connectionCount += 1
        state.outbound.append(state.greeting, pool: &virtualHost.state.pool)
        state.greeting = []
        send(ConnectionOpenOk(), channel: 0)
    }

    /// Answers connection.open for a virtual host that is not there (RabbitMQ: 530).
    func refuseVirtualHost() {
        let name = state.requestedVirtualHost?.string ?? ""
        state.requestedVirtualHost = nil
        fail(
            ProtocolError(
                .notAllowed,
                "vhost \(name) not found",
                method: ConnectionOpen.id
            ),
            channel: 0
        )
    }
}
