import TestSupport
import Testing
import Wire

@testable import Broker

/// Bodies of a few hundred octets against a budget of 64 KiB: a few hundred messages page.
@Suite("Messages beyond the memory budget")
struct PagingTests {
    static let budget = 64 << 10

    func play(_ scene: (DialogueBroker, DiskJournal) throws -> Void) throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20, budget: Self.budget)
        defer { store.end() }
        try store.writeAndSync()
        try scene(store.broker, store)
    }

    func text(_ number: Int) -> String {
        "\(number) " + String(repeating: "x", count: 300 + number % 200)
    }

    func persistent() -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.headers = ["h": .int32(5)]
        return properties
    }

    func declareDurable(
        _ queue: ShortString,
        _ peer: ScriptedPeer,
        _ store: DiskJournal,
        _ arguments: FieldTable = [:]
    ) throws {
        peer.send(QueueDeclare(queue: queue, durable: true, arguments: arguments))
        try store.writeAndSync()
        try peer.expect(QueueDeclareOk.self)
    }

    func publish(
        _ numbers: Range<Int>,
        to queue: ShortString,
        _ peer: ScriptedPeer,
        _ store: DiskJournal,
        _ properties: BasicProperties
    ) throws {
        for number in numbers {
            peer.send(Script().publish(text(number), to: queue, properties).bytes)
            if number % 20 == 19 {
                try store.writeAndSync()
                store.pageAll()
            }
        }
        try store.writeAndSync()
        store.broker.batch {}
        store.pageAll()
    }

    @Test("that are on disk only are read to become dead letters, and keep their order")
    func deadLetters() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("dead", peer, store)
            peer.send(
                QueueDeclare(
                    queue: "q",
                    durable: true,
                    arguments: [
                        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
                        "x-message-ttl": .int32(1_000),
                    ]
                )
            )
            try store.writeAndSync()
            try peer.expect(QueueDeclareOk.self)
            for mode in [1, 2] as [UInt8] {
                var properties = persistent()
                properties.deliveryMode = mode
                let numbers = mode == 1 ? 0..<400 : 400..<800
                try publish(numbers, to: "q", peer, store, properties)
            }
            #expect(try broker.queue("q").state.pagedCount > 500)
            broker.advance(by: .seconds(1))
            #expect(try broker.queue("q").state.ready.count == 0)
            try peer.consume("dead", "c", noAck: true)
            var seen: [String] = []
            while seen.count < 800 {
                store.pageAll()
                try store.writeAndSync()
                let texts = try peer.texts()
                try #require(!texts.isEmpty, "nothing after \(seen.count)")
                seen += texts
            }
            #expect(seen == (0..<800).map(text))
            #expect(try broker.queue("q").state.dyingCount == 0)
        }
    }

    @Test("that expire while a consumer waits for them make room for what stands behind")
    func expiryAtTheFront() throws {
        let disk = MemoryDisk()
        let before = try DiskJournal(disk, segmentSize: 1 << 20, budget: Self.budget)
        let publisher = try before.broker.connect()
        try declareDurable("q", publisher, before)
        var properties = persistent()
        properties.expiration = "1000"
        try publish(0..<1, to: "q", publisher, before, properties)
        before.end()
        disk.kill()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, budget: Self.budget)
        defer { store.end() }
        let peer = try store.broker.connect()
        try peer.consume("q", "c", noAck: true)
        peer.publish("next", to: "q")
        try peer.expectSilence()
        store.broker.advance(by: .seconds(1))
        #expect(try peer.texts() == ["next"])
    }

    @Test("that are on disk only expire like others", arguments: [1, 2] as [UInt8])
    func expiry(deliveryMode: UInt8) throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store)
            var properties = persistent()
            properties.deliveryMode = deliveryMode
            try publish(0..<100, to: "q", peer, store, properties)
            properties.expiration = "1000"
            try publish(100..<700, to: "q", peer, store, properties)
            properties.expiration = nil
            try publish(700..<800, to: "q", peer, store, properties)
            #expect(try broker.queue("q").state.pagedCount > 500)
            broker.advance(by: .seconds(1))
            #expect(try broker.queue("q").state.ready.count == 200)
            try peer.consume("q", "c", noAck: true)
            store.pageAll()
            #expect(try peer.texts() == (Array(0..<100) + Array(700..<800)).map(text))
        }
    }

    @Test("of every priority leave memory and come back in order", arguments: [1, 2] as [UInt8])
    func priorities(deliveryMode: UInt8) throws {
        try play { broker, store in
            let peer = try broker.connect()
            peer.send(
                QueueDeclare(queue: "q", durable: true, arguments: ["x-max-priority": .int8(5)])
            )
            try store.writeAndSync()
            try peer.expect(QueueDeclareOk.self)
            var properties = persistent()
            properties.deliveryMode = deliveryMode
            for priority in [0, 5, 2] as [UInt8] {
                properties.priority = priority
                try publish(0..<400, to: "q", peer, store, properties)
            }
            #expect(store.messageBytes <= Self.budget)
            #expect(try broker.queue("q").state.pagedCount > 900)
            try peer.setPrefetch(50)
            try peer.consume("q", "c")
            var seen: [String] = []
            while seen.count < 1200 {
                store.pageAll()
                let deliveries = try peer.deliveries()
                try #require(!deliveries.isEmpty, "nothing after \(seen.count)")
                seen += deliveries.map(\.text)
                peer.ack(UInt64(seen.count), multiple: true)
            }
            #expect(seen == (0..<3).flatMap { _ in (0..<400).map(text) })
        }
    }

    @Test("leave memory once the journal has them, and come back", arguments: [false, true])
    func journaled(isFetched: Bool) throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store)
            try publish(0..<1000, to: "q", peer, store, persistent())
            #expect(store.messageBytes <= Self.budget)
            #expect(try broker.queue("q").state.pagedCount > 700)
            #expect(try broker.queue("q").state.ready.count == 1000)
            if isFetched {
                for number in 0..<1000 {
                    peer.send(BasicGet(queue: "q"))
                    store.pageAll()
                    let ok = try peer.expect(BasicGetOk.self)
                    #expect(ok.messageCount == UInt32(999 - number))
                    let content = try peer.expectContent()
                    #expect(content.text == text(number))
                    #expect(content.properties == persistent())
                    peer.ack(ok.deliveryTag)
                }
            } else {
                try peer.consume("q", "c")
                store.pageAll()
                let deliveries = try peer.deliveries()
                #expect(deliveries.map(\.text) == (0..<1000).map { text($0) })
                #expect(deliveries.allSatisfy { $0.content.properties == persistent() })
                #expect(deliveries.allSatisfy { !$0.method.redelivered })
                peer.ack(1000, multiple: true)
            }
            try store.writeAndSync()
            #expect(try broker.queue("q").state.pagedCount == 0)
            #expect(store.messageBytes == 0)
            let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
            #expect(oldestLive == nil)
            #expect(store.log.lines.isEmpty)
        }
    }

    @Test("of which only memory has a copy are spilled, and come back in order")
    func spilled() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try peer.declare("q")
            try publish(0..<1000, to: "q", peer, store, .init())
            #expect(store.messageBytes <= Self.budget)
            #expect(try broker.queue("q").state.pagedCount > 700)
            try peer.consume("q", "c", noAck: true)
            store.pageAll()
            #expect(try peer.texts() == (0..<1000).map { text($0) })
            #expect(store.messageBytes == 0)
            #expect(try broker.queue("q").state.pagedCount == 0)
        }
    }

    @Test("of one queue in two with consumers at their own pace come to both")
    func fanout() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("kept", peer, store)
            try peer.declare("passing")
            for queue: ShortString in ["kept", "passing"] {
                peer.send(QueueBind(queue: queue, exchange: "amq.fanout"))
                try store.writeAndSync()
                try peer.expect(QueueBindOk.self)
            }
            for number in 0..<600 {
                peer.send(
                    Script().publish(text(number), to: "", exchange: "amq.fanout", persistent())
                        .bytes
                )
                if number % 20 == 19 {
                    try store.writeAndSync()
                    store.pageAll()
                }
            }
            #expect(store.messageBytes <= Self.budget)
            try peer.consume("passing", "p", noAck: true)
            store.pageAll()
            #expect(try peer.texts() == (0..<600).map { text($0) })
            try peer.consume("kept", "k", noAck: true)
            store.pageAll()
            #expect(try peer.texts() == (0..<600).map { text($0) })
        }
    }

    @Test("that are purged, deleted or pushed out while they move leave nothing behind")
    func gone() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("kept", peer, store)
            try peer.declare("passing")
            try peer.declare("short", ["x-max-length": .int32(50)])
            try publish(0..<400, to: "kept", peer, store, persistent())
            try publish(0..<400, to: "passing", peer, store, .init())
            try publish(0..<400, to: "short", peer, store, .init())
            // Reads and spills are under way when the messages go.
            try peer.setPrefetch(1)
            try peer.consume("kept", "k")
            try peer.consume("passing", "p", noAck: true)
            for number in 0..<60 {
                peer.publish(text(number), to: "passing")
                peer.publish(text(number), to: "short")
            }
            let takenCount = try peer.deliveries().count
            #expect(takenCount < 400)
            #expect(try broker.queue("kept").state.isReading)
            #expect(try broker.queue("passing").state.isReading)
            peer.send(QueuePurge(queue: "kept"))
            try store.writeAndSync()
            #expect(try peer.expect(QueuePurgeOk.self).messageCount == 400)
            peer.send(QueueDelete(queue: "passing"))
            #expect(try peer.expect(BasicCancel.self).consumerTag == "p")
            #expect(try peer.expect(QueueDeleteOk.self).messageCount == UInt32(460 - takenCount))
            store.pageAll()
            try peer.expectSilence()
            peer.send(BasicGet(queue: "short", noAck: true))
            store.pageAll()
            #expect(try peer.expect(BasicGetOk.self).messageCount == 49)
            #expect(try peer.expectContent().text == text(10))
        }
    }

    @Test("that came back go to their old places though others have left memory")
    func requeued() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store)
            try publish(0..<500, to: "q", peer, store, persistent())
            try peer.setPrefetch(30)
            try peer.consume("q", "c")
            store.pageAll()
            #expect(try peer.texts() == (0..<30).map { text($0) })
            try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            peer.nack(30, multiple: true)
            try publish(500..<600, to: "q", peer, store, persistent())
            try peer.setPrefetch(0)
            try peer.consume("q", "d")
            store.pageAll()
            let deliveries = try peer.deliveries()
            #expect(deliveries.map(\.text) == (0..<600).map { text($0) })
            #expect(deliveries.map(\.method.redelivered) == (0..<600).map { $0 < 30 })
        }
    }

    @Test("stay in memory while the disk is full, and publishers wait")
    func fullDisk() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try peer.declare("q")
            store.disk.capacity = 0
            for number in 0..<400 { peer.publish(text(number), to: "q") }
            #expect(store.page() == .full)
            peer.publish("one more", to: "q")
            try peer.expect(ConnectionBlocked.self, on: 0)
            peer.publish("and another", to: "q")
            #expect(peer.isReadingHeld)
            #expect(store.page() == .full)
            #expect(try broker.queue("q").state.ready.count == 401)
            store.disk.capacity = .max
            store.pageAll()
            try peer.expect(ConnectionUnblocked.self, on: 0)
            #expect(store.messageBytes <= Self.budget)
            try peer.consume("q", "c", noAck: true)
            store.pageAll()
            let later = ["one more", "and another"]
            #expect(try peer.texts() == (0..<400).map { text($0) } + later)
            #expect(store.log.lines.count == 1)
        }
    }

    @Test("are read for those who wait before all that leaves memory is written")
    func readsFirst() throws {
        try play { broker, store in
            let peer = try broker.connect()
            for queue: ShortString in ["old", "new"] { try peer.declare(queue) }
            for number in 0..<400 { peer.publish(text(number), to: "old") }
            store.pageAll()
            let body = String(repeating: "y", count: 100_000)
            for _ in 0..<40 { peer.publish(body, to: "new") }
            #expect(broker.virtualHost.state.paging.spillingBytes > 3 << 20)
            try peer.consume("old", "c", noAck: true)
            #expect(store.page() == .worked)
            #expect(try !peer.texts().isEmpty)
            #expect(broker.virtualHost.state.paging.spillingBytes > 2 << 20)
            store.pageAll()
            #expect(broker.virtualHost.state.paging.spillingBytes == 0)
        }
    }

    @Test("that cannot be read back are passed over, and the log says how many of which queue")
    func unreadable() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store)
            try publish(0..<500, to: "q", peer, store, persistent())
            let path = store.journal.options.path(SegmentName.segment(0))
            store.disk.unreadable[path] = 0..<(1 << 20)
            try peer.consume("q", "c", noAck: true)
            store.pageAll()
            let texts = try peer.texts()
            #expect(texts.first == text(0))
            #expect(texts.last == text(499))
            #expect(texts.count < 500)
            let lost = try broker.queue("q").state.counters.lost
            #expect(Int(lost) + texts.count == 500)
            #expect(store.log.lines.contains { $0.contains("queue=q") })
            // What could not be read keeps its segment: somebody may want to look into it.
            let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
            #expect(oldestLive == 0)
        }
    }

    @Test("a basic.get whose connection goes, or whose queue goes, is not answered later")
    func getAndLeave() throws {
        try play { broker, store in
            let peer = try broker.connect()
            try peer.declare("q")
            try publish(0..<500, to: "q", peer, store, .init())
            // All in memory leave, so that the next one must be read.
            let taker = try broker.connect()
            while try broker.queue("q").state.ready.first?.isPaged == false {
                try taker.get("q", noAck: true)
            }
            let leaver = try broker.connect()
            leaver.send(BasicGet(queue: "q"))
            try leaver.expectSilence()
            leaver.hangUp()
            let waiter = try broker.connect()
            waiter.send(BasicGet(queue: "q"))
            try waiter.expectSilence()
            try peer.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            try waiter.expect(BasicGetEmpty.self)
            store.pageAll()
            try waiter.expectSilence()
        }
    }

    @Test("a full queue drops its head, though a consumer waits for it to be read")
    func fullQueueBeingRead() throws {
        try play { broker, store in
            let peer = try broker.connect()
            let limit: FieldTable = ["x-max-length": .int32(400)]
            peer.send(QueueDeclare(queue: "q", durable: true, arguments: limit))
            try store.writeAndSync()
            try peer.expect(QueueDeclareOk.self)
            try publish(0..<400, to: "q", peer, store, persistent())
            // Only messages of another queue are in memory now.
            try declareDurable("r", peer, store)
            try publish(0..<400, to: "r", peer, store, persistent())
            #expect(try broker.queue("q").state.ready.first?.isPaged == true)
            try peer.consume("q", "c")
            peer.send(Script().publish(text(400), to: "q", persistent()).bytes)
            #expect(try broker.queue("q").state.ready.count == 400)
            try store.writeAndSync()
            store.pageAll()
            #expect(try peer.deliveries().map(\.text) == (1...400).map { text($0) })
        }
    }
}
