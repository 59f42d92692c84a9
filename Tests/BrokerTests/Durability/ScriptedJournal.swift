import Testing

@testable import Broker

/// A journal whose disk syncs when the script says so; nothing is really written.
struct ScriptedJournal {
    private let broker: DialogueBroker

    /// Turns the broker's journal on, its first records durable.
    init(_ broker: DialogueBroker) {
        self.broker = broker
        broker.batch { broker.virtualHost.startJournal(at: 0) }
        sync()
    }

    /// What was appended so far becomes durable.
    func sync() {
        broker.batch {
            guard let batch = broker.virtualHost.takeJournal() else { return }
            broker.virtualHost.becomeDurable(batch)
        }
    }

    /// Ends the scene: queues the journal still refers to are let go.
    func end() {
        broker.batch { broker.virtualHost.queueList().forEach { broker.virtualHost.delete($0) } }
        sync()
    }
}
