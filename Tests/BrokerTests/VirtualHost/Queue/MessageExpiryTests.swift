import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Messages that expire")
struct MessageExpiryTests {
    private func properties(
        _ expiration: ShortString?,
        priority: UInt8? = nil,
        isPersistent: Bool = false
    ) -> BasicProperties {
        var properties = BasicProperties()
        properties.expiration = expiration
        properties.priority = priority
        if isPersistent { properties.deliveryMode = 2 }
        return properties
    }

    private func publish(
        _ text: String,
        _ expiration: ShortString? = nil,
        isPersistent: Bool = false,
        by peer: ScriptedPeer
    ) {
        let properties = properties(expiration, isPersistent: isPersistent)
        peer.send(Script().publish(text, to: "q", properties).bytes)
    }

    private func count(_ broker: DialogueBroker) throws -> Int {
        try broker.queue("q").state.ready.count
    }

    @Test(
        "of the times queue and message say the shorter one counts, to the millisecond",
        arguments: [(100, nil), (nil, "100"), (500, "100"), (100, "500")]
            as [(Int32?, ShortString?)]
    )
    func lower(ofQueue: Int32?, ofMessage: ShortString?) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ofQueue.map { ["x-message-ttl": .int32($0)] } ?? [:])
            publish("m", ofMessage, by: peer)
            broker.advance(by: .milliseconds(99))
            #expect(try count(broker) == 1)
            broker.advance(by: .milliseconds(1))
            #expect(try count(broker) == 0)
            #expect(try broker.queue("q").state.ready.bodyBytes == 0)
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
        }
    }

    @Test(
        "times may be as long as ten years",
        arguments: [
            (FieldTable(), "+315360000000"), (["x-message-ttl": .int64(315_360_000_000)], nil),
        ]
            as [(FieldTable, ShortString?)]
    )
    func longest(arguments: FieldTable, expiration: ShortString?) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", arguments)
            publish("m", expiration, by: peer)
            broker.advance(by: .milliseconds(315_359_999_999))
            #expect(try count(broker) == 1)
            broker.advance(by: .milliseconds(1))
            #expect(try count(broker) == 0)
        }
    }

    @Test("a message goes from the middle of the queue when its time is over")
    func middle() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            for (text, expiration) in [
                ("a", nil), ("b", "30"), ("c", nil), ("d", "10"), ("e", "20"), ("f", nil),
            ] as [(String, ShortString?)] {
                publish(text, expiration, by: peer)
            }
            for left in [5, 4, 3] {
                broker.advance(by: .milliseconds(10))
                #expect(try count(broker) == left)
            }
            #expect(try peer.drain("q") == ["a", "c", "f"])
        }
    }

    @Test("thousands that came back expire at their time, and what is left keeps its order")
    func manyReturned() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            var random = Seed(9)
            var ends: [Int?] = []
            for number in 0..<4_000 {
                let end = random.oneIn(4) ? nil : Int.random(in: 100...140, using: &random)
                publish("\(number)", end.map { ShortString(shortening: "\($0)") }, by: peer)
                ends.append(end)
            }
            try peer.consume("q", "c")
            peer.send(BasicCancel(consumerTag: "c", noWait: true))
            let tags = try peer.deliveries().map(\.tag)
            for tag in tags.shuffled(using: &random) { peer.nack(tag) }
            // Some leave and come back once more, which moves nobody's end.
            try peer.setPrefetch(500)
            try peer.consume("q", "again")
            peer.send(BasicCancel(consumerTag: "again", noWait: true))
            let last = try #require(try peer.deliveries().last)
            peer.nack(last.tag, multiple: true)
            broker.advance(by: .milliseconds(99))
            for millisecond in 100...145 {
                broker.advance(by: .milliseconds(1))
                #expect(try count(broker) == ends.filter { $0 ?? .max > millisecond }.count)
            }
            let left = ends.indices.filter { ends[$0] == nil }.map { "\($0)" }
            #expect(try peer.drain("q") == left)
            #expect(try broker.queue("q").state.ready.bodyBytes == 0)
        }
    }

    @Test("thousands go from the middle, and what is left keeps its order")
    func manyInTheMiddle() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish("first", by: peer)
            for number in 0..<6_000 {
                let expiration = number % 5 == 0 ? nil : ShortString(shortening: "1\(number % 5)")
                publish("\(number)", expiration, by: peer)
            }
            broker.advance(by: .milliseconds(12))
            broker.catchUp()
            #expect(try count(broker) == 1 + 3_600)
            broker.advance(by: .milliseconds(2))
            broker.catchUp()
            #expect(try count(broker) == 1 + 1_200)
            let expected = stride(from: 0, to: 6_000, by: 5).map { "\($0)" }
            #expect(try peer.drain("q") == ["first"] + expected)
        }
    }

    @Test("without time to wait a message is for a consumer with room, or for nobody")
    func zero() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-message-ttl": .int32(0)])
            try peer.selectConfirms()
            publish("nobody", by: peer)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            #expect(try count(broker) == 0)
            let other = try broker.connect()
            try other.setPrefetch(1)
            try other.consume("q", "c")
            publish("taken", by: peer)
            #expect(try other.expectDelivery().text == "taken")
            publish("no room", by: peer)
            other.ack(1)
            try other.expectSilence()
            publish("room again", "0", by: peer)
            #expect(try other.expectDelivery().text == "room again")
        }
    }

    @Test("what is out for an acknowledgement has time, and what comes back late has none")
    func unacked() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-message-ttl": .int32(100)])
            for text in ["a", "b", "c"] { publish(text, by: peer) }
            let tags = try (0..<3).map { _ in try peer.get("q").method.deliveryTag }
            broker.advance(by: .milliseconds(50))
            peer.nack(tags[0])
            peer.nack(tags[1])
            #expect(try peer.get("q").content.text == "a")
            broker.advance(by: .milliseconds(50))
            #expect(try count(broker) == 0)
            peer.nack(tags[2])
            #expect(try count(broker) == 0)
            peer.nack(4)
            #expect(try count(broker) == 0)
        }
    }

    @Test("a message ends in time behind later ones that waited behind one without an end")
    func behindUntimed() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            publish("endless", by: peer)
            try broker.set(PolicyRecord("p", "q", ["message-ttl": .int32(1_000)]))
            publish("late", by: peer)
            #expect(try peer.get("q").content.text == "endless")
            publish("early", "20", by: peer)
            broker.advance(by: .milliseconds(20))
            #expect(try count(broker) == 1)
            #expect(try peer.get("q").content.text == "late")
        }
    }

    @Test("ends outlive a crash by the calendar, whatever the clock of the machine says")
    func restart() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(
                QueueDeclare(
                    queue: "q",
                    durable: true,
                    arguments: ["x-message-ttl": .int32(10_000)]
                )
            )
            journal.sync()
            try peer.expect(QueueDeclareOk.self)
            publish("early", "1000", isPersistent: true, by: peer)
            publish("late", isPersistent: true, by: peer)
            publish("between", "7000", isPersistent: true, by: peer)
            publish("not kept", by: peer)
            journal.sync()
            try journal.restart(after: .milliseconds(6_999)) { broker, journal in
                let peer = try broker.connect()
                #expect(try count(broker) == 2)
                broker.advance(by: .milliseconds(1))
                #expect(try count(broker) == 1)
                broker.advance(by: .milliseconds(2_999))
                #expect(try peer.get("q").content.text == "late")
                peer.nack(1)
                broker.advance(by: .milliseconds(1))
                #expect(try count(broker) == 0)
                journal.sync()
                try journal.restart { broker, _ in
                    let left = try count(broker)
                    #expect(left == 0)
                }
            }
            journal.end()
        }
    }

    @Test("purging and deleting take their timers along", arguments: [false, true])
    func timers(isPurge: Bool) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare(
                "q",
                [
                    "x-message-ttl": .int32(1_000), "x-max-priority": .int8(3),
                    "x-consumer-timeout": .int8(0),
                ]
            )
            for number in 0..<10 {
                let properties = properties(
                    ShortString(shortening: "\(900 - number * 50)"),
                    priority: UInt8(number % 4)
                )
                peer.send(Script().publish("m", to: "q", properties).bytes)
                publish("n", by: peer)
            }
            try peer.get("q")
            peer.nack(1)
            #expect(broker.virtualHost.state.timers.count > 10)
            if isPurge { try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self) }
            try peer.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            #expect(broker.virtualHost.state.timers.count == 0)
        }
    }

    // MARK: - Against a model

    private struct Waiting {
        let text: String
        let priority: UInt8
        let position: Int
        let end: Int?
    }

    @Test(
        "whatever comes, goes, comes back and ends, the queue holds just what it should",
        arguments: 1...6 as ClosedRange<UInt64>,
        [nil, 300] as [Int?]
    )
    func model(seed: UInt64, timeToLive: Int?) throws {
        var seed = Seed(seed)
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            var arguments: FieldTable = ["x-max-priority": .int8(2)]
            if let timeToLive { arguments["x-message-ttl"] = .int32(Int32(timeToLive)) }
            try peer.declare("q", arguments)
            var waiting: [Waiting] = []
            var out: [(tag: UInt64, message: Waiting)] = []
            var now = 0
            func place(_ message: Waiting) {
                let index = waiting.firstIndex {
                    ($0.priority, -$0.position) < (message.priority, -message.position)
                }
                waiting.insert(message, at: index ?? waiting.count)
            }
            for position in 0..<1_500 {
                switch Int.random(in: 0..<8, using: &seed) {
                case 0..<4:
                    let priority = UInt8.random(in: 0...2, using: &seed)
                    let own = seed.oneIn(2) ? Int.random(in: 1...400, using: &seed) : nil
                    let expiration = own.map { ShortString(shortening: "\($0)") }
                    let message = properties(expiration, priority: priority)
                    peer.send(Script().publish("\(position)", to: "q", message).bytes)
                    let time = [own, timeToLive].compactMap(\.self).min()
                    place(
                        .init(
                            text: "\(position)",
                            priority: priority,
                            position: position,
                            end: time.map { now + $0 }
                        )
                    )
                case 4:
                    guard !waiting.isEmpty else { continue }
                    let got = try peer.get("q")
                    let expected = waiting.removeFirst()
                    #expect(got.content.text == expected.text)
                    out.append((got.method.deliveryTag, expected))
                case 5:
                    guard let index = out.indices.randomElement(using: &seed) else { continue }
                    let (tag, message) = out.remove(at: index)
                    peer.nack(tag)
                    if message.end ?? .max > now { place(message) }
                default:
                    let step = Int.random(in: 0..<60, using: &seed)
                    now += step
                    broker.advance(by: .milliseconds(step))
                    waiting.removeAll { $0.end ?? .max <= now }
                }
                #expect(try count(broker) == waiting.count)
            }
            if !waiting.isEmpty { #expect(try peer.drain("q") == waiting.map(\.text)) }
        }
    }

    @Test(
        "a crowd that ends late does not hold everybody else up, and all leave in the end",
        arguments: [("x-message-ttl", nil), ("x-expires", "10")] as [(ShortString, ShortString?)]
    )
    func crowd(argument: ShortString, expiration: ShortString?) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("letters")
            let letters = try broker.queue("letters")
            try peer.declare(
                "q",
                [
                    argument: .int32(expiration == nil ? 10 : 100_000),
                    "x-dead-letter-exchange": .string(""),
                    "x-dead-letter-routing-key": .string("letters"),
                ]
            )
            let count = 2_000
            for number in 0..<count { publish("\(number)", expiration, by: peer) }
            broker.advance(by: .seconds(1))
            #expect((1...1_000).contains(letters.state.ready.count))
            for _ in 0..<10 { broker.advance(by: .milliseconds(1)) }
            #expect(try peer.drain("letters") == (0..<count).map { "\($0)" })
        }
    }
}
