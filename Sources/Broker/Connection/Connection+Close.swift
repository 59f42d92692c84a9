import Wire

/// Errors, orderly closing, and the end.
extension Handle where State == ConnectionState {
    /// Takes a violation to its scope: the channel or the whole connection is closed.
    ///
    /// Once the connection is closing nothing that still comes is worth a word, or a log line.
    func fail(_ error: ProtocolError, channel number: UInt16) {
        switch state.phase {
        case .closing, .ended, .closed: return
        case .awaitingHeader, .starting, .tuning, .opening, .open: break
        }
        state.context.log.clientError(
            error,
            peer: state.peer,
            user: state.user,
            channel: number
        )
        if error.code.scope == .channel, number != 0, let channel = state.channels[number] {
            channel.close(with: error)
            return
        }
        guard state.phase != .awaitingHeader, state.phase != .starting else {
            state.phase = .ended
            return
        }
        releaseEverything()
        sendClose(error)
    }

    /// Asks the client to close, for a reason of the server's own (320, 530, …).
    func closeByServer(_ error: ProtocolError) {
        guard state.phase == .open else {
            state.phase = .ended
            return
        }
        releaseEverything()
        sendClose(error)
    }

    func sendClose(_ error: ProtocolError) {
        let method = error.method
        send(
            ConnectionClose(
                replyCode: error.code.value,
                replyText: error.replyText,
                classID: method?.classID ?? 0,
                methodID: method?.methodID ?? 0
            ),
            channel: 0
        )
        state.phase = .closing
        let now = state.virtualHost?.state.now ?? state.lastReceived
        state.deadline = now + state.context.limits.closeTimeout
    }

    /// The client closes: everything it held is given back before close-ok tells it so.
    func acceptClose(_ close: ConnectionClose) {
        releaseEverything()
        send(ConnectionCloseOk(), channel: 0)
        state.phase = .closed
        state.partialBody = nil
        state.deadline = state.lastReceived + state.context.limits.closeTimeout
    }

    /// Gives back what the client held: channels, consumers, unacked messages, exclusive queues.
    func releaseEverything() {
        state.channels.forEach { $0.end() }
        guard let virtualHost = state.virtualHost else { return }
        for queue in state.exclusiveQueues { virtualHost.delete(queue) }
        state.exclusiveQueues = []
    }

    /// The socket is gone: gives back everything and leaves the virtual host.
    ///
    /// The connection is not destroyed: a flusher may still be sending for it. The shell calls
    /// `destroyConnection` when nobody is.
    func leave() {
        releaseEverything()
        state.phase = .ended
        guard let virtualHost = state.virtualHost else { return }
        let next = state.nextConnection
        if virtualHost.state.inspectionCursor == self { virtualHost.state.inspectionCursor = next }
        let previous = state.previousConnection
        next?.state.previousConnection = previous
        if let previous {
            previous.state.nextConnection = next
        } else {
            virtualHost.state.firstConnection = next
        }
        state.nextConnection = nil
        state.previousConnection = nil
        virtualHost.state.connectionCount -= 1
    }

    /// Frees the connection after `leave`; nobody may be sending for it any more.
    func destroyConnection() {
        precondition(!state.isSending, "a connection somebody is sending for")
        if let virtualHost = state.virtualHost {
            if state.isDirty { virtualHost.forgetDirty(self) }
            state.outbound.removeAll(pool: &virtualHost.state.pool)
        }
        destroy()
    }

    /// Tells a client that understands it that publishers are held back, or no longer.
    func setBlocked(_ reason: String?) {
        guard state.phase == .open, state.capabilities.connectionBlocked else { return }
        guard state.isToldBlocked != (reason != nil) else { return }
        state.isToldBlocked = reason != nil
        if let reason {
            send(ConnectionBlocked(reason: ShortString(shortening: reason)), channel: 0)
        } else {
            send(ConnectionUnblocked(), channel: 0)
        }
    }
}
