import Wire

@testable import Broker

extension ScriptedPeer {
    /// Asks for a durable exchange "x" that drops duplicates, and a durable queue "q" behind it;
    /// the answers are expected.
    func askForDeduplication(_ arguments: FieldTable) {
        send(
            ExchangeDeclare(
                exchange: "x",
                type: "x-message-deduplication",
                durable: true,
                arguments: arguments
            )
        )
        send(QueueDeclare(queue: "q", durable: true))
        send(QueueBind(queue: "q", exchange: "x"))
    }

    /// Makes a durable queue "q" with arguments, once the journal has it.
    func declareDurable(_ arguments: FieldTable, _ journal: ScriptedJournal) throws {
        send(QueueDeclare(queue: "q", durable: true, arguments: arguments))
        journal.sync()
        try expect(QueueDeclareOk.self)
    }
}
