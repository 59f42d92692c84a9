import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Exchanges that hash, draw or remember")
struct ExchangeTypeTests {
    /// Declares an exchange with queues bound under these keys: `q0`, `q1` and so on.
    private func bind(
        _ keys: [ShortString],
        to type: ShortString,
        by peer: ScriptedPeer,
        _ arguments: FieldTable = [:]
    ) throws {
        try peer.declareExchange("x", type, arguments)
        for (index, key) in keys.enumerated() {
            let queue = queue(index)
            try peer.declare(queue)
            try peer.bind(queue, to: "x", key)
        }
    }

    private func queue(_ index: Int) -> ShortString { ShortString(shortening: "q\(index)") }

    /// How many messages each of the first queues has, which are purged.
    private func shares(_ count: Int, _ peer: ScriptedPeer) throws -> [UInt32] {
        try (0..<count).map {
            try peer.call(QueuePurge(queue: queue($0)), QueuePurgeOk.self).messageCount
        }
    }

    private func publish(_ count: Int, _ peer: ScriptedPeer) {
        var script = Script()
        for number in 0..<count {
            let key = ShortString(shortening: "key \(number)")
            script = script.publish("\(number)", to: key, exchange: "x")
        }
        peer.send(script.bytes)
    }

    @Test("a consistent hash gives shares in proportion to the weights")
    func weights() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try bind(["1", "2", "+5"], to: "x-consistent-hash", by: peer)
            publish(8_000, peer)
            let shares = try shares(3, peer)
            #expect(shares.reduce(0, +) == 8_000)
            #expect((900...1_100).contains(shares[0]), "\(shares)")
            #expect((1_850...2_150).contains(shares[1]), "\(shares)")
        }
    }

    @Test("a queue that leaves a consistent hash moves no messages of others")
    func leaving() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try bind(["1", "1", "1"], to: "x-consistent-hash", by: peer)
            publish(300, peer)
            let before = [try peer.drain("q0"), try peer.drain("q1")].map { Set($0) }
            let moved = Set(try peer.drain("q2"))
            try peer.call(
                QueueUnbind(queue: "q2", exchange: "x", routingKey: "1"),
                QueueUnbindOk.self
            )
            publish(300, peer)
            let after = [try peer.drain("q0"), try peer.drain("q1")].map { Set($0) }
            #expect(after[0].isSuperset(of: before[0]) && after[1].isSuperset(of: before[1]))
            #expect(after[0].union(after[1]).subtracting(before[0].union(before[1])) == moved)
        }
    }

    @Test(
        "the same key goes the same way whatever order the queues were bound in",
        arguments: ["x-consistent-hash", "x-modulus-hash"] as [ShortString]
    )
    func order(type: ShortString) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try bind(["3", "1", "2"], to: type, by: peer)
            try peer.declareExchange("y", type)
            for (index, key) in [(2, "2"), (0, "3"), (1, "1")] as [(Int, ShortString)] {
                try peer.bind(queue(index), to: "y", key)
            }
            for number in 0..<50 {
                let key = ShortString(shortening: "key \(number)")
                peer.publish("m", to: key, exchange: "x")
                peer.publish("m", to: key, exchange: "y")
                #expect(try shares(3, peer).sorted() == [0, 0, 2])
            }
        }
    }

    @Test("further keys in CC do not make it more than one queue")
    func extraKeys() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            var properties = BasicProperties()
            properties.headers = ["CC": .array(["a", "b", "c", "d", "e"])]
            for type in ["x-consistent-hash", "x-modulus-hash", "x-random"] as [ShortString] {
                try bind(["1", "1"], to: type, by: peer)
                for key in ["k", "l", "m"] as [ShortString] {
                    peer.send(Script().publish("m", to: key, exchange: "x", properties).bytes)
                }
                #expect(try shares(2, peer).reduce(0, +) == 3)
                try peer.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            }
        }
    }

    /// A part of the message that is hashed, and messages that have it.
    private struct Hashed {
        let arguments: FieldTable
        let change: (inout BasicProperties, Int) -> Void
    }

    @Test("what is hashed decides, and not the routing key; messages without it go one way")
    func parts() throws {
        let parts = [
            Hashed(arguments: ["hash-header": "h"]) { $0.headers = ["h": .int32(Int32($1))] },
            Hashed(arguments: ["hash-property": "message_id"]) {
                $0.messageID = ShortString(shortening: "\($1)")
            },
            Hashed(arguments: ["hash-property": "correlation_id"]) {
                $0.correlationID = ShortString(shortening: "\($1)")
            },
            Hashed(arguments: ["hash-property": "timestamp"]) { $0.timestamp = UInt64($1) },
        ]
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            for part in parts {
                try bind(["1", "1", "1"], to: "x-consistent-hash", by: peer, part.arguments)
                var used: Set<[UInt32]> = []
                for value in 0..<20 {
                    var properties = BasicProperties()
                    part.change(&properties, value)
                    for key in ["k", "l", "m"] as [ShortString] {
                        peer.send(Script().publish("m", to: key, exchange: "x", properties).bytes)
                    }
                    let shares = try shares(3, peer)
                    #expect(shares.sorted() == [0, 0, 3])
                    used.insert(shares)
                }
                #expect(used.count == 3)
                publish(5, peer)
                #expect(try shares(3, peer).sorted() == [0, 0, 5])
                try peer.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            }
        }
    }

    @Test("chance gives everybody a share, and is not remembered for a key")
    func random() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            for type in ["x-random", "x-local-random"] as [ShortString] {
                try bind(["", ""], to: type, by: peer)
                for _ in 0..<200 { peer.publish("m", to: "same", exchange: "x") }
                let shares = try shares(2, peer)
                #expect(shares.reduce(0, +) == 200)
                #expect(shares[0] > 60 && shares[1] > 60)
                try peer.call(
                    QueueUnbind(queue: "q0", exchange: "x"),
                    QueueUnbindOk.self
                )
                publish(10, peer)
                #expect(try self.shares(2, peer) == [0, 10])
                try peer.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            }
        }
    }

    @Test("a queue bound twice to a modulus hash has two shares of three")
    func modulus() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try bind(["a", "a"], to: "x-modulus-hash", by: peer)
            try peer.bind("q1", to: "x", "b")
            publish(3_000, peer)
            let shares = try shares(2, peer)
            #expect((900...1_100).contains(shares[0]) && shares[0] + shares[1] == 3_000)
        }
    }

    /// A declaration or binding these types refuse.
    private static let refusals = [
        Refusal(
            "two parts to hash",
            ExchangeDeclare(
                exchange: "new",
                type: "x-consistent-hash",
                arguments: ["hash-header": "a", "hash-property": "message_id"]
            ),
            .preconditionFailed
        ),
        Refusal(
            "a property that is not hashed",
            ExchangeDeclare(
                exchange: "new",
                type: "x-consistent-hash",
                arguments: ["hash-property": "app_id"]
            ),
            .preconditionFailed
        ),
        Refusal(
            "a header's name that is no string",
            ExchangeDeclare(
                exchange: "new",
                type: "x-consistent-hash",
                arguments: ["hash-header": .int32(1)]
            ),
            .preconditionFailed
        ),
        weight("many"), weight(""), weight("1.5"), weight("0"), weight("-1"), weight("+"),
        history(.int32(0)), history(.int32(-1)), history("5"), history(.bool(true)),
        Refusal(
            "a key to x-local-random",
            QueueBind(queue: "q", exchange: "x", routingKey: "k"),
            .preconditionFailed,
            after: Script().method(
                ExchangeDeclare(exchange: "x", type: "x-local-random", noWait: true)
            )
        ),
        Refusal(
            "a quorum queue bound to x-local-random",
            QueueBind(queue: "quorum", exchange: "x"),
            .preconditionFailed,
            after: Script().method(
                ExchangeDeclare(exchange: "x", type: "x-local-random", noWait: true)
            ).method(
                QueueDeclare(
                    queue: "quorum",
                    durable: true,
                    noWait: true,
                    arguments: ["x-queue-type": "quorum"]
                )
            )
        ),
        Refusal(
            "an exchange bound to x-local-random",
            ExchangeBind(destination: "amq.fanout", source: "x"),
            .preconditionFailed,
            after: Script().method(
                ExchangeDeclare(exchange: "x", type: "x-local-random", noWait: true)
            )
        ),
    ]

    private static func weight(_ key: ShortString) -> Refusal {
        Refusal(
            "weight '\(key)'",
            QueueBind(queue: "q", exchange: "x", routingKey: key),
            .preconditionFailed,
            after: Script().method(
                ExchangeDeclare(exchange: "x", type: "x-consistent-hash", noWait: true)
            )
        )
    }

    private static func history(_ length: FieldValue) -> Refusal {
        Refusal(
            "history of \(length)",
            ExchangeDeclare(
                exchange: "new",
                type: "x-recent-history",
                arguments: ["x-recent-history-length": length]
            ),
            .preconditionFailed
        )
    }

    @Test("bad arguments and keys are refused as RabbitMQ does", arguments: refusals)
    func refused(_ refusal: Refusal) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.send(refusal.script.bytes)
            let method = try #require(refusal.method)
            try peer.expectChannelClosed(refusal.code, at: method)
        }
    }

    @Test("an exchange that is there is compared, and its new arguments are not looked at")
    func again() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-consistent-hash", ["hash-header": "h"])
            try peer.declareExchange("x", "x-consistent-hash", ["hash-property": "none"])
        }
    }

    @Test("draws are those of the natural logarithm")
    func draws() {
        var sum = 0.0
        for bits in 0..<4_096 as Range<UInt64> {
            let drawn = RendezvousDraw.draw(bits &* 0x9e37_79b9_7f4a_7c15)
            #expect(drawn > 0 && drawn < 50)
            sum += drawn
        }
        #expect((3_900...4_300).contains(sum), "mean 1: \(sum)")
    }
}
