import Wire

/// Queues that know messages by more than their place in line.
extension Handle where State == QueueState {
    /// Adds a message to such a queue.
    func enqueueKeyed(_ entry: QueueEntry) -> EnqueueOutcome {
        let keys = keys(of: entry.message)
        state.lastKeys = keys
        if let value = keys.value, state.values.contains(value) { return .duplicate }
        let outcome =
            state.groups.map { enqueue(entry, inGroup: keys.group, $0) } ?? enqueueOnTerms(entry)
        if let value = keys.value, outcome == .stored {
            state.values.add(value, at: entry.position)
        }
        return outcome
    }

    /// Reads a message's keys as far as the queue's settings ask for them.
    private func keys(of message: Message) -> MessageKeys {
        var keys = MessageKeys.none
        if let header = state.settings.groupHeader,
            let value = HeaderKey.find(header, in: message.properties), value.type != .void
        {
            keys.group = HeaderKey.hash(of: value)
        }
        if state.settings.isDeduplicating,
            let value = HeaderKey.find(DeduplicationHeader.value, in: message.properties)
        {
            keys.value = HeaderKey.digest(of: value)
        }
        return keys
    }

    /// Takes in what a message is known by that was there before the restart.
    func restore(_ keys: MessageKeys, of position: UInt64) {
        state.groups?.add(position, keys.group)
        if let value = keys.value { state.values.add(value, at: position) }
    }

    /// A message has left for good: nothing more is known of it.
    @inline(never)
    func forgetKeys(of entry: QueueEntry) {
        state.values.remove(entry.position)
        if let groups = state.groups { settleGroup(of: entry.position, groups) }
    }
}
