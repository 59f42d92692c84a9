import Wire

/// Holding publishers back while the journal cannot be written (RabbitMQ: disk alarm).
extension Handle where State == VirtualHostState {
    /// Stops reading from connections that publish, each with its next message, and tells them
    /// then if they understand it (RabbitMQ: rabbit_reader, maybe_block).
    ///
    /// Consumers and acknowledgements go on, also on connections that published before, and so do
    /// confirms of what was.
    ///
    /// - Parameter reason: Sent with connection.blocked.
    func blockPublishers(_ reason: String) {
        state.journal.blockCount += 1
        guard state.journal.blockReason == nil else { return }
        state.journal.blockReason = reason
        // Channels forget their last route, so every publish passes `holdIfBlocked` once.
        state.routeGeneration &+= 1
    }

    /// Answers every publish that waits for the disk with basic.nack.
    ///
    /// For a disk that takes nothing: nobody may count on them, though they may still be there in
    /// the end.
    func refuseWaiting() {
        for channel in state.journal.waitingChannels { channel.refusePending() }
    }

    /// Lets publishers go on, once for each time they were blocked.
    ///
    /// - Returns: The connections whose reactors must look at them.
    func unblockPublishers() -> [ShellAddress] {
        state.journal.blockCount -= 1
        precondition(state.journal.blockCount >= 0, "unblocked more often than blocked")
        guard state.journal.blockCount == 0 else { return [] }
        state.journal.blockReason = nil
        forEachConnection { $0.setBlocked(nil) }
        return readOn()
    }

    /// Stops reading from a publisher that is faster than the disk.
    @inline(__always)
    func holdIfJournalIsBehind(_ connection: Connection) {
        guard
            state.journal.buffer.count &+ state.streams.pendingSize
                > state.limits.journalBacklogMax
        else { return }
        connection.state.pauses.insert(.disk)
        state.journal.hasHeldPublishers = true
    }

    /// Reads on from publishers that were too fast, now that the journal has taken what they sent.
    ///
    /// - Returns: The connections whose reactors must look at them.
    func releaseHeldPublishers() -> [ShellAddress] {
        guard state.journal.hasHeldPublishers, state.journal.blockReason == nil,
            state.journal.buffer.count + state.streams.pendingSize
                <= state.limits.journalBacklogMax,
            state.paging.spillBuffer.count < PagingState.spillBacklogMax
        else { return [] }
        state.journal.hasHeldPublishers = false
        return readOn()
    }

    /// Takes back every pause for the disk; a method that must still wait pauses anew.
    private func readOn() -> [ShellAddress] {
        var held: [ShellAddress] = []
        forEachConnection { connection in
            connection.state.pauses.subtract([.disk, .blocked])
            guard connection.state.isReadingHeld, !connection.isReadingPaused else { return }
            connection.state.isReadingHeld = false
            held.append(connection.state.address)
        }
        return held
    }

    func forEachConnection(_ body: (Connection) -> Void) {
        var next = state.firstConnection
        while let connection = next {
            next = connection.state.nextConnection
            body(connection)
        }
    }
}

extension Handle where State == ChannelState {
    /// After this publish the connection's next octets wait until the disk has room again.
    func holdIfBlocked() {
        guard let reason = state.virtualHost.state.journal.blockReason else { return }
        state.connection.setBlocked(reason)
        state.connection.state.pauses.insert(.blocked)
    }

    /// Answers every publish that waits for the disk with basic.nack.
    fileprivate func refusePending() {
        guard let number = state.confirms.refusePending() else { return }
        send(BasicNack(deliveryTag: number, multiple: true, requeue: false))
    }
}
