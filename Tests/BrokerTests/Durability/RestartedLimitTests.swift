import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Length limits after a restart")
struct RestartedLimitTests {
    @Test(
        "a limit counts again what was out before, and drops the oldest",
        arguments: ["drop-head", "reject-publish"]
    )
    func limit(overflow: String) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "dead", durable: true, noWait: true))
            let arguments: FieldTable = [
                "x-max-length": .int8(3), "x-overflow": .string(overflow),
                "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
            ]
            peer.send(QueueDeclare(queue: "q", durable: true, noWait: true, arguments: arguments))
            var properties = BasicProperties()
            properties.deliveryMode = 2
            for number in 0..<7 {
                peer.send(Script().publish("\(number)", to: "q", properties).bytes)
                if number < 5 { _ = try peer.get("q") }
            }
            journal.sync()
            try journal.restart { next, journal in
                let peer = try next.connect()
                #expect(try peer.drain("q") == ["4", "5", "6"])
                #expect(try peer.drain("dead") == ["0", "1", "2", "3"])
                journal.sync()
                #expect(next.virtualHost.state.journal.ledger.oldestLive == nil)
            }
            journal.end()
        }
    }
}
