import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Routing")
struct RoutingTests {
    private func bindExchange(
        _ destination: ShortString,
        to source: ShortString,
        _ key: ShortString,
        _ peer: ScriptedPeer
    ) throws {
        try peer.call(
            ExchangeBind(destination: destination, source: source, routingKey: key),
            ExchangeBindOk.self
        )
    }

    @Test("puts a message into a queue once, however many ways lead there, cycles among them")
    func once() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.declareExchange("a", "fanout")
            try peer.declareExchange("b", "topic")
            try peer.declareExchange("c", "direct")
            try bindExchange("b", to: "a", "", peer)
            try bindExchange("c", to: "b", "#", peer)
            try bindExchange("a", to: "c", "k", peer)
            try bindExchange("c", to: "c", "k", peer)
            try peer.bind("q", to: "a")
            try peer.bind("q", to: "b", "k")
            try peer.bind("q", to: "b", "*")
            try peer.bind("q", to: "c", "k")
            for exchange: ShortString in ["a", "b", "c"] {
                peer.publish("m", to: "k", exchange: exchange)
                let got = try peer.get("q", noAck: true)
                #expect(got.method.exchange == exchange)
                #expect(got.method.messageCount == 0)
            }
        }
    }

    @Test("falls back to the alternate exchange, and to that one's, but not in circles")
    func alternate() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            try peer.declare("r")
            try peer.declareExchange("a", "direct", ["alternate-exchange": "b"])
            try peer.declareExchange("b", "direct", ["alternate-exchange": "a"])
            try peer.bind("q", to: "a", "k")
            peer.publish("unroutable", to: "x", exchange: "a", mandatory: true)
            try peer.expect(BasicReturn.self)
            _ = try peer.expectContent()
            try peer.bind("r", to: "b", "x")
            peer.publish("1", to: "x", exchange: "a", mandatory: true)
            peer.publish("2", to: "k", exchange: "a", mandatory: true)
            peer.publish("3", to: "k", exchange: "b", mandatory: true)
            try peer.expectSilence()
            #expect(try peer.drain("q") == ["2", "3"])
            let got = try peer.get("r", noAck: true)
            #expect(got.content.text == "1")
            #expect(got.method.exchange == "a")
        }
    }

    /// One change of the topology, and the queues a message goes to from then on.
    private struct Change {
        let what: String
        let make: (ScriptedPeer) throws -> Void
        let queues: Set<String>

        init(
            _ what: String,
            to queues: Set<String>,
            _ make: @escaping (ScriptedPeer) throws -> Void
        ) {
            self.what = what
            self.make = make
            self.queues = queues
        }
    }

    private var changes: [Change] {
        [
            Change("queue bound", to: ["q"]) { try $0.bind("q", to: "x", "k") },
            Change("second queue bound", to: ["q", "r"]) { try $0.bind("r", to: "x", "k") },
            Change("other key bound", to: ["q", "r"]) { try $0.bind("s", to: "x", "other") },
            Change("exchange bound", to: ["q", "r"]) {
                try bindExchange("y", to: "x", "k", $0)
            },
            Change("queue behind it bound", to: ["q", "r", "s"]) { try $0.bind("s", to: "y") },
            Change("queue unbound", to: ["q", "s"]) {
                try $0.call(
                    QueueUnbind(queue: "r", exchange: "x", routingKey: "k"),
                    QueueUnbindOk.self
                )
            },
            Change("queue deleted", to: ["s"]) {
                try $0.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            },
            Change("queue of that name declared", to: ["s"]) { try $0.declare("q") },
            Change("exchange unbound", to: []) {
                try $0.call(
                    ExchangeUnbind(destination: "y", source: "x", routingKey: "k"),
                    ExchangeUnbindOk.self
                )
            },
            Change("exchange bound again", to: ["s"]) {
                try bindExchange("y", to: "x", "k", $0)
            },
            Change("exchange behind deleted", to: []) {
                try $0.call(ExchangeDelete(exchange: "y"), ExchangeDeleteOk.self)
            },
            Change("exchange deleted and declared anew with an alternate", to: []) {
                try $0.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
                try $0.declareExchange("x", "direct", ["alternate-exchange": "z"])
            },
            Change("alternate declared", to: []) { try $0.declareExchange("z", "fanout") },
            Change("alternate bound", to: ["q"]) { try $0.bind("q", to: "z") },
            Change("bound itself", to: ["r"]) { try $0.bind("r", to: "x", "k") },
            Change("unbound again", to: ["q"]) {
                try $0.call(
                    QueueUnbind(queue: "r", exchange: "x", routingKey: "k"),
                    QueueUnbindOk.self
                )
            },
            Change("alternate deleted", to: []) {
                try $0.call(ExchangeDelete(exchange: "z"), ExchangeDeleteOk.self)
            },
        ]
    }

    @Test("notices every change of the topology, though it remembers routes")
    func changesOfTopology() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            for queue: ShortString in ["q", "r", "s"] { try peer.declare(queue) }
            try peer.declareExchange("x", "direct")
            try peer.declareExchange("y", "fanout")
            let publish = Script().publish("m", to: "k", exchange: "x").bytes
            func arrived() throws -> Set<String> {
                var names: Set<String> = []
                for queue: ShortString in ["q", "r", "s"]
                where broker.virtualHost.queue(named: queue) != nil {
                    let count = try peer.call(QueuePurge(queue: queue), QueuePurgeOk.self)
                        .messageCount
                    #expect(count == 0 || count == 2)
                    if count > 0 { names.insert(queue.string) }
                }
                return names
            }
            #expect(try arrived() == [])
            for change in changes {
                try change.make(other)
                // Twice: worked out, then remembered by the channel.
                peer.send(publish)
                peer.send(publish)
                #expect(try arrived() == change.queues, "\(change.what)")
            }
        }
    }

    @Test("of the default exchange follows queues as they come and go")
    func defaultExchange() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            for round in 0..<5 {
                peer.publish("early", to: "q", mandatory: true)
                try peer.expect(BasicReturn.self)
                _ = try peer.expectContent()
                try other.declare("q")
                peer.publish("1", to: "q", mandatory: true)
                peer.publish("2", to: "q", mandatory: true)
                #expect(try other.drain("q") == ["1", "2"], "round \(round)")
                try other.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            }
        }
    }

    @Test("forgets routes when there are too many keys, while channels hold some")
    func manyKeys() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q")
            try peer.bind("q", to: "amq.topic", "#")
            other.publish("other", to: "held", exchange: "amq.topic")
            var script = Script()
            for number in 0..<(RememberedRoutes.countMax + 10) {
                let key = ShortString("k\(number)") ?? ""
                script = Script().publish("", to: key, exchange: "amq.topic")
                peer.send(script.bytes)
            }
            other.publish("other", to: "held", exchange: "amq.topic")
            let purged = try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self)
            #expect(Int(purged.messageCount) == RememberedRoutes.countMax + 12)
        }
    }

    @Test("by headers looks at every message, though the one before looked the same")
    func headers() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("one")
            try peer.declare("any")
            try peer.bind("one", to: "amq.headers", "", ["n": .int32(1)])
            try peer.bind("any", to: "amq.headers", "", ["x-match": "any", "n": .void])
            for number in [1, 2, 1, 1] as [Int64] {
                var properties = BasicProperties()
                properties.headers = ["n": .int64(number)]
                peer.send(
                    Script().publish("\(number)", to: "k", exchange: "amq.headers", properties)
                        .bytes
                )
            }
            peer.publish("none", to: "k", exchange: "amq.headers")
            #expect(try peer.drain("one") == ["1", "1", "1"])
            #expect(try peer.drain("any") == ["1", "2", "1", "1"])
        }
    }
}
