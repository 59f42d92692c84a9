import Wire

/// What leaves: handing outbound octets to whoever sends them, without the lock.
///
/// One thread sends for a connection at a time, any thread: the one that made it dirty. It takes
/// the octets under the lock, sends without it, and reports back under the lock.
extension Handle where State == VirtualHostState {
    /// Takes the connections that have something to send and nobody sending for them.
    ///
    /// - Parameter flushes: Gains them; for each, the caller sends from `outbound.sending` and
    ///   then calls `finishSending`.
    func takeDirty(into flushes: inout [Connection]) {
        while let connection = state.dirty.popFirst() {
            connection.state.isDirty = false
            guard !connection.state.isSending, !connection.state.isSocketFull,
                !connection.state.outbound.isEmpty
            else { continue }
            connection.state.isSending = true
            connection.state.becameWritableMeanwhile = false
            connection.state.outbound.takeForSending(pool: &state.pool)
            flushes.append(connection)
        }
    }

    /// Accounts for what was sent; what came meanwhile makes the connection dirty again.
    ///
    /// - Parameters:
    ///   - connection: One that `takeDirty` gave.
    ///   - count: Octets the socket took.
    ///   - outcome: Whether it would take more.
    /// - Returns: Whether its reactor must look at it: reading may go on, or it has ended.
    func finishSending(_ connection: Connection, count: Int, outcome: SendOutcome) -> Bool {
        connection.state.isSending = false
        connection.state.counters.sentBytes += UInt64(count)
        if count > 0 { connection.state.lastSent = state.now }
        connection.state.outbound.finishSending(count, pool: &state.pool)
        switch outcome {
        case .sent:
            break
        case .full:
            // Room that came between the send and now has been announced already, and the poller
            // announces it only once: then the rest goes right away.
            connection.state.isSocketFull = !connection.state.becameWritableMeanwhile
        case .failed:
            connection.state.phase = .ended
            connection.state.outbound.removeAll(pool: &state.pool)
            return true
        }
        connection.relieveCongestion()
        if !connection.state.outbound.isEmpty, !connection.state.isSocketFull {
            connection.markDirty()
        }
        if connection.state.isReadingHeld, !connection.isReadingPaused {
            connection.state.isReadingHeld = false
            return true
        }
        return connection.state.phase == .ended
    }

    /// The socket takes octets again, or took them all along.
    func socketIsWritable(_ connection: Connection) {
        if connection.state.isSending { connection.state.becameWritableMeanwhile = true }
        guard connection.state.isSocketFull else { return }
        connection.state.isSocketFull = false
        if !connection.state.outbound.isEmpty { connection.markDirty() }
    }

    func forgetDirty(_ connection: Connection) {
        connection.state.isDirty = false
        for _ in 0..<state.dirty.count {
            guard let other = state.dirty.popFirst() else { return }
            if other != connection { state.dirty.append(other) }
        }
    }
}

/// How a send ended.
enum SendOutcome {
    /// All of it went.
    case sent
    /// The socket is full; it will say when there is room.
    case full
    /// The socket is broken.
    case failed
}
