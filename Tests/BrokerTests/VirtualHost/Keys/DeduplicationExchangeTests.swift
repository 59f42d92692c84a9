import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("x-message-deduplication exchanges")
struct DeduplicationExchangeTests {
    private func arguments(
        _ size: Int32 = 10,
        time: Int32? = nil,
        persistence: FieldValue? = nil
    ) -> FieldTable {
        var arguments: FieldTable = ["x-cache-size": .int32(size)]
        if let time { arguments["x-cache-ttl"] = .int32(time) }
        if let persistence { arguments["x-cache-persistence"] = persistence }
        return arguments
    }

    private func publish(
        _ text: String,
        _ value: FieldValue?,
        cacheTime: FieldValue? = nil,
        mandatory: Bool = false,
        _ peer: ScriptedPeer
    ) {
        let properties = Duplicates.properties(value, cacheTime: cacheTime)
        peer.send(
            Script().publish(text, to: "k", exchange: "x", mandatory: mandatory, properties).bytes
        )
    }

    /// An exchange with one queue bound by another key than messages have.
    private func play(
        _ arguments: FieldTable,
        _ scene: (DialogueBroker, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.call(
                ExchangeDeclare(
                    exchange: "x",
                    type: "x-message-deduplication",
                    arguments: arguments
                ),
                ExchangeDeclareOk.self
            )
            try peer.declare("q")
            try peer.bind("q", to: "x")
            try scene(broker, peer)
        }
    }

    @Test("routes a value once, to every binding whatever the key, and what has none always")
    func once() throws {
        try play(arguments()) { (_, peer) throws in
            try peer.selectConfirms()
            for text in ["1", "2"] { publish(text, "v", peer) }
            for text in ["3", "4"] { publish(text, nil, peer) }
            publish("5", .int8(5), peer)
            publish("6", .int64(5), peer)
            for _ in 1...6 { try peer.expect(BasicAck.self) }
            #expect(try peer.drain("q") == ["1", "3", "4", "5"])
        }
    }

    @Test("a mandatory duplicate is returned, and one goes to the alternate exchange")
    func unrouted() throws {
        try play(arguments()) { (_, peer) throws in
            publish("1", "v", peer)
            publish("2", "v", mandatory: true, peer)
            #expect(try peer.expect(BasicReturn.self).replyCode == 312)
            #expect(try peer.expectContent().text == "2")
        }
        var other = arguments()
        other["alternate-exchange"] = "amq.fanout"
        try play(other) { (_, peer) throws in
            try peer.declare("duplicates")
            try peer.bind("duplicates", to: "amq.fanout")
            for text in ["1", "2", "3"] { publish(text, "v", peer) }
            #expect(try peer.drain("q") == ["1"])
            #expect(try peer.drain("duplicates") == ["2", "3"])
        }
    }

    @Test("a value is forgotten when its time is over: the message's, else the exchange's")
    func time() throws {
        try play(arguments(time: 100)) { (broker, peer) throws in
            publish("1", "v", peer)
            publish("2", "w", cacheTime: .int32(300), peer)
            publish("3", "x", cacheTime: .int32(0), peer)
            publish("4", "x", cacheTime: .string("soon"), peer)
            broker.advance(by: .milliseconds(99))
            for value in ["v", "w", "x"] as [FieldValue] { publish("no", value, peer) }
            broker.advance(by: .milliseconds(2))
            publish("5", "v", peer)
            publish("no", "w", peer)
            publish("6", "x", peer)
            broker.advance(by: .milliseconds(200))
            publish("7", "w", peer)
            #expect(try peer.drain("q") == ["1", "2", "3", "4", "5", "6", "7"])
        }
    }

    @Test("when there is no room the oldest value is forgotten")
    func overflow() throws {
        try play(arguments(2)) { (broker, peer) throws in
            for value in ["a", "b", "a", "c", "b", "a", "c"] as [FieldValue] {
                publish(value.text ?? "", value, peer)
            }
            #expect(try peer.drain("q") == ["a", "b", "c", "a"])
            let exchange = try #require(broker.virtualHost.exchange(named: "x"))
            #expect(exchange.state.values.count == 2)
        }
    }

    @Test("takes numbers as text, as the plugin does; what is neither is 406")
    func declarations() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            func declare(_ arguments: FieldTable) {
                let type: ShortString = "x-message-deduplication"
                peer.send(ExchangeDeclare(exchange: "x", type: type, arguments: arguments))
            }
            declare(["x-cache-size": "10", "x-cache-ttl": "1000", "x-cache-persistence": "disk"])
            try peer.expect(ExchangeDeclareOk.self)
            try peer.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            let wrong: [FieldTable] = [
                [:], ["x-cache-size": .int8(0)], ["x-cache-size": .int8(-1)],
                ["x-cache-size": "ten"], ["x-cache-size": .bool(true)],
                ["x-cache-size": .int8(1), "x-cache-ttl": .int8(0)],
                ["x-cache-size": .int8(1), "x-cache-ttl": "bar"],
                ["x-cache-size": .int8(1), "x-cache-persistence": "tape"],
                ["x-cache-size": .int8(1), "x-cache-persistence": .bool(true)],
            ]
            for arguments in wrong {
                declare(arguments)
                try peer.expectChannelClosed(.preconditionFailed, at: ExchangeDeclare.id)
                try peer.openChannel(1)
            }
        }
    }

    @Test("routes a value once on the way from another exchange, and as a dead letter")
    func onTheWay() throws {
        try play(arguments()) { (_, peer) throws in
            try peer.call(
                ExchangeBind(destination: "x", source: "amq.fanout"),
                ExchangeBindOk.self
            )
            try peer.declare("p", ["x-dead-letter-exchange": "x"])
            func send(_ text: String, to exchange: ShortString, _ key: ShortString) {
                peer.send(
                    Script().publish(text, to: key, exchange: exchange, Duplicates.properties("v"))
                        .bytes
                )
            }
            send("1", to: "amq.fanout", "")
            send("2", to: "amq.fanout", "")
            send("3", to: "", "p")
            peer.nack(try peer.get("p").method.deliveryTag, requeue: false)
            #expect(try peer.drain("q") == ["1"])
        }
    }

    // MARK: - Restarts

    private func declareDurable(
        _ arguments: FieldTable,
        _ peer: ScriptedPeer,
        _ journal: ScriptedJournal
    ) throws {
        peer.askForDeduplication(arguments)
        journal.sync()
        try peer.expect(ExchangeDeclareOk.self)
        try peer.expect(QueueDeclareOk.self)
        try peer.expect(QueueBindOk.self)
    }

    @Test("values on disk outlive a crash until their time is over; those in memory do not")
    func restart() throws {
        for persistence in ["disk", "memory"] as [FieldValue] {
            try DialogueBroker.play { broker in
                let journal = ScriptedJournal(broker)
                let peer = try broker.connect()
                try declareDurable(
                    arguments(3, time: 5_000, persistence: persistence),
                    peer,
                    journal
                )
                for value in ["old", "a", "b"] as [FieldValue] { publish("m", value, peer) }
                publish("m", "c", cacheTime: .int32(600_000), peer)
                journal.sync()
                try journal.restart(after: .seconds(2)) { next, journal in
                    let peer = try next.connect()
                    #expect(try peer.drain("q").count == 4)
                    for value in ["a", "b", "c"] as [FieldValue] {
                        publish(value.text ?? "", value, peer)
                    }
                    let isDisk = persistence == "disk"
                    publish("old", "old", peer)
                    #expect(try peer.drain("q") == (isDisk ? ["old"] : ["a", "b", "c", "old"]))
                    next.advance(by: .seconds(4))
                    publish("b", "b", peer)
                    publish("c", "c", peer)
                    if isDisk { #expect(try peer.drain("q") == ["b"]) }
                    journal.sync()
                }
                journal.end()
            }
        }
    }

    @Test("a value that had to go and came again is remembered from then on, after a crash as well")
    func cameAgain() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try declareDurable(arguments(2, persistence: "disk"), peer, journal)
            publish("m", "a", cacheTime: .int32(10_000), peer)
            for value in ["b", "c"] as [FieldValue] {
                publish("m", value, cacheTime: .int32(1_000), peer)
            }
            broker.advance(by: .seconds(2))
            publish("m", "a", cacheTime: .int32(100_000), peer)
            journal.sync()
            try journal.restart(after: .seconds(2)) { next, _ in
                let peer = try next.connect()
                #expect(try peer.drain("q").count == 4)
                next.advance(by: .seconds(20))
                publish("no", "a", peer)
                #expect(try next.queue("q").state.ready.isEmpty)
            }
            journal.end()
        }
    }

    @Test("a duplicate is not confirmed before what came first is durable")
    func confirmed() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try declareDurable(arguments(persistence: "disk"), peer, journal)
            publish("1", "v", peer)
            let other = try broker.connect()
            try other.selectConfirms()
            publish("2", "v", other)
            try other.expectSilence()
            journal.sync()
            #expect(try other.expect(BasicAck.self).deliveryTag == 1)
            journal.end()
        }
    }

    @Test(
        "after a crash just those values are known that were before it",
        arguments: 1...8 as ClosedRange<UInt64>
    )
    func model(seed: UInt64) throws {
        var seed = Seed(seed)
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try declareDurable(arguments(8, time: 300, persistence: "disk"), peer, journal)
            for step in 0..<400 {
                let value = Int32.random(in: 0..<20, using: &seed)
                let time: FieldValue? =
                    seed.oneIn(3) ? .int32(Int32.random(in: 0..<2_000, using: &seed)) : nil
                publish("m", .int32(value), cacheTime: time, peer)
                if seed.oneIn(4) {
                    broker.advance(by: .milliseconds(Int.random(in: 0..<200, using: &seed)))
                }
                if seed.oneIn(100) { broker.batch { broker.virtualHost.describeTopology() } }
                if step % 10 == 0 { journal.sync() }
            }
            journal.sync()
            let exchange = try #require(broker.virtualHost.exchange(named: "x"))
            var before: [RememberedValue] = []
            exchange.state.values.forEach { before.append($0) }
            #expect(!before.isEmpty)
            try journal.restart { next, _ in
                let exchange = try #require(next.virtualHost.exchange(named: "x"))
                var after: [RememberedValue] = []
                exchange.state.values.forEach { after.append($0) }
                #expect(after.count <= 8)
                let known = Set(after.map(\.digest))
                #expect(before.allSatisfy { known.contains($0.digest) })
            }
            journal.end()
        }
    }
}
