import TestSupport
import Testing
import Wire

@testable import Broker

/// What RabbitMQ 3.10.8 does with queues that are there when a policy comes or goes.
@Suite("Policies that come and go")
struct LivePolicyTests {
    @Test("a queue follows the policy that is there, comes and goes")
    func follows() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try broker.set(PolicyRecord("p", "^q", ["max-length": .int64(3)]))
            try peer.declare("q", [:])
            try peer.declare("other", [:])
            for number in 1...5 {
                peer.publish("\(number)", to: "q")
                peer.publish("\(number)", to: "other")
            }
            #expect(try peer.drain("q") == ["3", "4", "5"])
            #expect(try peer.drain("other").count == 5)
            broker.clearPolicy("p")
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            #expect(try peer.drain("q").count == 5)
        }
    }

    @Test("a shorter length drops the head at once, and dead-letters it")
    func shorter() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", [:])
            try peer.declare("dead", [:])
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            try broker.set(
                PolicyRecord(
                    "p",
                    "^q$",
                    [
                        "max-length": .int64(2), "dead-letter-exchange": .string(""),
                        "dead-letter-routing-key": .string("dead"),
                    ]
                )
            )
            #expect(try peer.drain("q") == ["4", "5"])
            #expect(try peer.drain("dead") == ["1", "2", "3"])
        }
    }

    @Test("a queue that refused what is too much drops nothing until it need not refuse")
    func rejecting() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-overflow": .string("reject-publish")])
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            try broker.set(PolicyRecord("p", "^q$", ["max-length": .int64(2)]))
            #expect(try broker.queue("q").state.ready.count == 5)
            try peer.declare("r", [:])
            for number in 1...5 { peer.publish("\(number)", to: "r") }
            // RabbitMQ takes on the length first, and drops.
            try broker.set(
                PolicyRecord(
                    "p",
                    "^r$",
                    ["max-length": .int64(2), "overflow": .string("reject-publish")]
                )
            )
            #expect(try peer.drain("r") == ["4", "5"])
            try broker.set(PolicyRecord("p", "^r$", ["max-length": .int64(1)]))
            peer.publish("6", to: "r")
            peer.publish("7", to: "r")
            #expect(try peer.drain("r") == ["7"])
        }
    }

    @Test("a TTL ends what comes from then on; what waits keeps the end it has")
    func timeToLive() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", [:])
            peer.publish("before", to: "q")
            try broker.set(PolicyRecord("p", "^q$", ["message-ttl": .int64(200)]))
            peer.publish("short", to: "q")
            try broker.set(PolicyRecord("p", "^q$", ["message-ttl": .int64(1_000)]))
            peer.publish("long", to: "q")
            broker.clearPolicy("p")
            peer.publish("after", to: "q")
            broker.advance(by: .milliseconds(200))
            #expect(try broker.queue("q").state.ready.count == 3)
            broker.advance(by: .milliseconds(799))
            #expect(try broker.queue("q").state.ready.count == 3)
            broker.advance(by: .milliseconds(1))
            #expect(try peer.drain("q") == ["before", "after"])
        }
    }

    @Test("messages behind some without an end still end to the millisecond")
    func behindUntimed() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", [:])
            for _ in 0..<3 {
                peer.publish("untimed", to: "q")
                try broker.set(PolicyRecord("p", "^q$", ["message-ttl": .int64(100)]))
                peer.publish("timed", to: "q")
                peer.publish("timed", to: "q")
                broker.clearPolicy("p")
            }
            broker.advance(by: .milliseconds(99))
            #expect(try broker.queue("q").state.ready.count == 9)
            broker.advance(by: .milliseconds(1))
            #expect(try peer.drain("q") == ["untimed", "untimed", "untimed"])
            try broker.set(PolicyRecord("p", "^q$", ["message-ttl": .int64(100)]))
            for _ in 0..<10 { peer.publish("timed", to: "q") }
            broker.advance(by: .milliseconds(100))
            #expect(try broker.queue("q").state.ready.isEmpty)
        }
    }

    @Test("an expiry begins when it is set, and ends with it")
    func expires() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", [:])
            try peer.declare("r", [:])
            broker.advance(by: .seconds(5))
            try broker.set(PolicyRecord("p", "^[qr]$", ["expires": .int64(1_000)]))
            broker.advance(by: .milliseconds(600))
            try broker.set(PolicyRecord("p", "^[qr]$", ["expires": .int64(700)]))
            broker.advance(by: .milliseconds(699))
            #expect(broker.virtualHost.queue(named: "q") != nil)
            try broker.set(PolicyRecord("p", "^q$", ["expires": .int64(700)]))
            broker.advance(by: .milliseconds(1))
            #expect(broker.virtualHost.queue(named: "q") == nil)
            broker.advance(by: .seconds(60))
            #expect(broker.virtualHost.queue(named: "r") != nil)
        }
    }

    @Test("a delivery limit counts for messages that are out")
    func deliveryLimit() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(
                QueueDeclare(
                    queue: "q",
                    durable: true,
                    arguments: ["x-queue-type": .string("quorum")]
                )
            )
            try peer.expect(QueueDeclareOk.self)
            peer.publish("poison", to: "q")
            try peer.consume("q", "c")
            let tag = try peer.expectDelivery().tag
            try broker.set(PolicyRecord("p", "^q$", ["delivery-limit": .int64(0)]))
            peer.nack(tag, requeue: true)
            try peer.expectSilence()
            #expect(try broker.queue("q").state.ready.isEmpty)
        }
    }

    @Test("a stream keeps as much as the policy says, and forgets the rest at once")
    func stream() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            peer.send(
                QueueDeclare(
                    queue: "s",
                    durable: true,
                    arguments: [
                        "x-queue-type": .string("stream"),
                        "x-stream-max-segment-size-bytes": .int32(1_000),
                    ]
                )
            )
            try peer.expect(QueueDeclareOk.self)
            let body = String(repeating: "x", count: 600)
            for _ in 0..<20 { peer.publish(body, to: "s") }
            let stream = try #require(try broker.queue("s").state.stream)
            let count = stream.state.index.segments.count
            #expect(count > 4)
            try broker.set(PolicyRecord("p", "^s$", ["max-length-bytes": .int64(2_000)]))
            #expect(stream.state.index.segments.count < count)
            let kept = stream.state.index.segments.count
            try broker.set(PolicyRecord("p", "^s$", ["max-age": .string("10s")]))
            broker.advance(by: .seconds(9))
            #expect(stream.state.index.segments.count == kept)
            broker.advance(by: .seconds(2))
            #expect(stream.state.index.segments.count == 1)
            broker.clearPolicy("p")
            #expect(stream.state.ageMax == nil)
        }
    }

    @Test("an alternate exchange by policy counts at once for routes that are remembered")
    func alternateExchange() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", [:])
            try peer.declareExchange("x", "direct")
            try peer.bind("q", to: "amq.fanout")
            peer.publish("lost", to: "k", exchange: "x")
            try broker.set(
                PolicyRecord("p", "^x", ["alternate-exchange": .string("amq.fanout")])
            )
            peer.publish("found", to: "k", exchange: "x")
            broker.clearPolicy("p")
            peer.publish("lost", to: "k", exchange: "x")
            #expect(try peer.drain("q") == ["found"])
        }
    }

    @Test("the default exchange has no policy, predeclared ones have")
    func predeclared() throws {
        try DialogueBroker.play { broker in
            try broker.set(PolicyRecord("p", "", ["alternate-exchange": .string("x")]))
            let names = broker.virtualHost.exchangeList()
                .filter { !$0.state.policies.isEmpty }
                .map { String(decoding: $0.state.name, as: UTF8.self) }
            #expect(names.allSatisfy { $0.hasPrefix("amq.") } && names.count == 6)
            broker.clearPolicy("p")
        }
    }

    @Test("declaring again compares arguments alone")
    func equivalence() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try broker.set(PolicyRecord("p", "^q", ["max-length": .int64(3)]))
            try peer.declare("q", ["x-max-length": .int32(9)])
            try peer.declare("q", ["x-max-length": .int32(9)])
            #expect(try broker.queue("q").state.readyCountMax == 3)
        }
    }

    @Test("policies, and what queues and messages have of them, survive a restart")
    func restart() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            disk.sync()
            try peer.expect(QueueDeclareOk.self)
            var persistent = BasicProperties()
            persistent.deliveryMode = 2
            peer.send(Script().publish("untimed", to: "q", persistent).bytes)
            try broker.set(PolicyRecord("old", "^q", ["max-length": .int64(1)], priority: -1))
            try broker.set(PolicyRecord("p", "^q", ["message-ttl": .int64(5_000)]))
            try broker.set(PolicyRecord("o", "^q", ["max-length": .int64(3)], kind: .operator))
            try broker.set(PolicyRecord("x", "^amq.f", ["alternate-exchange": .string("y")]))
            broker.clearPolicy("old")
            peer.send(Script().publish("timed", to: "q", persistent).bytes)
            peer.send(Script().publish("timed", to: "q", persistent).bytes)
            disk.sync()
            try disk.restart(after: .seconds(4)) { broker, _ in
                let table = broker.virtualHost.state.policies
                #expect(table.all(.user).map(\.record.name) == ["p", "x"])
                #expect(table.all(.operator).map(\.record.name) == ["o"])
                let queue = try broker.queue("q")
                #expect(queue.state.readyCountMax == 3)
                #expect(queue.state.ready.count == 3)
                #expect(
                    broker.virtualHost.exchange(named: "amq.fanout")?.state.alternateExchange == "y"
                )
                broker.advance(by: .seconds(1))
                #expect(queue.state.ready.count == 1)
                #expect(try broker.connect().drain("q") == ["untimed"])
            }
            disk.end()
        }
    }
}
