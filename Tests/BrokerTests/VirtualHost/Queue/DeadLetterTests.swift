import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Dead letters")
struct DeadLetterTests {
    /// Arguments of a queue whose messages die into another one.
    private func dying(to queue: ShortString, _ more: FieldTable = [:]) -> FieldTable {
        var arguments = more
        arguments["x-dead-letter-exchange"] = ""
        arguments["x-dead-letter-routing-key"] = .longString(queue.bytes)
        return arguments
    }

    private func deaths(_ content: Content) -> [FieldTable] {
        guard case .array(let list)? = content.properties.headers?["x-death"] else { return [] }
        return list.compactMap { if case .table(let table) = $0 { table } else { nil } }
    }

    /// Queue, reason and count of each death, the latest first.
    private func story(_ content: Content) -> [String] {
        deaths(content).map { table in
            let parts = [table["queue"]?.text, table["reason"]?.text]
            return parts.map { $0 ?? "?" }.joined(separator: " ")
                + " \(table["count"]?.integer ?? -1)"
        }
    }

    @Test("a rejected message tells how it died, and keeps all else")
    func rejected() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            broker.batch { broker.virtualHost.setWallTime(WallTime(milliseconds: 1_800_000_500)) }
            try peer.declare("dead")
            try peer.declare("q", dying(to: "dead"))
            try peer.declareExchange("x", "direct")
            try peer.bind("q", to: "x", "k")
            var properties = BasicProperties()
            properties.headers = ["mine": .int32(1)]
            properties.contentType = "text/plain"
            properties.expiration = "60000"
            peer.send(Script().publish("m", to: "k", exchange: "x", properties).bytes)
            peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            let got = try peer.get("dead", noAck: true)
            #expect(got.method.exchange == "" && got.method.routingKey == "dead")
            #expect(!got.method.redelivered && got.content.text == "m")
            #expect(got.content.properties.contentType == "text/plain")
            #expect(got.content.properties.expiration == nil)
            #expect(
                got.content.properties.headers == [
                    "mine": .int32(1),
                    "x-death": .array([
                        .table([
                            "count": .int64(1), "reason": "rejected", "queue": "q",
                            "time": .timestamp(1_800_000), "exchange": "x",
                            "routing-keys": .array(["k"]), "original-expiration": "60000",
                        ])
                    ]),
                    "x-first-death-reason": "rejected", "x-first-death-queue": "q",
                    "x-first-death-exchange": "x", "x-last-death-reason": "rejected",
                    "x-last-death-queue": "q", "x-last-death-exchange": "x",
                ]
            )
        }
    }

    @Test("each way to die has its reason, and an acknowledgement is none")
    func reasons() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("dead")
            try peer.declare(
                "q",
                dying(to: "dead", ["x-max-length": .int8(1), "x-message-ttl": .int32(100)])
            )
            peer.publish("overflows", to: "q")
            peer.publish("is settled", to: "q")
            peer.ack(try peer.get("q").method.deliveryTag)
            peer.publish("expires", to: "q")
            broker.advance(by: .milliseconds(100))
            peer.publish("comes back", to: "q")
            let tag = try peer.get("q").method.deliveryTag
            peer.publish("is newer", to: "q")
            peer.nack(tag)
            peer.publish("is purged", to: "q")
            try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self)
            var letters: [String] = []
            while try broker.queue("dead").state.ready.count > 0 {
                let got = try peer.get("dead", noAck: true).content
                letters.append("\(got.text): \(story(got).joined(separator: ", "))")
            }
            #expect(
                letters == [
                    "overflows: q maxlen 1", "expires: q expired 1", "comes back: q maxlen 1",
                    "is newer: q maxlen 1",
                ]
            )
        }
    }

    @Test(
        "keys in BCC count again, also from the journal, and are not told",
        arguments: [false, true]
    )
    func hiddenKeys(isRestarted: Bool) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            for name in ["hidden", "listed"] as [ShortString] {
                peer.send(QueueDeclare(queue: name, durable: true, noWait: true))
                peer.send(
                    QueueBind(queue: name, exchange: "amq.direct", routingKey: name, noWait: true)
                )
            }
            let arguments: FieldTable = ["x-dead-letter-exchange": "amq.direct"]
            peer.send(
                QueueDeclare(queue: "q", durable: true, noWait: true, arguments: arguments)
            )
            var properties = BasicProperties()
            properties.deliveryMode = 2
            properties.headers = ["CC": .array(["listed"]), "BCC": .array(["hidden"])]
            peer.send(Script().publish("m", to: "q", properties).bytes)
            journal.sync()
            func check(_ broker: DialogueBroker) throws {
                let peer = try broker.connect()
                peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
                for queue in ["listed", "hidden"] as [ShortString] {
                    // The first one came from the publish itself.
                    _ = try peer.get(queue, noAck: true)
                    let got = try peer.get(queue, noAck: true).content
                    #expect(got.properties.headers?["BCC"] == nil)
                    #expect(deaths(got).first?["routing-keys"] == .array(["q", "listed"]))
                }
            }
            if isRestarted {
                try journal.restart { next, _ throws in try check(next) }
            } else {
                try check(broker)
            }
            journal.end()
        }
    }

    @Test("a publish that is refused dies only where the queue says so")
    func refused() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("dead")
            for (index, overflow) in (["reject-publish", "reject-publish-dlx"] as [FieldValue])
                .enumerated()
            {
                let name = ShortString(shortening: "q\(index)")
                let limits: FieldTable = ["x-max-length": .int8(1), "x-overflow": overflow]
                try peer.declare(name, dying(to: "dead", limits))
            }
            try peer.selectConfirms()
            for (number, queue) in (["q0", "q0", "q1", "q1"] as [ShortString]).enumerated() {
                peer.publish("\(number)", to: queue)
            }
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            #expect(try peer.expect(BasicNack.self).deliveryTag == 2)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 3)
            #expect(try peer.expect(BasicNack.self).deliveryTag == 4)
            let got = try peer.get("dead", noAck: true)
            #expect(got.content.text == "3" && got.method.messageCount == 0)
            #expect(story(got.content) == ["q1 maxlen 1"])
        }
    }

    @Test("without a key of the queue's own a letter keeps its keys, CC among them")
    func keys() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("dlx", "direct")
            for name in ["a", "b", "c"] as [ShortString] {
                try peer.declare(name)
                try peer.bind(name, to: "dlx", name)
            }
            try peer.declare("own", ["x-dead-letter-exchange": "dlx"])
            try peer.declare(
                "set",
                ["x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "c"]
            )
            try peer.declareExchange("in", "fanout")
            for name in ["own", "set"] as [ShortString] {
                try peer.bind(name, to: "in")
                var properties = BasicProperties()
                properties.headers = ["CC": .array(["b"])]
                peer.send(Script().publish("m", to: "a", exchange: "in", properties).bytes)
                peer.nack(try peer.get(name).method.deliveryTag, requeue: false)
                try peer.call(QueueUnbind(queue: name, exchange: "in"), QueueUnbindOk.self)
            }
            for name in ["a", "b"] as [ShortString] {
                let got = try peer.get(name, noAck: true)
                #expect(got.method.routingKey == "a" && got.method.exchange == "dlx")
                #expect(got.content.properties.headers?["CC"] == .array(["b"]))
                #expect(deaths(got.content).first?["routing-keys"] == .array(["a", "b"]))
                #expect(got.method.messageCount == 0)
            }
            let got = try peer.get("c", noAck: true)
            #expect(got.method.routingKey == "c" && got.method.messageCount == 0)
            #expect(got.content.properties.headers?["CC"] == nil)
            #expect(deaths(got.content).first?["routing-keys"] == .array(["a", "b"]))
        }
    }

    @Test("the latest death stands in front, and the same again raises its count")
    func history() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("work", dying(to: "wait"))
            try peer.declare("wait", dying(to: "work", ["x-message-ttl": .int32(10)]))
            peer.publish("m", to: "work")
            for round in 1...3 {
                peer.nack(try peer.get("work").method.deliveryTag, requeue: false)
                broker.advance(by: .milliseconds(10))
                let got = try peer.get("work")
                #expect(
                    story(got.content) == ["wait expired \(round)", "work rejected \(round)"]
                )
                let headers = got.content.properties.headers
                #expect(headers?["x-first-death-queue"] == "work")
                #expect(headers?["x-last-death-queue"] == "wait")
                peer.nack(got.method.deliveryTag)
            }
        }
    }

    @Test("what goes in a circle by itself ends; not the queues beside it")
    func circle() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("dlx", "fanout")
            let arguments: FieldTable = [
                "x-dead-letter-exchange": "dlx", "x-message-ttl": .int32(10),
            ]
            try peer.declare("q", arguments)
            try peer.declare("beside")
            for name in ["q", "beside"] as [ShortString] { try peer.bind(name, to: "dlx") }
            peer.publish("m", to: "q")
            broker.advance(by: .milliseconds(10))
            #expect(try broker.queue("q").state.ready.count == 0)
            let got = try peer.get("beside", noAck: true)
            #expect(story(got.content) == ["q expired 1"] && got.method.messageCount == 0)
        }
    }

    @Test("a long chain of full queues is walked, not dived into")
    func chain() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let length = 300
            for number in 0..<length {
                let name = ShortString(shortening: "q\(number)")
                let next = ShortString(shortening: "q\(number + 1)")
                try peer.declare(name, dying(to: next, ["x-max-length": .int8(0)]))
            }
            try peer.declare(ShortString(shortening: "q\(length)"))
            peer.publish("m", to: "q0")
            let got = try peer.get(ShortString(shortening: "q\(length)"), noAck: true)
            #expect(story(got.content).count == length)
        }
    }

    @Test(
        "where there is nowhere to go, that is the end of it",
        arguments: ["missing", "amq.direct", "brokerd.management"] as [FieldValue]
    )
    func nowhere(exchange: FieldValue) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-dead-letter-exchange": exchange])
            peer.publish("m", to: "q")
            peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            #expect(try broker.queue("q").state.unackedCount == 0)
        }
    }

    @Test("an x-death that no broker has written is replaced, or left behind ours")
    func foreign() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("dead")
            try peer.declare("q", dying(to: "dead"))
            let strange: [FieldValue] = ["text", .array(["text"])]
            for value in strange {
                var properties = BasicProperties()
                properties.headers = ["x-death": value]
                peer.send(Script().publish("m", to: "q", properties).bytes)
                peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            }
            let first = try peer.get("dead", noAck: true).content
            #expect(first.properties.headers?["x-first-death-queue"] == "q")
            #expect(story(first) == ["q rejected 1"])
            let second = try peer.get("dead", noAck: true).content
            guard case .array(let list)? = second.properties.headers?["x-death"] else {
                Issue.record("no x-death")
                return
            }
            #expect(list.count == 2 && list.last == "text")
        }
    }

    @Test("a letter has its priority in a queue that has any")
    func priority() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("dead", ["x-max-priority": .int8(5)])
            try peer.declare("q", dying(to: "dead", ["x-message-ttl": .int32(1)]))
            for priority in [1, 5, 3] as [UInt8] {
                var properties = BasicProperties()
                properties.priority = priority
                peer.send(Script().publish("\(priority)", to: "q", properties).bytes)
            }
            broker.advance(by: .milliseconds(1))
            #expect(try peer.drain("dead") == ["5", "3", "1"])
        }
    }

    /// Plays a scene with a message on the disk in "q", which dies to "dead".
    private func playDurable(
        _ scene: (DialogueBroker, ScriptedJournal, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "dead", durable: true))
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: dying(to: "dead")))
            journal.sync()
            for _ in 0..<2 { try peer.expect(QueueDeclareOk.self) }
            var properties = BasicProperties()
            properties.deliveryMode = 2
            peer.send(Script().publish("m", to: "q", properties).bytes)
            journal.sync()
            try scene(broker, journal, peer)
            journal.end()
        }
    }

    @Test("whichever record a crash loses, the message is in one queue or in both")
    func crash() throws {
        try playDurable { broker, journal, peer in
            let before = journal.recordCount
            peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            journal.sync()
            var found: [[Int]] = []
            for lost in 0...(journal.recordCount - before) {
                try journal.restart(losing: lost) { broker, _ in
                    found.append(
                        try (["q", "dead"] as [ShortString]).map {
                            try broker.queue($0).state.ready.count
                        }
                    )
                }
            }
            #expect(found.first == [0, 1] && found.last == [1, 0])
            #expect(found.allSatisfy { $0[0] + $0[1] >= 1 })
        }
    }

    @Test("a letter that is sent on by a full queue is never lost either, whatever a crash loses")
    func crashOnTheWay() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            var full = dying(to: "dead")
            full["x-max-length"] = .int32(0)
            full["x-overflow"] = "reject-publish-dlx"
            let queues: [ShortString] = ["q", "r", "dead"]
            peer.send(QueueDeclare(queue: "dead", durable: true))
            peer.send(QueueDeclare(queue: "full", durable: true, arguments: full))
            for queue in queues.prefix(2) {
                peer.send(QueueDeclare(queue: queue, durable: true, arguments: dying(to: "full")))
            }
            journal.sync()
            for _ in 0..<4 { try peer.expect(QueueDeclareOk.self) }
            var properties = BasicProperties()
            properties.deliveryMode = 2
            for queue in queues.prefix(2) {
                peer.send(Script().publish("m", to: queue, properties).bytes)
                try peer.get(queue)
            }
            journal.sync()
            let before = journal.recordCount
            peer.nack(0, multiple: true, requeue: false)
            journal.sync()
            var found: [[Int]] = []
            for lost in 0...(journal.recordCount - before) {
                try journal.restart(losing: lost) { broker, _ in
                    found.append(try queues.map { try broker.queue($0).state.ready.count })
                }
            }
            #expect(found.first == [0, 0, 2] && found.last == [1, 1, 0])
            #expect(found.allSatisfy { $0[0] + $0[1] + $0[2] >= 2 })
            journal.end()
        }
    }

    @Test("a letter made in a transaction is part of it")
    func transaction() throws {
        try playDurable { broker, journal, peer in
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            #expect(try broker.queue("dead").state.ready.count == 0)
            peer.send(TxCommit())
            try peer.expectSilence()
            #expect(try broker.queue("dead").state.ready.count == 1)
            journal.sync()
            try peer.expect(TxCommitOk.self)
            try journal.restart { broker, _ in
                let left = try broker.queue("dead").state.ready.count
                #expect(left == 1)
            }
        }
    }
}
