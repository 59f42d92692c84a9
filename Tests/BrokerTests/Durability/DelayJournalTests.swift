import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Delayed messages on disk")
struct DelayJournalTests {
    private func declare(durable: Bool = true, by peer: ScriptedPeer) {
        peer.send(
            ExchangeDeclare(
                exchange: "x",
                type: "x-delayed-message",
                durable: durable,
                noWait: true,
                arguments: ["x-delayed-type": "fanout"]
            )
        )
        peer.send(QueueDeclare(queue: "q", durable: true, noWait: true))
        peer.send(QueueBind(queue: "q", exchange: "x", noWait: true))
    }

    private func publish(
        _ text: String,
        _ delay: Int32,
        isPersistent: Bool = true,
        _ more: FieldTable = [:],
        by peer: ScriptedPeer
    ) {
        var properties = BasicProperties()
        properties.deliveryMode = isPersistent ? 2 : 1
        properties.headers = ["x-delay": .int32(delay)]
        for entry in more.entries { properties.headers?[entry.name] = entry.value }
        peer.send(Script().publish(text, to: "k", exchange: "x", properties).bytes)
    }

    private func delayed(_ broker: DialogueBroker) throws -> Int {
        try #require(broker.virtualHost.exchange(named: "x")).delayedCount
    }

    private func delayQueue(_ broker: DialogueBroker) throws -> Queue {
        guard let queue = broker.virtualHost.exchange(named: "x")?.state.delayQueue else {
            throw Surprise(description: "no exchange that delays")
        }
        return queue
    }

    @Test("a confirm waits for the disk")
    func confirm() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare(by: peer)
            journal.sync()
            try peer.selectConfirms()
            publish("m", 100, by: peer)
            try peer.expectSilence()
            journal.sync()
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            publish("n", 100, isPersistent: false, by: peer)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            journal.end()
        }
    }

    @Test("what fell due while stopped fires at the start, in order, the rest at its time")
    func restart() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            broker.batch {
                broker.virtualHost.setWallTime(WallTime(milliseconds: 1_800_000_000_000))
            }
            let peer = try broker.connect()
            declare(by: peer)
            for (text, delay) in [
                ("third", 9_000), ("first", 2_000), ("second", 5_000), ("second too", 5_000),
                ("much later", 100_000), ("fourth", 20_000),
            ] as [(String, Int32)] { publish(text, delay, by: peer) }
            publish("in memory only", 2_000, isPersistent: false, by: peer)
            journal.sync()
            broker.advance(by: .milliseconds(1_500))
            try journal.restart(after: .milliseconds(8_500)) { next, journal in
                next.advance(by: .milliseconds(1))
                let peer = try next.connect()
                let fired = ["first", "second", "second too", "third"]
                #expect(try peer.drain("q") == fired)
                #expect(try delayed(next) == 2)
                journal.sync()
                next.advance(by: .milliseconds(9_998))
                #expect(try next.queue("q").state.ready.isEmpty)
                next.advance(by: .milliseconds(1))
                let fourth = try peer.get("q", noAck: true).content
                #expect(fourth.text == "fourth")
                #expect(fourth.properties.headers == ["x-delay": .int32(-20_000)])
                journal.sync()
                try journal.restart { last, _ in
                    last.advance(by: .seconds(1_000))
                    let peer = try last.connect()
                    #expect(try peer.drain("q") == ["much later"])
                }
            }
            journal.end()
        }
    }

    @Test("what a transient exchange delays is gone with it")
    func transient() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare(durable: false, by: peer)
            publish("m", 100, by: peer)
            journal.sync()
            try journal.restart { next, _ in
                #expect(next.virtualHost.exchange(named: "x") == nil)
                declare(by: try next.connect())
                next.advance(by: .seconds(1))
                #expect(try next.queue("q").state.ready.isEmpty)
            }
            broker.advance(by: .milliseconds(100))
            #expect(try peer.drain("q") == ["m"])
            journal.end()
        }
    }

    @Test("an exchange deleted and declared again does not find what it held")
    func deletion() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            declare(by: peer)
            publish("m", 100, by: peer)
            journal.sync()
            peer.send(ExchangeDelete(exchange: "x", noWait: true))
            declare(by: peer)
            publish("n", 100, by: peer)
            journal.sync()
            #expect(broker.virtualHost.state.journal.ledger.oldestLive != nil)
            try journal.restart { next, _ in
                let count = try delayed(next)
                #expect(count == 1)
                next.advance(by: .seconds(1))
                #expect(try next.connect().drain("q") == ["n"])
            }
            journal.end()
        }
    }

    @Test("priority, expiration, CC and BCC still count after a restart")
    func properties() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(
                ExchangeDeclare(
                    exchange: "x",
                    type: "x-delayed-message",
                    durable: true,
                    noWait: true,
                    arguments: ["x-delayed-type": "direct"]
                )
            )
            for queue in ["k", "c", "b"] as [ShortString] {
                peer.send(QueueDeclare(queue: queue, durable: true, noWait: true))
                peer.send(QueueBind(queue: queue, exchange: "x", routingKey: queue, noWait: true))
            }
            var properties = BasicProperties()
            properties.deliveryMode = 2
            properties.expiration = "30"
            properties.headers = [
                "x-delay": .int32(50), "CC": .array(["c"]), "BCC": .array(["b"]),
            ]
            peer.send(Script().publish("m", to: "k", exchange: "x", properties).bytes)
            journal.sync()
            try journal.restart { next, _ in
                next.advance(by: .milliseconds(50))
                let peer = try next.connect()
                for queue in ["k", "c"] as [ShortString] {
                    let headers = try peer.get(queue, noAck: true).content.properties.headers
                    #expect(headers == ["x-delay": .int32(-50), "CC": .array(["c"])])
                }
                #expect(try next.queue("b").state.ready.count == 1)
                next.advance(by: .milliseconds(30))
                #expect(try next.queue("b").state.ready.count == 0)
            }
            journal.end()
        }
    }

    @Test("a crash at any operation while they fire neither loses nor doubles one")
    func crash() throws {
        var isOnce = Set<Int>()
        for stop in 1..<60 {
            let disk = MemoryDisk(seed: UInt64(stop))
            let life = try DiskJournal(disk)
            let peer = try life.broker.connect()
            declare(by: peer)
            for number in 0..<20 { publish("\(number)", 10, by: peer) }
            try life.writeAndSync()
            disk.stopsAt = disk.operationCount + stop
            var isWhole = false
            do throws(StorageError) {
                for _ in 0..<5 {
                    life.broker.advance(by: .milliseconds(4))
                    try life.writeAndSync()
                }
                isWhole = true
            } catch {
                #expect(!isWhole)
            }
            disk.crash()
            life.end()
            let next = try DiskJournal(disk)
            #expect(next.losses.isEmpty)
            let waiting = try delayed(next.broker)
            let ready = try next.broker.queue("q").state.ready.count
            #expect(waiting + ready == 20, "stopped at \(stop): \(waiting) and \(ready)")
            isOnce.insert(ready)
            next.broker.advance(by: .milliseconds(20))
            next.broker.advance(by: .milliseconds(20))
            let texts = try next.broker.connect().drain("q")
            #expect(texts == (0..<20).map { "\($0)" }, "stopped at \(stop)")
            next.end()
            if isWhole { break }
        }
        #expect(isOnce == [0, 20], "before or after, never between")
    }

    @Test("compaction takes them along, and they still fire at their time")
    func compaction() throws {
        let disk = MemoryDisk()
        let store = try CompactingBroker(disk)
        let peer = try store.broker.connect()
        declare(by: peer)
        for number in 0..<40 { publish("\(number)", 600_000 + 1_000 * Int32(number % 7), by: peer) }
        try store.sync()
        try peer.consume("q", "c", noAck: true)
        for number in 0..<300 {
            publish("short \(number) " + String(repeating: ".", count: 200), 1, by: peer)
            store.broker.advance(by: .milliseconds(1))
            if number % 8 == 0 {
                try store.sync()
                try store.compactAll()
            }
        }
        try store.sync()
        #expect(try peer.texts().count == 300)
        #expect(store.copiedSize > 0)
        #expect(store.size < 12 * CompactingBroker.segmentSize)
        disk.kill()
        store.end()
        let next = try CompactingBroker(disk)
        #expect(next.report.losses.isEmpty)
        #expect(try delayed(next.broker) == 40)
        next.broker.advance(by: .milliseconds(599_000))
        next.page()
        next.broker.advance(by: .milliseconds(7_500))
        next.page()
        let order = (0..<40).sorted { ($0 % 7, $0) < ($1 % 7, $1) }
        #expect(try next.broker.connect().drain("q") == order.map { "\($0)" })
        next.end()
    }

    @Test(
        "bodies leave memory long before their time, and are back for it",
        arguments: [true, false]
    )
    func paging(isPersistent: Bool) throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20, budget: 64 << 10)
        defer { store.end() }
        let broker = store.broker
        let peer = try broker.connect()
        declare(by: peer)
        var random = Seed(3)
        var expected: [(due: Int32, text: String)] = []
        for number in 0..<2_000 {
            let text = "\(number) " + String(repeating: "x", count: number % 300)
            let delay = Int32.random(in: 10_000...10_400, using: &random)
            publish(text, delay, isPersistent: isPersistent, by: peer)
            expected.append((delay, text))
            if number % 20 == 19 {
                try store.writeAndSync()
                store.pageAll()
            }
        }
        #expect(store.messageBytes < 80 << 10)
        try peer.consume("q", "c", noAck: true)
        broker.advance(by: .milliseconds(9_990))
        for _ in 0..<430 {
            broker.advance(by: .milliseconds(1))
            store.pageAll()
            try store.writeAndSync()
            #expect(store.messageBytes < 90 << 10)
        }
        let order = expected.enumerated()
            .sorted { ($0.element.due, $0.offset) < ($1.element.due, $1.offset) }
        #expect(try peer.texts() == order.map(\.element.text))
        #expect(try delayed(broker) == 0)
        #expect(broker.virtualHost.state.journal.ledger.oldestLive == nil)
    }

    @Test("one that cannot be read is passed over, and holds nobody up")
    func damage() throws {
        let disk = MemoryDisk()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, budget: 4 << 10)
        let broker = store.broker
        let peer = try broker.connect()
        declare(by: peer)
        for number in 0..<40 {
            publish("\(number) " + String(repeating: "x", count: 600), 9_000, by: peer)
        }
        try store.writeAndSync()
        broker.batch {}
        let queue = try delayQueue(broker)
        let place = queue.state.delayed?.state.entries.entry(0)?.place
        let payload = PageRequest.Item(
            position: 0,
            priority: 0,
            place: try #require(place),
            bodySize: 602
        )
        broker.advance(by: .milliseconds(8_500))
        broker.batch { #expect(!queue.pageInDelayed(payload, payload: nil)) }
        store.pageAll()
        broker.advance(by: .milliseconds(1_000))
        store.pageAll()
        broker.advance(by: .milliseconds(10))
        store.pageAll()
        try peer.consume("q", "c", noAck: true)
        store.pageAll()
        #expect(try peer.texts().count == 39)
        #expect(queue.state.counters.lost == 1)
        store.end()
    }
}
