import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Dead letters that reach every target")
struct KeptDeathsTests {
    private let arguments: FieldTable = [
        "x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish", "x-dead-letter-exchange": "dlx",
    ]

    private func declare(
        _ queue: ShortString = "q",
        _ more: FieldTable = [:],
        by peer: ScriptedPeer
    ) {
        var arguments = arguments
        for entry in more.entries { arguments[entry.name] = entry.value }
        peer.send(QueueDeclare(queue: queue, durable: true, noWait: true, arguments: arguments))
    }

    private func declareTarget(
        _ queue: ShortString = "dead",
        _ arguments: FieldTable = [:],
        by peer: ScriptedPeer
    ) {
        peer.send(
            ExchangeDeclare(exchange: "dlx", type: "fanout", durable: true, noWait: true)
        )
        peer.send(QueueDeclare(queue: queue, durable: true, noWait: true, arguments: arguments))
        peer.send(QueueBind(queue: queue, exchange: "dlx", noWait: true))
    }

    private func reject(_ count: Int, by peer: ScriptedPeer) throws {
        for number in 0..<count { peer.publish("\(number)", to: "q") }
        for _ in 0..<count { peer.nack(try peer.get("q").method.deliveryTag, requeue: false) }
    }

    private func kept(_ broker: DialogueBroker) throws -> Int { try broker.queue("q").keptCount }

    @Test("without an exchange, and without a binding, they stay until there is one")
    func missing() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare(by: peer)
            try reject(3, by: peer)
            #expect(try kept(broker) == 3)
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            try peer.declareExchange("dlx", "fanout")
            broker.advance(by: .seconds(1))
            #expect(try kept(broker) == 3)
            try peer.declare("dead")
            try peer.bind("dead", to: "dlx")
            broker.advance(by: .seconds(1))
            #expect(try kept(broker) == 0)
            let first = try peer.get("dead", noAck: true).content
            #expect(first.text == "0")
            #expect(first.properties.headers?["x-first-death-reason"] == "rejected")
            #expect(try peer.drain("dead") == ["1", "2"])
            broker.advance(by: .seconds(2))
            let timer = try broker.queue("q").state.kept?.state.timer
            #expect(timer == TimerWheel<TimerEvent>.ID.none, "nobody waits, and it looks again")
        }
    }

    @Test("one that died as it came keeps no other with its value out")
    func unique() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare(
                "q",
                ["x-message-deduplication": .bool(true), "x-message-ttl": .int8(0)],
                by: peer
            )
            for text in ["1", "2"] {
                peer.send(Script().publish(text, to: "q", Duplicates.properties("v")).bytes)
            }
            #expect(try kept(broker) == 2)
        }
    }

    @Test("a full queue that refuses them gets them when it has room, the others once")
    func full() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare(by: peer)
            declareTarget(by: peer)
            let limits: FieldTable = ["x-max-length": .int8(1), "x-overflow": "reject-publish"]
            declareTarget("small", limits, by: peer)
            try reject(3, by: peer)
            #expect(try kept(broker) == 2)
            var small: [String] = []
            for _ in 0..<3 {
                small.append(try peer.get("small", noAck: true).content.text)
                broker.advance(by: .seconds(1))
            }
            #expect(small.sorted() == ["0", "1", "2"])
            #expect(try peer.drain("dead") == ["0", "1", "2"])
            #expect(try kept(broker) == 0)
        }
    }

    @Test("what is kept takes room in its queue")
    func room() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare("q", ["x-max-length": .int8(2)], by: peer)
            try reject(1, by: peer)
            try peer.selectConfirms()
            for text in ["fits", "does not"] { peer.publish(text, to: "q") }
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            #expect(try peer.expect(BasicNack.self).deliveryTag == 2)
            declareTarget(by: peer)
            broker.advance(by: .seconds(1))
            peer.publish("fits now", to: "q")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 3)
        }
    }

    @Test("without reject-publish they are not kept")
    func fallback() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare("q", ["x-overflow": "drop-head"], by: peer)
            try reject(1, by: peer)
            #expect(try kept(broker) == 0)
        }
    }

    @Test("that they are not kept is told, for queues of before and by policy as well")
    func fallbackIsTold() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare("before", ["x-overflow": "drop-head"], by: peer)
            let log = FallbackLog()
            broker.virtualHost.report(to: log)
            #expect(log.queues == ["before"])
            declare("kept", by: peer)
            declare("later", ["x-overflow": "reject-publish-dlx"], by: peer)
            #expect(log.queues == ["before", "later"])
            try broker.set(PolicyRecord("p", "^kept", ["overflow": .string("drop-head")]))
            #expect(log.queues == ["before", "later", "kept"])
        }
    }

    @Test("thousands get through once they can")
    func many() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declare(by: peer)
            try reject(3_000, by: peer)
            #expect(try kept(broker) == 3_000)
            declareTarget(by: peer)
            broker.advance(by: .seconds(1))
            for _ in 0..<4 { broker.advance(by: .milliseconds(10)) }
            #expect(try kept(broker) == 0)
            #expect(try peer.drain("dead").sorted() == (0..<3_000).map { "\($0)" }.sorted())
        }
    }

    @Test("they leave memory, are read to be tried again, and follow compaction")
    func paging() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk, budget: 64 << 10)
        let peer = try store.broker.connect()
        declare(by: peer)
        declare("fast", by: peer)
        try reject(40, by: peer)
        try store.sync()
        store.broker.batch { store.virtualHost.state.topologyVersion += 1 }
        store.broker.advance(by: .seconds(1))
        store.page()
        #expect(try store.broker.queue("q").state.pagedCount == 40)
        try peer.consume("fast", "f")
        var passed = 0
        for number in 0..<300 {
            peer.publish("passing \(number) " + String(repeating: ".", count: 200), to: "fast")
            for delivery in try peer.deliveries() {
                peer.ack(delivery.tag)
                passed += 1
            }
            if number % 8 == 0 {
                try store.sync()
                try store.compactAll()
            }
        }
        #expect(store.copiedSize > 0)
        #expect(passed == 300)
        declareTarget(by: peer)
        try store.sync()
        for _ in 0..<3 {
            store.broker.advance(by: .seconds(1))
            store.page()
            try store.sync()
        }
        #expect(try kept(store.broker) == 0)
        #expect(try store.broker.queue("dead").state.ready.count == 40)
        #expect(try store.broker.queue("q").state.pagedCount == 0)
        store.end()
    }

    @Test("compaction keeps them dead")
    func compaction() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk)
        let peer = try store.broker.connect()
        declare(by: peer)
        declare("fast", by: peer)
        try reject(10, by: peer)
        peer.publish("alive", to: "q")
        for number in 0..<300 {
            peer.publish("passing \(number) " + String(repeating: ".", count: 200), to: "fast")
            peer.ack(try peer.get("fast").method.deliveryTag)
            if number % 8 == 0 {
                try store.sync()
                try store.compactAll()
            }
        }
        try store.sync()
        #expect(store.copiedSize > 0)
        disk.crash()
        let next = try CompactingBroker(disk)
        next.page()
        #expect(try kept(next.broker) == 10)
        #expect(try next.broker.queue("q").state.ready.count == 1)
        store.end()
        next.end()
    }

    @Test("reject-publish-dlx of a quorum queue drops the oldest, as in RabbitMQ")
    func rejectPublishDeadLetter() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            declareTarget(by: peer)
            let overflow: FieldTable = [
                "x-overflow": "reject-publish-dlx", "x-max-length": .int8(1),
                "x-dead-letter-strategy": "at-most-once",
            ]
            declare("q", overflow, by: peer)
            try peer.selectConfirms()
            for number in 0..<3 { peer.publish("\(number)", to: "q") }
            for _ in 0..<3 { try peer.expect(BasicAck.self) }
            #expect(try peer.drain("q") == ["2"])
            #expect(try peer.drain("dead") == ["0", "1"])
        }
    }
}

/// The queues whose dead letters are not kept, in the order they were told.
///
/// The core under test runs on one thread, which is what makes the unchecked claim true.
private final class FallbackLog: QueueLog, @unchecked Sendable {
    private(set) var queues: [String] = []

    func keepsNoDeadLetters(queue: String, virtualHost: String) { queues.append(queue) }
}
