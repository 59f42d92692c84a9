import Wire

/// A basic.get whose message is on disk only.
struct WaitingGet: BitwiseCopyable {
    let queue: Queue
    let isNoAck: Bool
}

extension Handle where State == QueueState {
    /// Whether a basic.get must wait for the disk; then nothing more is read from its connection.
    func mustRead(for channel: Channel, isNoAck: Bool) -> Bool {
        while let next = state.ready.first, next.isPaged {
            guard next.place == .lost else {
                suspend(channel, isNoAck: isNoAck)
                readAhead()
                return true
            }
            dropLost()
        }
        return false
    }

    /// Lets a channel's basic.get wait until messages have been read.
    func suspend(_ channel: Channel, isNoAck: Bool) {
        channel.state.waitingGet = WaitingGet(queue: self, isNoAck: isNoAck)
        channel.state.connection.state.pauses.insert(.page)
        state.waitingGets.append(channel)
    }

    /// The queue is gone, and with it the messages that were waited for.
    func refuseWaitingGets() {
        let waiting = state.waitingGets
        state.waitingGets = []
        for channel in waiting { channel.resumeGet() }
    }
}

extension Handle where State == ChannelState {
    /// Goes on with a basic.get whose message has been read; the answer makes its connection,
    /// which is flushed then, read on.
    func resumeGet() {
        guard let get = state.waitingGet else { return }
        state.waitingGet = nil
        state.connection.state.pauses.remove(.page)
        self.get(from: get.queue, isNoAck: get.isNoAck)
    }

    /// The channel ends before its answer came.
    func forgetWaitingGet() {
        guard let get = state.waitingGet else { return }
        state.waitingGet = nil
        state.connection.state.pauses.remove(.page)
        get.queue.state.waitingGets.removeAll { $0 == self }
    }
}
