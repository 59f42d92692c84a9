import TestSupport
import Testing
import Wire

@testable import Broker

/// Deliveries that wait to be settled, beyond the memory budget, and what becomes of them.
@Suite("Deliveries beyond the memory budget")
struct DeliveryPagingTests {
    static let count = 1000
    let paging = PagingTests()

    func text(_ number: Int) -> String { paging.text(number) }

    /// Plays a scene with a backlog in "q" that a consumer has been handed out, all of it.
    ///
    /// - Parameters:
    ///   - deliveryMode: 1 for messages that go to the spill log, 2 for those in the journal.
    ///   - arguments: Of "q".
    ///   - scene: Gets the consumer, whose deliveries have the tags 1 to `count`.
    /// - Throws: A surprise.
    func play(
        _ deliveryMode: UInt8,
        _ arguments: FieldTable = [:],
        _ scene: (ScriptedPeer, DialogueBroker, DiskJournal) throws -> Void
    ) throws {
        try paging.play { broker, store in
            let publisher = try broker.connect()
            try paging.declareDurable("q", publisher, store, arguments)
            var properties = paging.persistent()
            properties.deliveryMode = deliveryMode
            try paging.publish(0..<Self.count, to: "q", publisher, store, properties)
            let holder = try broker.connect()
            try holder.consume("q", "holder")
            #expect(try take(holder, store).map(\.text) == (0..<Self.count).map(text))
            try scene(holder, broker, store)
            #expect(store.log.lines.isEmpty)
            #expect(try broker.queue("q").state.leaving.isEmpty)
        }
    }

    /// Lets the pager work until a client has got all that it can, memory being watched.
    func take(_ peer: ScriptedPeer, _ store: DiskJournal) throws -> [Delivery] {
        var deliveries: [Delivery] = []
        while true {
            store.pageAll()
            try store.writeAndSync()
            store.pageAll()
            #expect(store.messageBytes <= PagingTests.budget)
            let more = try peer.deliveries()
            guard !more.isEmpty else { return deliveries }
            deliveries += more
        }
    }

    /// A new consumer gets everything there is and settles it; nothing is left then.
    func takeAll(_ broker: DialogueBroker, _ store: DiskJournal) throws -> [Delivery] {
        let peer = try broker.connect()
        try peer.consume("q", "last")
        let deliveries = try take(peer, store)
        peer.ack(0, multiple: true)
        try store.writeAndSync()
        store.pageAll()
        try expectNothingLeft(broker, store)
        return deliveries
    }

    func expectNothingLeft(_ broker: DialogueBroker, _ store: DiskJournal) throws {
        let queue = try broker.queue("q")
        #expect(queue.state.pagedCount == 0 && queue.state.pagedBytes == 0)
        #expect(queue.state.ready.count == 0 && queue.state.unackedCount == 0)
        #expect(store.messageBytes == 0)
        let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
        #expect(oldestLive == nil)
        let isSpillDead = broker.virtualHost.state.paging.spillLedger.isDead(0)
        #expect(isSpillDead)
    }

    @Test(
        "leave memory, and come back in order, redelivered, when their consumer goes",
        arguments: [1, 2] as [UInt8]
    )
    func consumerGoes(deliveryMode: UInt8) throws {
        try play(deliveryMode) { holder, broker, store in
            #expect(try broker.queue("q").state.unackedCount == Self.count)
            #expect(try broker.queue("q").state.pagedCount > 800)
            holder.hangUp()
            store.pageAll()
            #expect(store.messageBytes <= PagingTests.budget)
            #expect(try broker.queue("q").state.ready.count == Self.count)
            let deliveries = try takeAll(broker, store)
            #expect(deliveries.map(\.text) == (0..<Self.count).map(text))
            #expect(deliveries.allSatisfy { $0.method.redelivered })
        }
    }

    @Test("go on and on between consumers that keep none", arguments: [1, 2] as [UInt8])
    func recovered(deliveryMode: UInt8) throws {
        try play(deliveryMode) { holder, broker, store in
            for _ in 0..<3 {
                holder.send(BasicRecover(requeue: true))
                try holder.expect(BasicRecoverOk.self)
                let again = try take(holder, store)
                #expect(again.map(\.text) == (0..<Self.count).map(text))
                #expect(again.allSatisfy { $0.method.redelivered })
            }
            holder.ack(0, multiple: true)
            try store.writeAndSync()
            store.pageAll()
            try expectNothingLeft(broker, store)
        }
    }

    @Test("are settled one by one or many at once, in any order", arguments: [1, 2] as [UInt8])
    func settled(deliveryMode: UInt8) throws {
        try play(deliveryMode) { holder, broker, store in
            try holder.call(BasicCancel(consumerTag: "holder"), BasicCancelOk.self)
            var left = Set(0..<Self.count)
            for number in stride(from: 0, to: 400, by: 4) {
                holder.ack(UInt64(number + 1))
                left.remove(number)
            }
            // Back to front, some come back, and some are thrown away.
            for number in stride(from: 799, to: 400, by: -3) { holder.nack(UInt64(number + 1)) }
            for number in stride(from: 798, to: 400, by: -3) {
                holder.send(BasicReject(deliveryTag: UInt64(number + 1), requeue: false))
                left.remove(number)
            }
            holder.send(BasicNack(deliveryTag: 200, multiple: true, requeue: false))
            left.subtract(0..<200)
            try store.writeAndSync()
            store.pageAll()
            #expect(store.messageBytes <= PagingTests.budget)
            #expect(try broker.queue("q").state.ready.count == 133)
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
            let deliveries = try takeAll(broker, store)
            #expect(deliveries.map(\.text) == left.sorted().map(text))
            #expect(deliveries.allSatisfy { $0.method.redelivered })
        }
    }

    @Test("go back to before what came meanwhile, and basic.get fetches them")
    func fetched() throws {
        try play(1) { holder, broker, store in
            let peer = try broker.connect()
            try holder.call(BasicCancel(consumerTag: "holder"), BasicCancelOk.self)
            try paging.publish(Self.count..<1300, to: "q", peer, store, .init())
            holder.hangUp()
            store.pageAll()
            for number in 0..<1300 {
                peer.send(BasicGet(queue: "q"))
                store.pageAll()
                let ok = try peer.expect(BasicGetOk.self)
                #expect(ok.redelivered == (number < Self.count))
                #expect(try peer.expectContent().text == text(number))
                #expect(store.messageBytes <= PagingTests.budget)
            }
            peer.ack(0, multiple: true)
            store.pageAll()
            try expectNothingLeft(broker, store)
        }
    }

    @Test(
        "become dead letters in the order in which they were rejected",
        arguments: [1, 2] as [UInt8]
    )
    func deadLetters(deliveryMode: UInt8) throws {
        let arguments: FieldTable = [
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
        ]
        try play(deliveryMode, arguments) { holder, broker, store in
            try paging.declareDurable("dead", holder, store)
            holder.send(BasicNack(deliveryTag: 700, multiple: true, requeue: false))
            for number in stride(from: 1000, to: 700, by: -1) {
                holder.send(BasicReject(deliveryTag: UInt64(number), requeue: false))
            }
            let peer = try broker.connect()
            try peer.consume("dead", "c")
            let deliveries = try take(peer, store)
            let order = Array(0..<700) + (700..<1000).reversed()
            #expect(deliveries.map(\.text) == order.map(text))
            #expect(deliveries.allSatisfy { $0.content.properties.headers?["x-death"] != nil })
            peer.ack(0, multiple: true)
            try store.writeAndSync()
            store.pageAll()
            try expectNothingLeft(broker, store)
        }
    }

    @Test("end in time when they are back", arguments: [1, 2] as [UInt8])
    func expiry(deliveryMode: UInt8) throws {
        let arguments: FieldTable = [
            "x-message-ttl": .int32(60_000), "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "dead",
        ]
        try play(deliveryMode, arguments) { holder, broker, store in
            try paging.declareDurable("dead", holder, store)
            holder.send(BasicNack(deliveryTag: 600, multiple: true, requeue: true))
            try holder.call(BasicCancel(consumerTag: "holder"), BasicCancelOk.self)
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
            store.pageAll()
            #expect(try broker.queue("q").state.pagedCount > 800)
            broker.advance(by: .seconds(61))
            // A turn ends some hundreds; the rest follows in the next millisecond.
            broker.advance(by: .milliseconds(1))
            #expect(try broker.queue("q").state.ready.count == 0)
            let peer = try broker.connect()
            try peer.consume("dead", "c", noAck: true)
            #expect(try take(peer, store).map(\.text) == (0..<Self.count).map(text))
            try store.writeAndSync()
            try expectNothingLeft(broker, store)
        }
    }

    @Test("are dropped where too many of them come back", arguments: [1, 2] as [UInt8])
    func tooMany(deliveryMode: UInt8) throws {
        try play(deliveryMode) { holder, broker, store in
            // The limit comes later than they do, by a policy.
            try broker.queue("q").state.readyCountMax = 300
            holder.hangUp()
            store.pageAll()
            #expect(try broker.queue("q").state.ready.count == 300)
            let deliveries = try takeAll(broker, store)
            #expect(deliveries.map(\.text) == (700..<Self.count).map(text))
        }
    }

    @Test("count how often they came back, and die where that is too often")
    func deliveryLimit() throws {
        let arguments: FieldTable = ["x-queue-type": "quorum", "x-delivery-limit": .int32(2)]
        try play(2, arguments) { holder, broker, store in
            for round in 1...2 as ClosedRange<Int64> {
                holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
                let again = try take(holder, store)
                #expect(again.map(\.text) == (0..<Self.count).map(text))
                #expect(
                    again.allSatisfy {
                        $0.content.properties.headers?["x-delivery-count"]?.integer == round
                    }
                )
            }
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
            #expect(try take(holder, store).isEmpty)
            try expectNothingLeft(broker, store)
        }
    }

    @Test("of every priority come back, the highest first", arguments: [1, 2] as [UInt8])
    func priorities(deliveryMode: UInt8) throws {
        try paging.play { broker, store in
            let publisher = try broker.connect()
            try paging.declareDurable("q", publisher, store, ["x-max-priority": .int8(5)])
            var properties = paging.persistent()
            properties.deliveryMode = deliveryMode
            for priority in [0, 5, 2] as [UInt8] {
                properties.priority = priority
                try paging.publish(0..<300, to: "q", publisher, store, properties)
            }
            let holder = try broker.connect()
            try holder.consume("q", "c")
            #expect(try take(holder, store).count == 900)
            holder.hangUp()
            let deliveries = try takeAll(broker, store)
            #expect(deliveries.map(\.text) == (0..<3).flatMap { _ in (0..<300).map(text) })
            let priorities = deliveries.map { $0.content.properties.priority }
            #expect(priorities == [5, 2, 0].flatMap { [UInt8?](repeating: $0, count: 300) })
        }
    }

    @Test("of groups come back in the order of each", arguments: [1, 2] as [UInt8])
    func groups(deliveryMode: UInt8) throws {
        try paging.play { broker, store in
            let publisher = try broker.connect()
            try paging.declareDurable("q", publisher, store, ["x-group-header": "h"])
            var properties = paging.persistent()
            properties.deliveryMode = deliveryMode
            for number in 0..<Self.count {
                properties.headers = ["h": .int32(Int32(number % 7))]
                try paging.publish(number..<number + 1, to: "q", publisher, store, properties)
            }
            let holders = [try broker.connect(), try broker.connect()]
            var count = 0
            for holder in holders { try holder.consume("q", "c") }
            while count < Self.count {
                store.pageAll()
                let more = try holders.reduce(0) { try $0 + $1.deliveries().count }
                try #require(more > 0, "nothing after \(count)")
                count += more
            }
            #expect(store.messageBytes <= PagingTests.budget)
            for holder in holders { holder.hangUp() }
            let deliveries = try takeAll(broker, store)
            var seen: [Int: [String]] = [:]
            for delivery in deliveries {
                let number = try #require(Int(delivery.text.prefix { $0 != " " }))
                seen[number % 7, default: []].append(delivery.text)
            }
            for group in 0..<7 {
                let numbers = stride(from: group, to: Self.count, by: 7)
                #expect(seen[group] == numbers.map(text))
            }
        }
    }

    @Test("of a queue that is deleted are settled all the same", arguments: [1, 2] as [UInt8])
    func deletedQueue(deliveryMode: UInt8) throws {
        try play(deliveryMode) { holder, broker, store in
            holder.send(QueueDelete(queue: "q"))
            try store.writeAndSync()
            try holder.expect(BasicCancel.self)
            try holder.expect(QueueDeleteOk.self)
            holder.ack(400, multiple: true)
            holder.send(BasicNack(deliveryTag: 700, multiple: true, requeue: false))
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
            try store.writeAndSync()
            store.pageAll()
            #expect(store.messageBytes == 0)
            let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
            #expect(oldestLive == nil)
            try paging.declareDurable("q", holder, store)
        }
    }
}

/// What happens while they are on their way out, and after a crash.
extension DeliveryPagingTests {
    /// Messages in "q" that only memory has, all of them handed out.
    private func hold(_ count: Int, _ broker: DialogueBroker) throws -> ScriptedPeer {
        let holder = try broker.connect()
        try holder.declare("q", ["x-max-priority": .int8(5)])
        try holder.consume("q", "holder")
        var properties = BasicProperties()
        properties.priority = 3
        for number in 0..<count {
            holder.send(Script().publish(text(number), to: "q", properties).bytes)
        }
        #expect(try holder.texts() == (0..<count).map(text))
        #expect(broker.virtualHost.state.paging.spillingBytes > 0)
        return holder
    }

    @Test("may be settled while they are written to the spill log")
    func settledMeanwhile() throws {
        try paging.play { broker, store in
            let holder = try hold(600, broker)
            holder.ack(0, multiple: true)
            #expect(store.messageBytes == 0)
            store.pageAll()
            try expectNothingLeft(broker, store)
            #expect(try broker.queue("q").state.leaving.isEmpty)
        }
    }

    @Test("may come back while they are written to the spill log, and leave memory then")
    func returnedMeanwhile() throws {
        try paging.play { broker, store in
            let holder = try hold(600, broker)
            let count = broker.virtualHost.state.paging.spillItems.count
            holder.hangUp()
            // What is on its way is not written twice.
            #expect(broker.virtualHost.state.paging.spillItems.count == count)
            store.pageAll()
            #expect(store.messageBytes <= PagingTests.budget)
            let deliveries = try takeAll(broker, store)
            #expect(deliveries.map(\.text) == (0..<600).map(text))
            #expect(deliveries.allSatisfy { $0.method.redelivered })
        }
    }

    @Test("may be handed to somebody else while they are written to the spill log")
    func redeliveredMeanwhile() throws {
        try paging.play { broker, store in
            let holder = try hold(600, broker)
            let other = try broker.connect()
            try other.consume("q", "other")
            holder.hangUp()
            #expect(try other.texts() == (0..<600).map(text))
            store.pageAll()
            broker.batch {}
            store.pageAll()
            #expect(store.messageBytes <= PagingTests.budget)
            other.hangUp()
            #expect(try takeAll(broker, store).map(\.text) == (0..<600).map(text))
        }
    }

    @Test("are there again after a crash, as far as the disk has them")
    func crash() throws {
        let disk = MemoryDisk()
        let before = try DiskJournal(disk, segmentSize: 1 << 20, budget: PagingTests.budget)
        let publisher = try before.broker.connect()
        try paging.declareDurable("q", publisher, before)
        try paging.publish(0..<Self.count, to: "q", publisher, before, paging.persistent())
        let holder = try before.broker.connect()
        try holder.consume("q", "holder")
        #expect(try take(holder, before).count == Self.count)
        holder.ack(300, multiple: true)
        holder.send(BasicNack(deliveryTag: 500, multiple: true, requeue: false))
        try before.writeAndSync()
        // These two are not on the disk when the machine stops.
        holder.ack(501)
        holder.ack(502)
        before.end()
        disk.kill()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, budget: PagingTests.budget)
        defer { store.end() }
        let deliveries = try takeAll(store.broker, store)
        #expect(deliveries.map(\.text) == (500..<Self.count).map(text))
        #expect(deliveries.allSatisfy { $0.method.redelivered })
    }

    @Test("that nobody settles do not fill the memory faster than it can be written out")
    func readAndWritten() throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20, budget: 1 << 20)
        defer { store.end() }
        try store.writeAndSync()
        let peer = try store.broker.connect()
        try peer.declare("q")
        let body = String(repeating: "b", count: 50_000)
        for _ in 0..<1_000 {
            peer.publish(body, to: "q")
            store.pageAll()
        }
        #expect(store.messageBytes <= 1 << 20)
        try peer.consume("q", "c")
        var highest = 0
        while store.page() == .worked { highest = max(highest, store.messageBytes) }
        #expect(try peer.texts().count == 1_000)
        #expect(highest < 8 << 20)
        peer.ack(0, multiple: true)
    }

    @Test("that died are read a part at a time, while others have their turn")
    func manyDeaths() throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20, budget: 1 << 20)
        defer { store.end() }
        try store.writeAndSync()
        let peer = try store.broker.connect()
        try peer.declare("dead")
        try peer.declare(
            "q",
            ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"]
        )
        let body = String(repeating: "b", count: 50_000)
        for _ in 0..<1_000 {
            peer.publish(body, to: "q")
            store.pageAll()
        }
        try peer.consume("q", "c")
        store.pageAll()
        #expect(try peer.texts().count == 1_000)
        peer.send(BasicNack(deliveryTag: 0, multiple: true, requeue: false))
        var highest = 0
        while store.page() == .worked { highest = max(highest, store.messageBytes) }
        #expect(try store.broker.queue("dead").state.ready.count == 1_000)
        #expect(highest < 24 << 20)
    }
}
