/// The terms on which messages are in a queue.
extension Handle where State == QueueState {
    /// On what terms a message would be here.
    func terms(of message: Message) -> EntryTerms {
        EntryTerms(priority: min(message.header.traits.priority, state.settings.priorityMax))
    }

    /// The terms that the journal says a message was here on.
    func terms(_ recorded: MessageRecord.Terms) -> EntryTerms {
        EntryTerms(priority: min(recorded.priority, state.settings.priorityMax))
    }

    /// The terms of a message as the journal says them.
    @inline(__always)
    func recordedTerms(of message: Message) -> MessageRecord.Terms {
        guard message.header.traits.rawValue & state.termsMask != 0 else { return .none }
        return .init(priority: terms(of: message).priority)
    }
}

extension QueueSettings {
    /// The traits that set a message's terms in a queue with these settings.
    var termsMask: UInt16 { priorityMax > 0 ? MessageTraits.priorityBits : 0 }
}
