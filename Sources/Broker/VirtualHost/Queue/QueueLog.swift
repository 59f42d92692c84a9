import Wire

/// Is told of queues that cannot do all they were asked to.
protocol QueueLog: Sendable {
    /// A quorum queue is to keep dead messages until every target has the dead letter, and does
    /// not, since it may not refuse publishes (x-overflow).
    func keepsNoDeadLetters(queue: String, virtualHost: String)
}

extension Handle where State == VirtualHostState {
    /// Has `log` told of the queues there are, and of what is declared and changed from now on.
    func report(to log: any QueueLog) {
        state.queueLog = log
        for queue in queueList() { queue.reportDeadLetterStrategy() }
    }
}

extension Handle where State == QueueState {
    /// Says so when x-dead-letter-strategy comes to nothing.
    func reportDeadLetterStrategy() {
        guard state.settings.losesDeadLetters, let log = state.virtualHost.state.queueLog else {
            return
        }
        log.keepsNoDeadLetters(
            queue: ByteView.with(state.name) { $0.string },
            virtualHost: state.virtualHost.nameText
        )
    }
}
