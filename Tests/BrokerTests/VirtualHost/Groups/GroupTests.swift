import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Queues with groups")
struct GroupTests {
    static let arguments: FieldTable = ["x-group-header": "order"]

    static func properties(_ group: FieldValue?) -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.headers = ["a": .int8(1)]
        if let group { properties.headers?["order"] = group }
        return properties
    }

    /// Publishes texts that begin with the name of their group; a dash begins those without.
    private func publish(_ texts: [String], _ peer: ScriptedPeer, on channel: UInt16 = 1) {
        var script = Script()
        for text in texts {
            let group = text.prefix(1)
            let value: FieldValue? = group == "-" ? nil : .string(String(group))
            script = script.publish(text, to: "q", Self.properties(value), on: channel)
        }
        peer.send(script.bytes)
    }

    /// Three channels of one connection, each with a consumer of its own.
    private func play(
        prefetch: UInt16 = 10,
        _ arguments: FieldTable = GroupTests.arguments,
        _ scene: (DialogueBroker, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            for channel in 2...4 as ClosedRange<UInt16> {
                try peer.openChannel(channel)
                try peer.setPrefetch(prefetch, on: channel)
            }
            try scene(broker, peer)
        }
    }

    private func consume(_ channel: UInt16, _ peer: ScriptedPeer) throws {
        try peer.consume("q", "c", on: channel)
    }

    @Test("a group goes to one consumer, others to others, and what has none to anybody")
    func spread() throws {
        try play { _, peer in
            try consume(2, peer)
            try consume(3, peer)
            publish(["a1", "b1", "a2", "b2", "-1", "-2", "a3"], peer)
            #expect(try peer.texts(on: 2) == ["a1", "a2", "-1", "a3"])
            #expect(try peer.texts(on: 3) == ["b1", "b2", "-2"])
        }
    }

    @Test("a group moves on only when all that is out of it is settled")
    func handOver() throws {
        try play(prefetch: 2) { _, peer in
            try consume(2, peer)
            publish(["a1", "a2", "a3", "a4"], peer)
            try consume(3, peer)
            #expect(try peer.texts(on: 2) == ["a1", "a2"])
            #expect(try peer.texts(on: 3) == [])
            peer.ack(1, on: 2)
            #expect(try peer.texts(on: 2) == ["a3"])
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self, on: 2)
            peer.ack(2, on: 2)
            #expect(try peer.texts(on: 3) == [])
            peer.ack(3, on: 2)
            #expect(try peer.texts(on: 3) == ["a4"])
        }
    }

    @Test("a group at the front that nobody may have does not stop those behind it")
    func blockedAtTheFront() throws {
        try play(prefetch: 1) { _, peer in
            try consume(2, peer)
            publish(["a0"] + (1...50).map { "a\($0)" } + ["b1", "-1", "c1", "b2"], peer)
            try consume(3, peer)
            #expect(try peer.texts(on: 2) == ["a0"])
            for (tag, text) in ["b1", "-1", "c1", "b2"].enumerated() {
                #expect(try peer.texts(on: 3) == [text])
                peer.ack(UInt64(tag + 1), on: 3)
            }
            #expect(try peer.texts(on: 3) == [])
            peer.ack(1, on: 2)
            #expect(try peer.texts(on: 2) + peer.texts(on: 3) == ["a1"])
        }
    }

    @Test(
        "what comes back is the next of its group, whoever gets it",
        arguments: ["nack", "recover"]
    )
    func requeue(way: String) throws {
        try play(prefetch: 3) { _, peer in
            try consume(2, peer)
            publish(["a1", "a2", "a3", "a4"], peer)
            #expect(try peer.texts(on: 2) == ["a1", "a2", "a3"])
            if way == "nack" {
                // As long as some of a group are out, those that came back wait for them.
                for tag in [3, 1] as [UInt64] { peer.nack(tag, on: 2) }
                #expect(try peer.texts(on: 2) == [])
                peer.nack(2, on: 2)
            } else {
                try peer.call(BasicRecover(requeue: true), BasicRecoverOk.self, on: 2)
            }
            #expect(try peer.texts(on: 2) == ["a1", "a2", "a3"])
            try peer.call(
                ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                ChannelCloseOk.self,
                on: 2
            )
            try consume(3, peer)
            #expect(try peer.texts(on: 3) == ["a1", "a2", "a3"])
        }
    }

    @Test("with all of it nacked at once the order holds", arguments: [true, false])
    func nackAll(isMultiple: Bool) throws {
        try play { _, peer in
            try consume(2, peer)
            publish(["a1", "b1", "a2", "-1", "a3"], peer)
            #expect(try peer.texts(on: 2).count == 5)
            var script = Script()
            if isMultiple {
                script = script.method(
                    BasicNack(deliveryTag: 0, multiple: true, requeue: true),
                    on: 2
                )
            } else {
                for tag in [4, 1, 5, 2, 3] as [UInt64] {
                    script = script.method(BasicNack(deliveryTag: tag, requeue: true), on: 2)
                }
            }
            peer.send(script.bytes)
            #expect(try peer.texts(on: 2) == ["a1", "b1", "a2", "-1", "a3"])
        }
    }

    @Test("a rejected message is settled, and goes to the dead-letter exchange")
    func reject() throws {
        let more: FieldTable = [
            "x-group-header": "order", "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "dead",
        ]
        try play(prefetch: 1, more) { _, peer in
            try peer.declare("dead")
            try consume(2, peer)
            publish(["a1", "a2"], peer)
            peer.nack(1, requeue: false, on: 2)
            #expect(try peer.texts(on: 2) == ["a1", "a2"])
            #expect(try peer.drain("dead") == ["a1"])
        }
    }

    @Test("basic.get takes the oldest message of a group nobody has, and has it then")
    func fetch() throws {
        try play(prefetch: 1) { _, peer in
            try consume(2, peer)
            publish(["a1", "a2", "b1", "b2", "-1"], peer)
            #expect(try peer.texts(on: 2) == ["a1"])
            let first = try peer.get("q")
            #expect(first.content.text == "b1")
            #expect(try peer.get("q").content.text == "-1")
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            peer.ack(first.method.deliveryTag)
            #expect(try peer.get("q", noAck: true).content.text == "b2")
            peer.ack(1, on: 2)
            #expect(try peer.texts(on: 2) == ["a2"])
        }
    }

    @Test("equal values are one group whatever their width; void is none; kinds are apart")
    func values() throws {
        let same: [[FieldValue]] = [
            [.int8(7), .int64(7), .uint16(7), .timestamp(7)], [.string("7"), .byteArray([55])],
            [.double(0.5), .float(0.5)], [.bool(true)], [.array([.int8(1)])],
            [.table(["x": .int8(1)])],
        ]
        try play(prefetch: 100) { broker, peer in
            var script = Script()
            for (kind, values) in same.enumerated() {
                for value in values {
                    script = script.publish("\(kind)", to: "q", Self.properties(value))
                }
            }
            for _ in 0..<2 { script = script.publish("-", to: "q", Self.properties(.void)) }
            peer.send(script.bytes)
            #expect(try broker.queue("q").state.groups?.count == same.count + 1)
            try consume(2, peer)
            #expect(try peer.texts(on: 2).count == 13)
            peer.ack(0, multiple: true, on: 2)
            #expect(try broker.queue("q").state.groups?.count == 0)
        }
    }

    @Test("full queues drop the oldest message that waits, or refuse", arguments: [true, false])
    func limits(isDropping: Bool) throws {
        let more: FieldTable = [
            "x-group-header": "order", "x-max-length": .int32(3),
            "x-overflow": .string(isDropping ? "drop-head" : "reject-publish"),
        ]
        try play(prefetch: 1, more) { _, peer in
            try consume(2, peer)
            publish(["a1", "a2", "b1", "a3", "c1", "b2"], peer)
            #expect(try peer.texts(on: 2) == ["a1"])
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self, on: 2)
            peer.ack(1, on: 2)
            try peer.setPrefetch(0, on: 3)
            try consume(3, peer)
            #expect(
                try peer.texts(on: 3) == (isDropping ? ["a3", "c1", "b2"] : ["a2", "b1", "a3"])
            )
        }
    }

    @Test("messages end when their time comes, wherever they stand in their group")
    func expiry() throws {
        try play(prefetch: 1) { broker, peer in
            try consume(2, peer)
            for number in 0..<200 {
                var properties = Self.properties("a")
                if number % 3 > 0 { properties.expiration = ShortString(shortening: "\(number)") }
                peer.send(Script().publish("\(number)", to: "q", properties).bytes)
            }
            #expect(try peer.texts(on: 2) == ["0"])
            broker.advance(by: .seconds(1))
            #expect(try broker.queue("q").state.ready.count == 66)
            for tag in 1...66 as ClosedRange<UInt64> {
                peer.ack(tag, on: 2)
                #expect(try peer.texts(on: 2) == ["\(tag * 3)"])
            }
            var properties = Self.properties("a")
            properties.expiration = "0"
            peer.send(Script().publish("late", to: "q", properties).bytes)
            peer.ack(67, on: 2)
            #expect(try peer.texts(on: 2) == [])
            peer.send(Script().publish("at once", to: "q", properties).bytes)
            #expect(try peer.texts(on: 2) == ["at once"])
            // It came with no time at all: it does not come again.
            peer.nack(68, on: 2)
            #expect(try peer.texts(on: 2) == [])
        }
    }

    @Test("a consumer of higher priority gets new groups; a single active one gets all")
    func otherTurns() throws {
        let single: FieldTable = [
            "x-group-header": "order", "x-single-active-consumer": .bool(true),
        ]
        try play(single) { _, peer in
            try consume(2, peer)
            try consume(3, peer)
            publish(["a1", "b1"], peer)
            #expect(try peer.texts(on: 2) == ["a1", "b1"])
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self, on: 2)
            publish(["a2", "c1"], peer)
            #expect(try peer.texts(on: 3) == ["c1"])
            peer.ack(1, on: 2)
            #expect(try peer.texts(on: 3) == ["a2"])
        }
        try play(prefetch: 2) { _, peer in
            try consume(2, peer)
            try peer.consume("q", "c", priority: 5, on: 3)
            publish(["a1", "b1", "c1", "a2"], peer)
            #expect(try peer.texts(on: 3) == ["a1", "b1"])
            #expect(try peer.texts(on: 2) == ["c1"])
        }
    }

    @Test("a consumer whose socket is full gets nothing, and its groups wait for it")
    func congestion() throws {
        try play { broker, peer in
            let slow = try broker.connect()
            try slow.consume("q", "slow")
            slow.read(0)
            slow.socketRoom = 0
            let large = String(repeating: "a", count: 200_000)
            publish([large, large, large, large], peer)
            try consume(2, peer)
            publish(["b1"], peer)
            #expect(try peer.texts(on: 2) == ["b1"])
            slow.socketRoom = nil
            slow.read(nil)
            #expect(try slow.texts().count == 4)
        }
    }

    @Test("what cannot be combined is refused with 406")
    func refusals() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let wrong: [FieldTable] = [
                ["x-group-header": .int8(1)], ["x-group-header": ""],
                ["x-group-header": .string(String(repeating: "x", count: 256))],
                ["x-group-header": "order", "x-max-priority": .int8(3)],
            ]
            let stream: FieldTable = ["x-group-header": "order", "x-queue-type": "stream"]
            for arguments in wrong + [stream] {
                let isDurable = arguments == stream
                peer.send(QueueDeclare(queue: "q", durable: isDurable, arguments: arguments))
                try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
                try peer.openChannel(1)
            }
            try peer.declare("q", Self.arguments)
            peer.send(QueueDeclare(queue: "q", arguments: ["x-group-header": "other"]))
            try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
            try peer.openChannel(1)
            peer.send(BasicConsume(queue: "q", noAck: true))
            try peer.expectChannelClosed(.preconditionFailed, at: BasicConsume.id)
        }
    }

    /// The groups that texts are of.
    private func groups(of texts: [String]) -> Set<Substring> {
        Set(texts.map { $0.prefix(1) }).subtracting(["-"])
    }

    @Test("groups outlive a crash, with what was out back in its place", arguments: [false, true])
    func restart(isQuorum: Bool) throws {
        var arguments = Self.arguments
        if isQuorum { arguments["x-queue-type"] = "quorum" }
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: arguments))
            journal.sync()
            try peer.expect(QueueDeclareOk.self)
            publish((1...9).flatMap { ["a\($0)", "b\($0)", "-\($0)"] }, peer)
            try peer.setPrefetch(5)
            try peer.consume("q", "c")
            #expect(try peer.texts() == ["a1", "b1", "-1", "a2", "b2"])
            peer.ack(1)
            journal.sync()
            try journal.restart { next, _ in
                let two = try next.connect()
                try two.openChannel(2)
                for channel in [1, 2] as [UInt16] { try two.setPrefetch(3, on: channel) }
                try two.consume("q", "c")
                try two.consume("q", "c", on: 2)
                let first = try two.texts()
                let second = try two.texts(on: 2)
                #expect(groups(of: first).isDisjoint(with: groups(of: second)))
                #expect(first.count == 3 && second.count == 3)
                let all = first + second
                for group in ["a", "b", "-"] {
                    let mine = all.filter { $0.hasPrefix(group) }
                    let start = group == "a" ? 2 : 1
                    #expect(mine == mine.indices.map { "\(group)\(start + $0)" })
                }
            }
            journal.end()
        }
    }
}
