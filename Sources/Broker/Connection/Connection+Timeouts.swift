import Wire

/// What time alone brings about: heartbeats, and ends of patience.
extension Handle where State == ConnectionState {
    /// Acts on the time that has passed; the shell calls it about twice a second.
    ///
    /// A client that has been silent for two heartbeat intervals is gone (RabbitMQ: the socket
    /// just closes); we speak at least once in every half interval.
    func handleTimeouts(at now: Instant) {
        if let deadline = state.deadline, now >= deadline {
            state.phase = .ended
            return
        }
        guard state.phase == .open, state.heartbeatSeconds > 0 else { return }
        let interval = Duration.seconds(state.heartbeatSeconds)
        if now - state.lastReceived > interval * 2, !isReadingPaused {
            state.phase = .ended
            return
        }
        if now - state.lastSent >= interval / 2, state.outbound.isEmpty {
            sendHeartbeat()
        }
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
