import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Streams in memory")
struct StreamDialogueTests {
    private func makeStream(
        _ broker: DialogueBroker,
        _ numbers: Range<Int>,
        _ arguments: FieldTable = [:]
    ) throws -> ScriptedPeer {
        let peer = try broker.connect()
        peer.askForStream("s", arguments)
        try peer.expect(QueueDeclareOk.self)
        for number in numbers { peer.publish("\(number)", to: "s") }
        return peer
    }

    @Test("give every consumer every message, from where it wants, at its own pace")
    func paces() throws {
        try DialogueBroker.play { broker in
            _ = try makeStream(broker, 0..<10)
            let slow = try broker.connect()
            try slow.read("s", prefetch: 2)
            let fast = try broker.connect()
            try fast.read("s", from: .int32(4))
            #expect(try slow.entries().map(\.number) == [0, 1])
            #expect(try fast.entries().map(\.number) == [4, 5, 6, 7, 8, 9])
            slow.ack(2, multiple: true)
            #expect(try slow.entries().map(\.number) == [2, 3])
            let again = try broker.connect()
            try again.read("s")
            #expect(try again.entries().map(\.number) == Array(0..<10))
        }
    }

    @Test("hand out what comes to consumers that wait at the end")
    func theEnd() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(broker, 0..<3)
            let peer = try broker.connect()
            try peer.read("s", from: "next")
            try peer.expectSilence()
            publisher.publish("3", to: "s")
            #expect(try peer.entries().map(\.number) == [3])
            publisher.publish("4", to: "s")
            publisher.publish("5", to: "s")
            #expect(try peer.entries().map(\.number) == [4, 5])
        }
    }

    @Test("begin with the first message of a time")
    func times() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(broker, 0..<2)
            for number in 2..<6 {
                broker.advance(by: .seconds(60))
                publisher.publish("\(number)", to: "s")
            }
            let peer = try broker.connect()
            try peer.read("s", from: "2m")
            #expect(try peer.entries().map(\.number) == [3, 4, 5])
        }
    }

    @Test("give back the deliveries of a channel that closes to nobody")
    func closing() throws {
        try DialogueBroker.play { broker in
            _ = try makeStream(broker, 0..<4)
            let peer = try broker.connect()
            try peer.read("s", prefetch: 3)
            #expect(try peer.entries().count == 3)
            #expect(try broker.queue("s").state.unackedCount == 3)
            peer.hangUp()
            #expect(try broker.queue("s").state.unackedCount == 0)
            #expect(try broker.queue("s").readyCount == 4)
        }
    }

    @Test("stop for a consumer that does not read, and go on when it does")
    func congestion() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(broker, 0..<0)
            let text = String(repeating: "x", count: 10_000)
            for number in 0..<200 { publisher.publish("\(number) \(text)", to: "s") }
            let peer = try broker.connect()
            try peer.setPrefetch(1000)
            peer.read(0)
            peer.send(
                BasicConsume(
                    queue: "s",
                    consumerTag: "c",
                    arguments: ["x-stream-offset": "first"]
                )
            )
            #expect(try broker.queue("s").state.unackedCount < 40)
            peer.read(nil)
            try peer.expect(BasicConsumeOk.self)
            #expect(try peer.entries().map(\.number) == Array(0..<200))
        }
    }

    @Test("cut bodies for clients with small frames")
    func smallFrames() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(broker, 0..<0)
            let text = "0 " + String(repeating: "y", count: 20_000)
            publisher.publish(text, to: "s")
            var manner = ScriptedPeer.Manner()
            manner.frameMax = 4096
            let peer = try broker.connect(manner)
            try peer.read("s")
            #expect(try peer.entries().map(\.text) == [text])
        }
    }

    @Test("forget whole files when there is too much, never the last")
    func size() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(
                broker,
                0..<0,
                [
                    "x-max-length-bytes": .int32(5_000),
                    "x-stream-max-segment-size-bytes": .int32(1_024),
                ]
            )
            let text = String(repeating: "z", count: 400)
            for number in 0..<100 { publisher.publish("\(number) \(text)", to: "s") }
            let stream = try #require(try broker.queue("s").state.stream)
            #expect(stream.size <= 5_000 && stream.size > 3_000)
            #expect(stream.firstOffset + UInt64(stream.count) == 100)
            let peer = try broker.connect()
            try peer.read("s")
            #expect(try peer.entries().compactMap(\.number) == Array(Int(stream.firstOffset)..<100))
        }
    }

    @Test("forget what is too old though nothing is published")
    func age() throws {
        try DialogueBroker.play { broker in
            let publisher = try makeStream(
                broker,
                0..<0,
                [
                    "x-max-age": "10s", "x-stream-max-segment-size-bytes": .int32(1_024),
                ]
            )
            let text = String(repeating: "z", count: 400)
            for number in 0..<10 {
                broker.advance(by: .seconds(1))
                publisher.publish("\(number) \(text)", to: "s")
            }
            let stream = try #require(try broker.queue("s").state.stream)
            #expect(stream.count == 10)
            broker.advance(by: .seconds(5))
            #expect(stream.count < 8)
            broker.advance(by: .seconds(60))
            #expect(stream.index.segments.count == 1)
            #expect(stream.count > 0)
        }
    }

    @Test("take what a queue would let die: it is too late, dead, or copied")
    func otherWays() throws {
        try DialogueBroker.play { broker in
            let peer = try makeStream(broker, 0..<0)
            let arguments: FieldTable = [
                "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "s",
                "x-message-ttl": .int32(1_000),
            ]
            try peer.call(
                QueueDeclare(queue: "q", arguments: arguments),
                QueueDeclareOk.self
            )
            peer.publish("0", to: "q")
            broker.advance(by: .seconds(1))
            try peer.read("s")
            let letters = try peer.deliveries()
            #expect(letters.map(\.text) == ["0"])
            let headers = try #require(letters.first?.content.properties.headers)
            #expect(headers["x-death"] != nil)
            #expect(headers["x-stream-offset"] == .int64(0))
        }
    }
}

extension Handle where State == StreamState {
    fileprivate var index: StreamIndex { state.index }
}
