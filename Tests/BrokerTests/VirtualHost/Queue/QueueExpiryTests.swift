import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Queues that expire unused")
struct QueueExpiryTests {
    private let arguments: FieldTable = ["x-expires": .int32(1_000)]

    private func isThere(_ broker: DialogueBroker) -> Bool {
        broker.virtualHost.queue(named: "q") != nil
    }

    @Test("a queue nobody uses goes when its time is over, and not a millisecond before")
    func unused() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            peer.publish("m", to: "q")
            broker.advance(by: .milliseconds(999))
            #expect(isThere(broker))
            broker.advance(by: .milliseconds(1))
            #expect(!isThere(broker))
            #expect(broker.virtualHost.nextDeadline == .distantFuture)
        }
    }

    /// A way to use a queue.
    private static let uses: [(String, @Sendable (ScriptedPeer) throws -> Void)] = [
        ("declare", { try $0.declare("q", ["x-expires": .int32(1_000)]) }),
        ("passive", { try $0.call(QueueDeclare(queue: "q", passive: true), QueueDeclareOk.self) }),
        ("get", { try $0.call(BasicGet(queue: "q"), BasicGetEmpty.self) }),
        (
            "consumer",
            {
                try $0.consume("q", "c")
                try $0.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            }
        ),
    ]

    @Test("using it starts the time again", arguments: uses.indices)
    func used(index: Int) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            for _ in 0..<3 {
                broker.advance(by: .milliseconds(900))
                try Self.uses[index].1(peer)
            }
            broker.advance(by: .milliseconds(999))
            #expect(isThere(broker))
            broker.advance(by: .milliseconds(1))
            #expect(!isThere(broker))
        }
    }

    @Test("publishing is no use")
    func publishing() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            broker.advance(by: .milliseconds(900))
            peer.publish("m", to: "q")
            broker.advance(by: .milliseconds(100))
            #expect(!isThere(broker))
        }
    }

    @Test("with a consumer it stays, and its time begins when the last one has gone")
    func consumer() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q", arguments)
            try peer.consume("q", "c", noAck: true)
            try other.consume("q", "d", noAck: true)
            broker.advance(by: .seconds(5))
            peer.hangUp()
            broker.advance(by: .seconds(5))
            #expect(isThere(broker))
            other.hangUp()
            broker.advance(by: .milliseconds(999))
            #expect(isThere(broker))
            broker.advance(by: .milliseconds(1))
            #expect(!isThere(broker))
        }
    }

    @Test("what was taken from it can still be settled when it has gone")
    func unsettled() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            peer.publish("m", to: "q")
            let got = try peer.get("q")
            broker.advance(by: .seconds(1))
            #expect(!isThere(broker))
            peer.ack(got.method.deliveryTag)
            try peer.expectSilence()
        }
    }

    @Test("after a restart its whole time begins again, and its end is recorded")
    func restart() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: arguments))
            journal.sync()
            broker.advance(by: .milliseconds(900))
            try journal.restart(after: .seconds(5)) { broker, journal in
                broker.advance(by: .milliseconds(999))
                #expect(isThere(broker))
                broker.advance(by: .milliseconds(1))
                #expect(!isThere(broker))
                journal.sync()
                try journal.restart { broker, _ in #expect(!isThere(broker)) }
            }
            journal.end()
        }
    }

    @Test(
        "a time beyond ten years, or that is none, is refused",
        arguments: [.int64(315_360_000_001), .int32(0), .int32(-1), "1000"] as [FieldValue]
    )
    func refused(value: FieldValue) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", arguments: ["x-expires": value]))
            try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
        }
    }
}
