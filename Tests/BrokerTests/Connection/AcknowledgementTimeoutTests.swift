import Testing
import Wire

@testable import Broker

@Suite("Acknowledgement timeout")
struct AcknowledgementTimeoutTests {
    private static func arguments(_ milliseconds: Int32) -> FieldTable {
        ["x-consumer-timeout": .int32(milliseconds)]
    }

    /// The server closes the channel by itself: no method is to blame.
    private func expectTimeout(
        _ milliseconds: Int,
        _ peer: ScriptedPeer,
        on channel: UInt16 = 1,
        _ sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let close = try peer.expectChannelClosed(
            .preconditionFailed,
            at: MethodID(classID: 0, methodID: 0),
            on: channel,
            sourceLocation
        )
        #expect(
            close.replyText.string
                == "PRECONDITION_FAILED - delivery acknowledgement on channel \(channel) timed "
                + "out. Timeout value used: \(milliseconds) ms. This timeout value can be "
                + "configured, see consumers doc guide to learn more",
            sourceLocation: sourceLocation
        )
    }

    private func consume(_ queue: ShortString, _ milliseconds: Int32?, _ peer: ScriptedPeer) throws
    {
        try peer.call(
            BasicConsume(
                queue: queue,
                consumerTag: milliseconds == nil ? "c" : "c400",
                arguments: milliseconds.map(Self.arguments) ?? [:]
            ),
            BasicConsumeOk.self
        )
    }

    /// Lets time pass millisecond by millisecond.
    private func wait(_ milliseconds: Int, _ broker: DialogueBroker) {
        for _ in 0..<milliseconds { broker.advance(by: .milliseconds(1)) }
    }

    @Test(
        "closes the channel with 406 and requeues, within two milliseconds, wherever it is set",
        arguments: ["queue", "consumer", "both", "broker"]
    )
    func everyLevel(place: String) throws {
        var limits = Limits()
        limits.consumerTimeout = place == "broker" ? .milliseconds(500) : .seconds(1800)
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try broker.connect()
            try peer.declare(
                "q",
                place == "queue" ? Self.arguments(500) : place == "both" ? Self.arguments(2) : [:]
            )
            try consume("q", place == "consumer" || place == "both" ? 500 : nil, peer)
            broker.advance(by: .milliseconds(50))
            peer.publish("m", to: "q")
            try peer.expectDelivery()
            wait(500, broker)
            try peer.expectSilence()
            wait(2, broker)
            try expectTimeout(500, peer)
            try peer.openChannel(1)
            let got = try peer.get("q", noAck: true)
            #expect(got.method.redelivered && got.content.text == "m")
        }
    }

    @Test("follows a policy, for deliveries that are out as well, and goes when that goes")
    func policy() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.consume("q", "c")
            peer.publish("m", to: "q")
            try peer.expectDelivery()
            wait(300, broker)
            try peer.expectSilence()
            try broker.set(PolicyRecord("p", "^q$", ["consumer-timeout": .int64(500)]))
            wait(199, broker)
            try peer.expectSilence()
            wait(3, broker)
            try expectTimeout(500, peer)
            broker.clearPolicy("p")
            try peer.openChannel(1)
            try peer.consume("q", "c")
            #expect(try peer.texts() == ["m"])
            wait(600, broker)
            try peer.expectSilence()
        }
    }

    @Test("counts from each delivery, and those settled in time do not count")
    func eachDelivery() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", Self.arguments(100))
            try peer.consume("q", "c")
            for number in 0..<20 {
                peer.publish("m", to: "q")
                try peer.expectDelivery()
                wait(40, broker)
                if number > 0 { peer.ack(UInt64(number)) }
            }
            try peer.expectSilence()
            wait(62, broker)
            try expectTimeout(100, peer)
        }
    }

    @Test("finds the delivery that is due first among consumers with other timeouts")
    func unequalTimeouts() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("slow")
            try peer.declare("fast", Self.arguments(300))
            try consume("slow", 1000, peer)
            try peer.consume("fast", "f")
            peer.publish("1", to: "slow")
            broker.advance(by: .milliseconds(100))
            peer.publish("2", to: "fast")
            #expect(try peer.texts() == ["1", "2"])
            wait(300, broker)
            try peer.expectSilence()
            wait(2, broker)
            try expectTimeout(300, peer)
        }
    }

    @Test("what basic.get fetched counts, with its queue's timeout")
    func fetched() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", Self.arguments(200))
            peer.publish("m", to: "q")
            try peer.get("q")
            broker.advance(by: .milliseconds(203))
            try expectTimeout(200, peer)
        }
    }

    @Test("0 means for ever, at every level, and no acknowledgement no timeout")
    func never() throws {
        var limits = Limits()
        limits.consumerTimeout = .zero
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.declare("p", Self.arguments(1))
            try peer.declare("r", Self.arguments(0))
            try peer.consume("q", "q")
            try consume("p", 0, peer)
            try peer.consume("r", "r")
            try peer.openChannel(2)
            try peer.consume("p", "none", noAck: true, on: 2)
            for queue in ["q", "p", "p", "r"] as [ShortString] { peer.publish("m", to: queue) }
            broker.advance(by: .seconds(86400))
            #expect(try peer.deliveries().count + peer.deliveries(on: 2).count == 4)
            try peer.expectSilence()
        }
    }

    @Test("a cancelled consumer still has to acknowledge what it got")
    func cancelled() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try consume("q", 400, peer)
            peer.publish("m", to: "q")
            try peer.expectDelivery()
            try peer.call(BasicCancel(consumerTag: "c400"), BasicCancelOk.self)
            broker.advance(by: .milliseconds(403))
            try expectTimeout(400, peer)
        }
    }

    @Test("what is settled in an open transaction is not due, until it is rolled back")
    func transaction() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", Self.arguments(100))
            try peer.consume("q", "c")
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.send(Script().publish("m", to: "q").method(TxCommit()).bytes)
            let tag = try peer.expectDelivery().tag
            try peer.expect(TxCommitOk.self)
            peer.ack(tag)
            broker.advance(by: .milliseconds(500))
            try peer.expectSilence()
            try peer.call(TxRollback(), TxRollbackOk.self)
            try expectTimeout(100, peer)
        }
    }

    @Test("closes the one channel, not its neighbours")
    func neighbours() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q", Self.arguments(100))
            try peer.consume("q", "a")
            peer.publish("m", to: "q")
            try peer.expectDelivery()
            try peer.consume("q", "b", on: 2)
            broker.advance(by: .milliseconds(103))
            try expectTimeout(100, peer)
            let again = try peer.expectDelivery(on: 2)
            #expect(again.method.redelivered && again.text == "m")
            peer.ack(again.tag, on: 2)
            broker.advance(by: .seconds(5))
            try peer.expectSilence()
        }
    }

    @Test("the present of the clock may be anywhere: times are kept modulo 49 days")
    func wrap() throws {
        try DialogueBroker.play { broker in
            broker.begin(at: .zero + .milliseconds(Int64(UInt32.max) - 50))
            let peer = try broker.connect()
            try peer.declare("q", Self.arguments(100))
            try peer.consume("q", "c")
            peer.publish("m", to: "q")
            try peer.expectDelivery()
            wait(100, broker)
            try peer.expectSilence()
            wait(2, broker)
            try expectTimeout(100, peer)
        }
    }

    @Test(
        "a wrong type or a negative time is 406, on a queue and on a consumer",
        arguments: [FieldValue.string("1000"), .int32(-1), .bool(true), .double(1)]
    )
    func refused(value: FieldValue) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", arguments: ["x-consumer-timeout": value]))
            try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
            try peer.openChannel(1)
            try peer.declare("q")
            peer.send(BasicConsume(queue: "q", arguments: ["x-consumer-timeout": value]))
            try peer.expectChannelClosed(.preconditionFailed, at: BasicConsume.id)
        }
    }

    @Test("a channel without consumers and deliveries has no alarm")
    func idle() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", Self.arguments(100))
            peer.publish("m", to: "q")
            peer.ack(try peer.get("q").method.deliveryTag)
            #expect(broker.virtualHost.state.timers.count == 1)
            broker.advance(by: .milliseconds(200))
            #expect(broker.virtualHost.state.timers.count == 0)
        }
    }
}
