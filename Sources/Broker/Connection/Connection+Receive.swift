import Wire

/// Taking octets apart into frames.
extension Handle where State == ConnectionState {
    /// Takes in octets from the socket and acts on every whole frame.
    ///
    /// Publishes and acknowledgements whose frames are all there take a short path; every other
    /// shape takes the plain one, frame by frame, with the same result at every split. Errors
    /// close the channel or the connection and never escape.
    ///
    /// - Parameter bytes: What has not been consumed before, followed by what was just received.
    /// - Returns: How many octets were consumed; the caller keeps the rest, at most one partial
    ///   frame unless `isReadingPaused` or the virtual host is still to be entered.
    func receive(_ bytes: ByteView) -> Int {
        if let virtualHost = state.virtualHost { state.lastReceived = virtualHost.state.now }
        var offset = state.partialBody == nil ? 0 : resumeBody(bytes)
        while state.phase == .open {
            guard let next = receiveFrame(bytes, at: offset) else { return offset }
            offset = next
        }
        return receiveUnusual(bytes, at: offset)
    }

    /// Takes one frame, or as much of a body frame as there is.
    ///
    /// - Returns: Where the next one begins; `nil` when more octets are needed.
    @inline(__always)
    private func receiveFrame(_ bytes: ByteView, at offset: Int) -> Int? {
        let available = bytes.count &- offset
        guard available >= Message.frameHeadSize, !isReadingPaused else { return nil }
        let type = bytes[offset]
        let number = bytes.loadUInt16(at: offset &+ 1)
        let size = Int(bytes.loadUInt32(at: offset &+ 3))
        if type == FrameOctet.method, size >= 4, size <= available &- 12 {
            let method = bytes.loadUInt32(at: offset &+ 7)
            if method == BasicPublish.id.packed {
                if let channel = state.channels[number],
                    let next = channel.publishInOnePiece(bytes, at: offset, methodSize: size)
                {
                    return next
                }
            } else if method == BasicAck.id.packed, size == 13 {
                if let channel = state.channels[number],
                    channel.acknowledgeInOnePiece(bytes, at: offset)
                {
                    return offset &+ 21
                }
            }
        }
        return receivePlainFrame(bytes, at: offset, type: type, number: number, size: size)
    }

    @inline(never)
    private func receivePlainFrame(
        _ bytes: ByteView,
        at offset: Int,
        type: UInt8,
        number: UInt16,
        size: Int
    ) -> Int? {
        guard FrameType(rawValue: type) != nil else {
            fail(ProtocolError(.unknownFrameType(type)), channel: 0)
            return bytes.count
        }
        guard size <= state.frameMax else {
            fail(ProtocolError(.frameTooLarge(payload: size, max: state.frameMax)), channel: 0)
            return bytes.count
        }
        let payloadStart = offset + Message.frameHeadSize
        guard bytes.count - payloadStart >= size + 1 else {
            return beginPartialBody(bytes, at: offset, type: type, number: number, size: size)
        }
        let end = bytes[payloadStart + size]
        guard end == FrameOctet.end else {
            fail(ProtocolError(.badFrameEnd(end)), channel: 0)
            return bytes.count
        }
        let payload = bytes.slice(from: payloadStart, count: size)
        if mustAwaitDisk(type: type, number: number, payload: payload) {
            state.pauses.insert(.disk)
            return nil
        }
        do throws(ProtocolError) {
            try handleFrame(type: type, number: number, payload: payload)
        } catch {
            fail(error, channel: number)
        }
        return payloadStart + size + 1
    }

    /// Whether a method would overtake answers of its channel that wait for the disk.
    ///
    /// Declaring, binding, deleting and publishing go on, so that a pipeline of them shares one
    /// sync; everything else waits its turn. connection.close waits for all channels.
    private func mustAwaitDisk(type: UInt8, number: UInt16, payload: ByteView) -> Bool {
        guard type == FrameOctet.method, payload.count >= 4 else { return false }
        let id = MethodID(packed: payload.loadUInt32(at: 0))
        if number == 0 {
            guard id == ConnectionClose.id else { return false }
            var isHeld = false
            state.channels.forEach { isHeld = isHeld || !$0.state.heldAnswers.isEmpty }
            return isHeld
        }
        guard let channel = state.channels[number], !channel.state.heldAnswers.isEmpty else {
            return false
        }
        let isTopology = id.classID == 40 || id.classID == 50
        return !isTopology && id != BasicPublish.id
    }

    private func handleFrame(type: UInt8, number: UInt16, payload: ByteView) throws(ProtocolError) {
        if type == FrameOctet.heartbeat {
            guard number == 0 else {
                throw ProtocolError(.unexpectedFrame, "heartbeat on channel \(number)")
            }
            guard payload.isEmpty else {
                throw ProtocolError(.frameError, "heartbeat with a payload")
            }
            return
        }
        let channel = state.channels[number]
        if let channel, channel.state.phase == .closing {
            channel.handleWhileClosing(type: type, payload: payload)
            return
        }
        if type == FrameOctet.method {
            guard payload.count >= 4 else { throw ProtocolError(.truncated) }
            let id = MethodID(packed: payload.loadUInt32(at: 0))
            if id == BasicPublish.id, number != 0 {
                guard let channel else { throw notOpen(number, id) }
                try channel.beginPublish(payload)
                return
            }
            try handleMethod(id, payload: payload, number: number)
            return
        }
        guard let channel else {
            throw ProtocolError(
                .unexpectedFrame,
                "content frame on channel \(number), which expects a method"
            )
        }
        if type == FrameOctet.header {
            try channel.receiveContentHeader(payload)
        } else {
            try channel.receiveBody(payload)
        }
    }

    private func handleMethod(
        _ id: MethodID,
        payload: ByteView,
        number: UInt16
    )
        throws(ProtocolError)
    {
        let method: Method
        do throws(WireError) {
            method = try Method.decode(payload)
        } catch {
            throw ProtocolError(error, method: id)
        }
        guard id.isSentByClient else {
            throw ProtocolError(.commandInvalid, "\(id.name) is for servers to send", method: id)
        }
        if number == 0 {
            try handleConnectionMethod(method)
            return
        }
        if id.classID == 10 {
            throw ProtocolError(
                .commandInvalid,
                "\(id.name) on channel \(number)",
                method: id
            )
        }
        if case .channelOpen = method {
            try openChannel(number)
            return
        }
        guard let channel = state.channels[number] else { throw notOpen(number, id) }
        do throws(ProtocolError) {
            try channel.handle(method)
        } catch {
            var named = error
            if named.method == nil { named.method = id }
            throw named
        }
    }

    private func notOpen(_ number: UInt16, _ id: MethodID) -> ProtocolError {
        ProtocolError(.channelError, "expected 'channel.open' on channel \(number)", method: id)
    }

    /// Methods of class connection once the connection is open.
    private func handleConnectionMethod(_ method: Method) throws(ProtocolError) {
        switch method {
        case .connectionClose(let close): acceptClose(close)
        case .connectionCloseOk: break
        case .connectionUpdateSecret: send(ConnectionUpdateSecretOk(), channel: 0)
        case .connectionBlocked, .connectionUnblocked: break
        default:
            throw ProtocolError(
                .channelError,
                "\(method.name) on channel 0 of an open connection",
                method: method.id
            )
        }
    }

    // MARK: Body frames longer than what was received

    /// Starts taking a body frame of which only a part is there, so that it need not be kept.
    private func beginPartialBody(
        _ bytes: ByteView,
        at offset: Int,
        type: UInt8,
        number: UInt16,
        size: Int
    ) -> Int? {
        let available = bytes.count - offset - Message.frameHeadSize
        guard type == FrameOctet.body, available > 0, size > 4096,
            let channel = state.channels[number], channel.canTakePartialBody(size)
        else { return nil }
        let taken = min(available, size)
        channel.appendBody(bytes.slice(from: offset + Message.frameHeadSize, count: taken))
        state.partialBody = .init(channelNumber: number, missing: size - taken)
        return bytes.count
    }

    /// Goes on with such a body frame.
    ///
    /// - Returns: How many octets belonged to it.
    private func resumeBody(_ bytes: ByteView) -> Int {
        guard let partial = state.partialBody, bytes.count > 0 else { return 0 }
        let taken = min(partial.missing, bytes.count)
        let channel = state.channels[partial.channelNumber]
        channel?.appendBody(bytes.slice(from: 0, count: taken))
        guard bytes.count > taken else {
            state.partialBody?.missing -= taken
            return taken
        }
        state.partialBody = nil
        let end = bytes[taken]
        guard end == FrameOctet.end else {
            fail(ProtocolError(.badFrameEnd(end)), channel: 0)
            return bytes.count
        }
        do throws(ProtocolError) {
            try channel?.finishIfComplete()
        } catch {
            fail(error, channel: partial.channelNumber)
        }
        return taken + 1
    }
}
