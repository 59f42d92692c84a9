import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Recent history")
struct RecentHistoryTests {
    private func publish(_ texts: [String], _ peer: ScriptedPeer) {
        for text in texts {
            peer.publish(text, to: ShortString(shortening: "key \(text)"), exchange: "x")
        }
    }

    @Test("a new binding gets the last messages, oldest first, with their own keys")
    func newBinding() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-recent-history", ["x-recent-history-length": .int8(2)])
            publish(["1", "2", "3"], peer)
            try peer.declare("q")
            try peer.bind("q", to: "x", "any")
            let first = try peer.get("q", noAck: true)
            #expect(first.content.text == "2" && first.method.routingKey == "key 2")
            #expect(first.method.exchange == "x" && !first.method.redelivered)
            #expect(try peer.drain("q") == ["3"])
            publish(["4"], peer)
            #expect(try peer.drain("q") == ["4"])
        }
    }

    @Test("the same binding again gets nothing, another one of the same queue everything")
    func sameBinding() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-recent-history")
            try peer.declare("q")
            publish(["1"], peer)
            try peer.bind("q", to: "x", "a")
            try peer.bind("q", to: "x", "a")
            #expect(try peer.drain("q") == ["1"])
            try peer.bind("q", to: "x", "b")
            #expect(try peer.drain("q") == ["1"])
        }
    }

    @Test("twenty messages are kept unless the exchange says otherwise, on a remembered key too")
    func length() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-recent-history")
            for number in 0..<30 { peer.publish("\(number)", to: "k", exchange: "x") }
            try peer.declare("q")
            try peer.bind("q", to: "x")
            #expect(try peer.drain("q") == (10..<30).map { "\($0)" })
        }
    }

    @Test("a message that asks not to be kept is not")
    func noStore() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-recent-history")
            for (text, value) in [("1", true), ("2", false)] {
                var properties = BasicProperties()
                properties.headers = ["a": "b", "x-recent-history-no-store": .bool(value)]
                peer.send(Script().publish(text, to: "k", exchange: "x", properties).bytes)
            }
            try peer.declare("q")
            try peer.bind("q", to: "x")
            #expect(try peer.drain("q") == ["2"])
        }
    }

    @Test("an exchange bound later routes the history on, as far as it can")
    func exchangeBinding() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declareExchange("x", "x-recent-history")
            try peer.declareExchange("y", "direct")
            try peer.declare("q")
            try peer.bind("q", to: "y", "key 2")
            publish(["1", "2"], peer)
            try peer.call(ExchangeBind(destination: "y", source: "x"), ExchangeBindOk.self)
            #expect(try peer.drain("q") == ["2"])
        }
    }

    @Test("what a durable queue got from the history outlives a crash")
    func durable() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(ExchangeDeclare(exchange: "x", type: "x-recent-history", durable: true))
            peer.send(QueueDeclare(queue: "q", durable: true))
            peer.send(QueueDeclare(queue: "r", durable: true))
            peer.send(QueueBind(queue: "q", exchange: "x"))
            var properties = BasicProperties()
            properties.deliveryMode = 2
            peer.send(Script().publish("kept", to: "k", exchange: "x", properties).bytes)
            journal.sync()
            #expect(try peer.expect(ExchangeDeclareOk.self) == ExchangeDeclareOk())
            try peer.expect(QueueDeclareOk.self)
            try peer.expect(QueueDeclareOk.self)
            try peer.expect(QueueBindOk.self)
            #expect(try peer.drain("q") == ["kept"])
            peer.send(QueueBind(queue: "r", exchange: "x"))
            journal.sync()
            try peer.expect(QueueBindOk.self)
            try journal.restart { broker, _ in
                let peer = try broker.connect()
                try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
                #expect(try peer.drain("r") == ["kept"])
            }
            journal.end()
        }
    }
}
