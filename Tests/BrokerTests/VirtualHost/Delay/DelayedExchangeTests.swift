import TestSupport
import Testing
import Wire

@testable import Broker

/// The contract of the plugin (rabbitmq_delayed_message_exchange).
@Suite("Exchanges that delay")
struct DelayedExchangeTests {
    private func properties(_ delay: FieldValue?, _ more: FieldTable = [:]) -> BasicProperties {
        var properties = BasicProperties()
        var headers = more
        if let delay { headers["x-delay"] = delay }
        properties.headers = headers
        return properties
    }

    private func publish(
        _ text: String,
        _ delay: FieldValue?,
        to key: ShortString = "k",
        _ more: FieldTable = [:],
        mandatory: Bool = false,
        by peer: ScriptedPeer
    ) {
        let properties = properties(delay, more)
        let script = Script().publish(
            text,
            to: key,
            exchange: "x",
            mandatory: mandatory,
            properties
        )
        peer.send(script.bytes)
    }

    private func declare(
        _ type: FieldValue = "direct",
        _ more: FieldTable = [:],
        by peer: ScriptedPeer
    ) throws {
        var arguments = more
        arguments["x-delayed-type"] = type
        try peer.declareExchange("x", "x-delayed-message", arguments)
    }

    private func play(_ scene: (DialogueBroker, ScriptedPeer) throws -> Void) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare(by: peer)
            try peer.declare("q")
            try peer.bind("q", to: "x", "k")
            try scene(broker, peer)
        }
    }

    @Test("a calendar that is set back or on changes nothing", arguments: [-3_600_000, 3_600_000])
    func calendar(step: Int64) throws {
        try play { broker, peer in
            publish("later", .int32(1_000), by: peer)
            let virtualHost = broker.virtualHost
            let now = virtualHost.wallTime(virtualHost.state.now).milliseconds
            virtualHost.setWallTime(WallTime(milliseconds: now + step))
            publish("last", .int32(1_500), by: peer)
            broker.advance(by: .milliseconds(990))
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(10))
            #expect(try count(broker) == 1)
            broker.advance(by: .milliseconds(500))
            let texts = try peer.drain("q")
            #expect(texts == ["later", "last"])
        }
    }

    private func count(_ broker: DialogueBroker) throws -> Int {
        try broker.queue("q").state.ready.count
    }

    @Test("a message is routed when its time has come, to the millisecond")
    func time() throws {
        try play { broker, peer throws in
            publish("m", .int32(1_000), by: peer)
            broker.advance(by: .milliseconds(999))
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(1))
            #expect(try peer.drain("q") == ["m"])
        }
    }

    @Test("the bindings count that there are when the time has come")
    func bindings() throws {
        try play { broker, peer throws in
            publish("m", .int32(100), by: peer)
            publish("n", .int32(100), to: "other", by: peer)
            try peer.call(
                QueueUnbind(queue: "q", exchange: "x", routingKey: "k"),
                QueueUnbindOk.self
            )
            try peer.bind("q", to: "x", "other")
            broker.advance(by: .milliseconds(100))
            #expect(try peer.drain("q") == ["n"])
        }
    }

    @Test(
        "any integer delays, a string of digits and a float too, and comes back negative",
        arguments: [
            (.int8(50), .int8(-50)), (.uint8(200), .int32(-200)), (.int16(500), .int16(-500)),
            (.uint16(60_000), .int32(-60_000)), (.int32(1), .int32(-1)),
            (.uint32(4_294_967_295), .int64(-4_294_967_295)), (.int64(70_000), .int64(-70_000)),
            ("1500", .int32(-1_500)), (.float(20.9), .int32(-20)),
            (.double(1e6), .int32(-1_000_000)),
        ] as [(FieldValue, FieldValue)]
    )
    func types(sent: FieldValue, received: FieldValue) throws {
        try play { broker, peer throws in
            let delay = try #require(received.integer)
            publish("m", sent, ["a": "b", "z": .int32(9)], by: peer)
            broker.advance(by: .milliseconds(-delay - 1))
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(1))
            let got = try peer.get("q", noAck: true)
            #expect(
                got.content.properties.headers
                    == ["a": "b", "z": .int32(9), "x-delay": received]
            )
            #expect(got.content.text == "m" && !got.method.redelivered)
        }
    }

    @Test(
        "what asks for no delay that can be is routed at once, as it is",
        arguments: [
            nil, .int32(0), .int32(-1), .int64(4_294_967_296), .int64(.max), .int64(.min), "soon",
            "", "-5", .bool(true), .void, .float(.nan), .double(1e300), .timestamp(5),
            .array([.int32(5)]), .decimal(scale: 0, value: 5),
        ] as [FieldValue?]
    )
    func notDelayed(header: FieldValue?) throws {
        try play { broker, peer throws in
            publish("m", header, by: peer)
            let headers = try peer.get("q", noAck: true).content.properties.headers
            if case .float = header {
                #expect(headers?.entries.count == 1)
            } else {
                #expect(headers?["x-delay"] == header)
            }
        }
    }

    @Test("messages leave in the order of their time, then of publishing")
    func order() throws {
        try play { broker, peer throws in
            var random = Seed(5)
            var expected: [(due: Int32, text: String)] = []
            for number in 0..<6_000 {
                let delay = Int32.random(in: 1...40, using: &random)
                publish("\(number)", .int32(delay), by: peer)
                expected.append((delay, "\(number)"))
            }
            for millisecond in 1...60 as ClosedRange<Int32> {
                broker.advance(by: .milliseconds(1))
                let due = expected.filter { $0.due <= millisecond }.count
                #expect(try count(broker) <= due)
            }
            let order = expected.enumerated()
                .sorted { ($0.element.due, $0.offset) < ($1.element.due, $1.offset) }
            #expect(try peer.drain("q") == order.map(\.element.text))
        }
    }

    @Test("many of one moment do not hold everybody else up, and all leave in the end")
    func crowd() throws {
        try play { broker, peer throws in
            for number in 0..<3_000 { publish("\(number)", .int32(10), by: peer) }
            broker.advance(by: .milliseconds(10))
            #expect(try count(broker) == DelayedMessages.firedCountMax)
            broker.advance(by: .milliseconds(2))
            broker.advance(by: .milliseconds(2))
            #expect(try peer.drain("q") == (0..<3_000).map { "\($0)" })
        }
    }

    @Test("while the disk is behind it waits, and does not hold up what else is due")
    func heldUp() throws {
        try play { (broker, peer) throws in
            try peer.declare("p", ["x-message-ttl": .int32(9_000)])
            publish("m", .int32(1_000), by: peer)
            peer.send(Script().publish("n", to: "p", BasicProperties()).bytes)
            broker.batch { broker.virtualHost.blockPublishers("no space") }
            broker.advance(by: .seconds(9))
            #expect(try broker.queue("p").state.ready.isEmpty)
            #expect(try count(broker) == 0)
            broker.batch { _ = broker.virtualHost.unblockPublishers() }
            broker.advance(by: .milliseconds(5))
            #expect(try count(broker) == 1)
        }
    }

    @Test(
        "a declaration needs the name of another type",
        arguments: [
            (nil, .preconditionFailed), (.int32(5), .preconditionFailed),
            (.bool(true), .preconditionFailed), ("x-delayed-message", .preconditionFailed),
            ("nothing-like-it", .commandInvalid), ("", .commandInvalid),
        ] as [(FieldValue?, ReplyCode)]
    )
    func refusals(type: FieldValue?, code: ReplyCode) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let arguments: FieldTable = type.map { ["x-delayed-type": $0] } ?? [:]
            peer.send(
                ExchangeDeclare(exchange: "x", type: "x-delayed-message", arguments: arguments)
            )
            if code == .commandInvalid {
                try peer.expectConnectionClosed(code, at: ExchangeDeclare.id)
            } else {
                try peer.expectChannelClosed(code, at: ExchangeDeclare.id)
            }
        }
    }

    @Test("the type beneath decides where a message goes, delayed or not")
    func beneath() throws {
        for (type, key) in [("topic", "a.*"), ("fanout", ""), ("x-modulus-hash", "")]
            as [(FieldValue, ShortString)]
        {
            try DialogueBroker.play { broker in
                let peer = try broker.connect()
                try declare(type, by: peer)
                try peer.declare("q")
                try peer.bind("q", to: "x", key)
                publish("now", nil, to: "a.b", by: peer)
                publish("later", .int32(5), to: "a.b", by: peer)
                publish("now too", nil, to: "a.b", by: peer)
                #expect(try count(broker) == 2)
                broker.advance(by: .milliseconds(5))
                #expect(try peer.drain("q") == ["now", "now too", "later"])
            }
        }
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare("headers", by: peer)
            try peer.declare("q")
            try peer.bind("q", to: "x", "", ["wanted": .bool(true)])
            publish("is", .int32(5), ["wanted": .bool(true)], by: peer)
            publish("is not", .int32(5), ["wanted": .bool(false)], by: peer)
            broker.advance(by: .milliseconds(5))
            #expect(try peer.drain("q") == ["is"])
            peer.send(
                QueueBind(queue: "q", exchange: "x", arguments: ["x-match": "neither"])
            )
            try peer.expectChannelClosed(.preconditionFailed, at: QueueBind.id)
        }
    }

    @Test("a mandatory one is returned, since it goes nowhere now, and comes later all the same")
    func mandatory() throws {
        try play { broker, peer throws in
            try peer.selectConfirms()
            publish("m", .int32(5), mandatory: true, by: peer)
            #expect(try peer.expect(BasicReturn.self).replyCode == ReplyCode.noRoute.value)
            #expect(try peer.expectContent().properties.headers == ["x-delay": .int32(5)])
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            publish("n", .int32(5), by: peer)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            broker.advance(by: .milliseconds(5))
            #expect(try peer.drain("q") == ["m", "n"])
            #expect(broker.virtualHost.state.counters.unroutableDropped == 0)
        }
    }

    @Test("its alternate exchange gets what nobody wants when the time has come, not before")
    func alternate() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try declare("direct", ["alternate-exchange": "amq.fanout"], by: peer)
            try peer.declare("q")
            try peer.bind("q", to: "amq.fanout")
            publish("m", .int32(5), by: peer)
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(5))
            #expect(try peer.drain("q") == ["m"])
        }
    }

    @Test("between exchanges it holds back what passes through it, and nothing else")
    func betweenExchanges() throws {
        try play { broker, peer throws in
            try peer.declareExchange("behind", "fanout")
            try peer.declare("direct")
            try peer.declare("behind")
            try peer.bind("direct", to: "amq.fanout")
            try peer.bind("behind", to: "behind")
            for (source, destination) in [("amq.fanout", "x"), ("x", "behind")]
                as [(ShortString, ShortString)]
            {
                try peer.call(
                    ExchangeBind(destination: destination, source: source, routingKey: "k"),
                    ExchangeBindOk.self
                )
            }
            for text in ["m", "n"] {
                peer.send(
                    Script().publish(
                        text,
                        to: "k",
                        exchange: "amq.fanout",
                        properties(.int32(5))
                    ).bytes
                )
            }
            let first = try peer.get("direct", noAck: true).content
            #expect(first.properties.headers == ["x-delay": .int32(5)])
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(5))
            let later = try peer.get("behind", noAck: true)
            #expect(later.content.properties.headers == ["x-delay": .int32(-5)])
            #expect(later.method.exchange == "amq.fanout")
            #expect(try peer.drain("q") == ["m", "n"])
        }
    }

    @Test("keys in CC and BCC count when the time has come, and BCC is not shown")
    func extraKeys() throws {
        try play { broker, peer throws in
            for key in ["c", "b"] as [ShortString] {
                try peer.declare(key)
                try peer.bind(key, to: "x", key)
            }
            publish("m", .int32(5), ["CC": .array(["c"]), "BCC": .array(["b"])], by: peer)
            broker.advance(by: .milliseconds(5))
            for queue in ["q", "c", "b"] as [ShortString] {
                let headers = try peer.get(queue, noAck: true).content.properties.headers
                #expect(headers == ["CC": .array(["c"]), "x-delay": .int32(-5)])
            }
        }
    }

    @Test("a message lives, and has its priority, from when its time has come")
    func terms() throws {
        try play { broker, peer throws in
            try peer.declare("p", ["x-max-priority": .int8(5)])
            try peer.bind("p", to: "x", "k")
            for (text, priority) in [("low", 1), ("high", 4)] as [(String, UInt8)] {
                var properties = properties(.int32(50))
                properties.expiration = "20"
                properties.priority = priority
                peer.send(Script().publish(text, to: "k", exchange: "x", properties).bytes)
            }
            broker.advance(by: .milliseconds(50))
            #expect(try peer.drain("p") == ["high", "low"])
            broker.advance(by: .milliseconds(19))
            #expect(try count(broker) == 2)
            broker.advance(by: .milliseconds(1))
            #expect(try count(broker) == 0)
        }
    }

    @Test("a dead letter that asks for it is delayed, and not a second time")
    func deadLetters() throws {
        try play { broker, peer throws in
            try peer.declare("dying", ["x-dead-letter-exchange": "x"])
            peer.send(Script().publish("m", to: "dying", properties(.int32(5))).bytes)
            let bind = QueueBind(queue: "q", exchange: "x", routingKey: "dying")
            try peer.call(bind, QueueBindOk.self)
            peer.nack(try peer.get("dying").method.deliveryTag, requeue: false)
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(5))
            let headers = try peer.get("q", noAck: true).content.properties.headers
            #expect(headers?["x-delay"] == .int32(-5))
        }
    }

    @Test("a transaction delays nothing until it is committed")
    func transactions() throws {
        try play { broker, peer throws in
            try peer.call(TxSelect(), TxSelectOk.self)
            publish("m", .int32(5), by: peer)
            broker.advance(by: .milliseconds(10))
            try peer.call(TxCommit(), TxCommitOk.self)
            broker.advance(by: .milliseconds(4))
            #expect(try count(broker) == 0)
            broker.advance(by: .milliseconds(1))
            #expect(try peer.drain("q") == ["m"])
        }
    }

    @Test("what it holds goes with it")
    func deletion() throws {
        try play { broker, peer throws in
            for delay in [5, 500, 50] as [Int32] { publish("m", .int32(delay), by: peer) }
            let exchange = try #require(broker.virtualHost.exchange(named: "x"))
            #expect(exchange.delayedCount == 3)
            try peer.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            #expect(broker.virtualHost.state.timers.count == 0)
            try declare(by: peer)
            try peer.bind("q", to: "x", "k")
            broker.advance(by: .seconds(1))
            #expect(try count(broker) == 0)
        }
    }

    @Test("another x-delayed-type is the same exchange, as for the plugin")
    func equivalence() throws {
        try play { _, peer throws in
            try declare("fanout", by: peer)
            peer.send(ExchangeDeclare(exchange: "x", type: "direct"))
            try peer.expectChannelClosed(.preconditionFailed, at: ExchangeDeclare.id)
        }
    }
}
