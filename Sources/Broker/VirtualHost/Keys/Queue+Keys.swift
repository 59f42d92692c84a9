import Wire

/// Queues that know messages by more than their place in line.
extension Handle where State == QueueState {
    /// Adds a message to such a queue.
    func enqueueKeyed(_ entry: QueueEntry) -> EnqueueOutcome {
        let keys = keys(of: entry.message)
        state.lastKeys = keys
        guard let groups = state.groups else { return enqueueOnTerms(entry) }
        return enqueue(entry, inGroup: keys.group, groups)
    }

    /// Reads a message's keys as far as the queue's settings ask for them.
    private func keys(of message: Message) -> MessageKeys {
        var keys = MessageKeys.none
        if let header = state.settings.groupHeader,
            let value = HeaderKey.find(header, in: message.properties), value.type != .void
        {
            keys.group = HeaderKey.hash(of: value)
        }
        return keys
    }

    /// Takes in what a message is known by that was there before the restart.
    func restore(_ keys: MessageKeys, of position: UInt64) {
        state.groups?.add(position, keys.group)
    }

    /// A message has left for good: nothing more is known of it.
    @inline(never)
    func forgetKeys(of entry: QueueEntry) {
        if let groups = state.groups { settleGroup(of: entry.position, groups) }
    }
}
