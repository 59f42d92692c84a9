import Wire

/// What time alone brings about: heartbeats, and ends of patience.
extension Handle where State == ConnectionState {
    /// Acts on the time that has passed; the shell calls it about twice a second.
    ///
    /// A client that has been silent for two heartbeat intervals is gone (RabbitMQ: the socket
    /// just closes); we speak at least once in every half interval. It is not silent while nobody
    /// listens: what it says meanwhile waits in its socket.
    func handleTimeouts(at now: Instant) {
        if let deadline = state.deadline, now >= deadline {
            switch state.phase {
            case .awaitingHeader, .starting, .tuning, .opening: giveUp(waitingFor: .handshake)
            case .closing: giveUp(waitingFor: .closeOk)
            case .open, .ended, .closed: state.phase = .ended
            }
            return
        }
        guard state.phase == .open, state.heartbeatSeconds > 0 else { return }
        let interval = Duration.seconds(state.heartbeatSeconds)
        if isReadingPaused { state.lastReceived = now }
        if now - state.lastReceived > interval * 2 {
            giveUp(waitingFor: .heartbeat)
            return
        }
        if now - state.lastSent >= interval / 2, state.outbound.isEmpty {
            sendHeartbeat()
        }
    }

    private func giveUp(waitingFor wait: ConnectionWait) {
        state.phase = .ended
        state.context.log.timedOut(wait, peer: state.peer, user: state.user)
    }

    private func sendHeartbeat() {
        guard let virtualHost = state.virtualHost else { return }
        state.outbound.append(
            [FrameOctet.heartbeat, 0, 0, 0, 0, 0, 0, FrameOctet.end],
            pool: &virtualHost.state.pool
        )
        markDirty()
    }
}
