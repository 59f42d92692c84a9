import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Dead letters that wait for their target, and a restart")
struct KeptDeathRestartTests {
    private let arguments: FieldTable = [
        "x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish", "x-dead-letter-exchange": "dlx",
    ]

    /// A broker whose journal is on from the first queue on.
    private func play(
        _ scene: (DialogueBroker, ScriptedJournal, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, noWait: true, arguments: arguments))
            try scene(broker, journal, peer)
            journal.end()
        }
    }

    private func declareTarget(
        _ queue: ShortString = "dead",
        _ arguments: FieldTable = [:],
        by peer: ScriptedPeer
    ) {
        peer.send(ExchangeDeclare(exchange: "dlx", type: "fanout", durable: true, noWait: true))
        peer.send(QueueDeclare(queue: queue, durable: true, noWait: true, arguments: arguments))
        peer.send(QueueBind(queue: queue, exchange: "dlx", noWait: true))
    }

    private func reject(_ texts: [String], by peer: ScriptedPeer) throws {
        for text in texts {
            peer.send(Script().publish(text, to: "q", persistent()).bytes)
        }
        for _ in texts { peer.nack(try peer.get("q").method.deliveryTag, requeue: false) }
    }

    @Test("they go to the target that appears then, once, and tell of one death")
    func restart() throws {
        try play { _, journal, peer in
            try reject(["0", "1"], by: peer)
            peer.publish("alive", to: "q")
            journal.sync()
            try journal.restart { next, journal in
                let peer = try next.connect()
                #expect(try next.queue("q").keptCount == 2)
                let rest = try peer.drain("q")
                #expect(rest == ["alive"])
                declareTarget(by: peer)
                next.advance(by: .seconds(1))
                let first = try peer.get("dead", noAck: true)
                #expect(first.content.text == "0" && !first.method.redelivered)
                guard case .array(let deaths)? = first.content.properties.headers?["x-death"],
                    case .table(let death)? = deaths.first
                else {
                    Issue.record("no x-death")
                    return
                }
                #expect(deaths.count == 1)
                #expect(death["reason"] == "rejected" && death["count"]?.integer == 1)
                #expect(try peer.drain("dead") == ["1"])
                journal.sync()
                #expect(next.virtualHost.state.journal.ledger.oldestLive == nil)
            }
        }
    }

    @Test("they keep the reason of their death", arguments: [1, 2])
    func reasons(restarts: Int) throws {
        try play { broker, journal, peer in
            peer.send(Script().publish("late", to: "q", persistent(expiration: "50")).bytes)
            broker.advance(by: .milliseconds(50))
            #expect(try broker.queue("q").keptCount == 1)
            journal.sync()
            try again(restarts, journal) { next, _ in
                #expect(try next.queue("q").keptCount == 1)
                let peer = try next.connect()
                declareTarget(by: peer)
                next.advance(by: .seconds(1))
                let headers = try peer.get("dead", noAck: true).content.properties.headers
                #expect(headers?["x-first-death-reason"] == "expired")
            }
        }
    }

    private func persistent(expiration: ShortString? = nil) -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.expiration = expiration
        return properties
    }

    /// Restarts some times, and plays the scene after the last.
    private func again(
        _ count: Int,
        _ journal: ScriptedJournal,
        _ scene: (DialogueBroker, ScriptedJournal) throws -> Void
    ) throws {
        guard count > 0 else { return }
        try journal.restart { next, journal in
            if count == 1 { return try scene(next, journal) }
            journal.sync()
            try again(count - 1, journal, scene)
        }
    }

    @Test("a target that has one does not get it again")
    func reached() throws {
        try play { _, journal, peer in
            declareTarget(by: peer)
            let full: FieldTable = ["x-max-length": .int8(1), "x-overflow": "reject-publish"]
            declareTarget("full", full, by: peer)
            peer.send(Script().publish("other", to: "full", persistent()).bytes)
            try reject(["0"], by: peer)
            journal.sync()
            try journal.restart { next, journal in
                next.advance(by: .seconds(3))
                #expect(try next.queue("q").keptCount == 1)
                let peer = try next.connect()
                try peer.consume("full", "c", noAck: true)
                next.advance(by: .seconds(1))
                #expect(try peer.texts() == ["other", "0"])
                #expect(try peer.drain("dead") == ["0"])
                #expect(try next.queue("q").keptCount == 0)
                journal.sync()
            }
        }
    }

    @Test("whatever of the end a crash takes away, none is lost")
    func torn() throws {
        try play { broker, journal, peer in
            try reject(["0"], by: peer)
            journal.sync()
            let before = journal.recordCount
            declareTarget(by: peer)
            broker.advance(by: .seconds(1))
            journal.sync()
            for lost in 0...(journal.recordCount - before) {
                try journal.restart(losing: lost) { next, _ in
                    let peer = try next.connect()
                    declareTarget(by: peer)
                    next.advance(by: .seconds(1))
                    #expect(try next.queue("q").readyCount == 0)
                    let letters = try peer.drain("dead")
                    #expect(letters == ["0"] || letters == ["0", "0"], "\(lost) records lost")
                }
            }
        }
    }

    @Test("what is rejected behind one that is being read is dead after a restart")
    func behindOthers() throws {
        try play { _, journal, peer in
            peer.send(Script().publish("late", to: "q", persistent(expiration: "50")).bytes)
            journal.sync()
            try journal.restart { next, journal in
                let page = next.page
                next.page = nil
                next.advance(by: .milliseconds(60))
                let peer = try next.connect()
                try reject(["rejected"], by: peer)
                #expect(try next.queue("q").state.dying.count == 2)
                journal.sync()
                try journal.restart { last, _ in
                    last.advance(by: .zero)
                    let queue = try last.queue("q")
                    #expect(queue.keptCount == 2 && queue.readyCount == 0)
                }
                next.page = page
                next.advance(by: .zero)
                #expect(try next.queue("q").keptCount == 2)
            }
        }
    }
}
