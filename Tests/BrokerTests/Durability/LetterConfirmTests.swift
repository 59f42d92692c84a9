import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Confirms of messages that die at once")
struct LetterConfirmTests {
    private static let letters: FieldTable = [
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
    ]

    /// A queue that does not keep what is published to it.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let arguments: FieldTable

        init(_ description: String, _ more: FieldTable) {
            testDescription = description
            var arguments = LetterConfirmTests.letters
            for entry in more.entries { arguments[entry.name] = entry.value }
            self.arguments = arguments
        }
    }

    private static let refusals = [
        Refusal("no time to live", ["x-message-ttl": .int32(0)]),
        Refusal("longer than the queue", ["x-max-length-bytes": .int32(3)]),
        Refusal("room for none", ["x-max-length": .int32(0)]),
        Refusal("no time in a group", ["x-message-ttl": .int32(0), "x-group-header": "group"]),
        Refusal(
            "at least once",
            [
                "x-message-ttl": .int32(0), "x-queue-type": "quorum",
                "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
            ]
        ),
    ]

    private func persistent(expiration: ShortString? = nil) -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.expiration = expiration
        return properties
    }

    private func declare(
        _ name: ShortString,
        _ arguments: FieldTable = [:],
        isDurable: Bool = true,
        by peer: ScriptedPeer
    ) {
        peer.send(
            QueueDeclare(queue: name, durable: isDurable, noWait: true, arguments: arguments)
        )
    }

    @Test("the confirm leaves when the dead letter is durable", arguments: refusals)
    func waits(_ refusal: Refusal) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare("dead", by: peer)
            declare("q", refusal.arguments, by: peer)
            journal.sync()
            try peer.selectConfirms()
            peer.send(Script().publish("dies", to: "q", persistent()).bytes)
            try peer.expectSilence()
            journal.sync()
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            try journal.restart { next, _ in
                let letters = try next.connect().drain("dead")
                #expect(letters == ["dies"])
            }
            journal.end()
        }
    }

    @Test("it waits for a dead letter that dies at once as well")
    func chain() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            var onward: FieldTable = ["x-message-ttl": .int32(0), "x-dead-letter-exchange": ""]
            onward["x-dead-letter-routing-key"] = "end"
            declare("end", by: peer)
            declare("dead", onward, by: peer)
            declare("q", Self.refusals[0].arguments, by: peer)
            journal.sync()
            try peer.selectConfirms()
            peer.send(Script().publish("dies twice", to: "q", persistent()).bytes)
            try peer.expectSilence()
            journal.sync()
            try peer.expect(BasicAck.self)
            try journal.restart { next, _ in
                let letters = try next.connect().drain("end")
                #expect(letters == ["dies twice"])
            }
            journal.end()
        }
    }

    @Test("it waits for nothing where the dead letter is not kept on disk")
    func transient() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare("dead", isDurable: false, by: peer)
            declare("q", Self.refusals[0].arguments, by: peer)
            journal.sync()
            try peer.selectConfirms()
            peer.send(Script().publish("dies", to: "q", persistent()).bytes)
            try peer.expect(BasicAck.self)
            #expect(try peer.drain("dead") == ["dies"])
            journal.end()
        }
    }

    @Test("it waits for the message itself while the dead letter waits for others")
    func behindOthers() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            var arguments = Self.letters
            arguments["x-max-length"] = .int32(1)
            declare("dead", by: peer)
            declare("q", arguments, by: peer)
            peer.send(Script().publish("first", to: "q", persistent()).bytes)
            journal.sync()
            try journal.restart { next, journal in
                // Nothing is read from the disk: what is pushed out cannot be buried yet.
                let page = next.page
                next.page = nil
                let peer = try next.connect()
                try peer.selectConfirms()
                peer.send(Script().publish("second", to: "q", persistent()).bytes)
                journal.sync()
                try peer.expect(BasicAck.self)
                let dying = try next.queue("q").state.dying.count
                #expect(dying == 1)
                peer.send(Script().publish("third", to: "q", persistent(expiration: "0")).bytes)
                try peer.expectSilence()
                journal.sync()
                #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
                try journal.restart { last, _ in
                    last.advance(by: .milliseconds(1))
                    // The limit counts all that is back, so the first one dies again.
                    let letters = try last.connect().drain("dead")
                    #expect(letters.sorted() == ["first", "third"])
                }
                next.page = page
                next.advance(by: .zero)
                #expect(try peer.drain("dead") == ["first", "third"])
            }
            journal.end()
        }
    }

    @Test("what is delayed and dies when its time has come is in neither queue for no moment")
    func delayed() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare("dead", by: peer)
            declare("q", Self.refusals[0].arguments, by: peer)
            peer.send(
                ExchangeDeclare(
                    exchange: "later",
                    type: "x-delayed-message",
                    durable: true,
                    noWait: true,
                    arguments: ["x-delayed-type": "fanout"]
                )
            )
            peer.send(QueueBind(queue: "q", exchange: "later", noWait: true))
            var properties = persistent()
            properties.headers = ["x-delay": .int32(100)]
            peer.send(Script().publish("dies", to: "", exchange: "later", properties).bytes)
            journal.sync()
            let before = journal.recordCount
            broker.advance(by: .milliseconds(100))
            journal.sync()
            let made = journal.recordCount - before
            try #require(made > 1)
            for lost in 0...made {
                try journal.restart(losing: lost) { next, _ in
                    next.advance(by: .milliseconds(200))
                    let texts = try next.connect().drain("dead")
                    #expect(texts.contains("dies"), "\(lost) records lost")
                }
            }
            journal.end()
        }
    }
}
