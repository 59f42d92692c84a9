import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Content")
struct ContentTests {
    @Test("arrives whole, whatever way its octets are cut", arguments: [0, 1, 5_000, 20_000])
    func everySplit(bodySize: Int) throws {
        var seed = Seed(7)
        let body = (0..<bodySize).map { _ in UInt8.random(in: 0...255, using: &seed) }
        var properties = BasicProperties()
        properties.headers = ["a": .int32(1), "b": .table(["c": "d"])]
        properties.deliveryMode = 2
        let bytes = Script()
            .publish(body, to: "q", properties, frameMax: 8_192)
            .bytes
        let step = max(1, bytes.count / 200)
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            for cut in stride(from: 1, to: bytes.count, by: step) {
                peer.send(bytes, inPiecesOf: [cut])
                let got = try peer.get("q", noAck: true)
                #expect(got.content == Content(properties: properties, body: body))
            }
            peer.send(bytes, inPiecesOf: [Int](repeating: 1, count: bytes.count))
            let got = try peer.get("q", noAck: true)
            #expect(got.content == Content(properties: properties, body: body))
        }
    }

    @Test("in several body frames, an empty one among them, is one message")
    func severalFrames() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.send(
                Script()
                    .method(BasicPublish(routingKey: "q"))
                    .header(bodySize: 5)
                    .frame(.body, Array("ab".utf8))
                    .frame(.body, [])
                    .frame(.body, Array("cde".utf8))
                    .bytes
            )
            #expect(try peer.get("q").content.text == "abcde")
        }
    }

    @Test("is delivered the same whether its frames came in one piece or not")
    func weight() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            var odd = Script.headerPayload(bodySize: 1)
            odd[3] = 9
            let bytes = Script()
                .method(BasicPublish(routingKey: "q")).frame(.header, odd).frame(.body, [65])
                .bytes
            try peer.consume("q", "c", noAck: true)
            for sizes in [[], [30]] {
                let before = peer.received.count
                peer.send(bytes, inPiecesOf: sizes)
                _ = try peer.expectDelivery()
                let delivery = Array(peer.received[before...])
                // The header frame: class 60, weight 0.
                let head = delivery.firstRange(of: [2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0])
                #expect(head != nil, "cut at \(sizes)")
            }
        }
    }

    @Test("announced larger than allowed is 406, whether its frames came in one piece or not")
    func tooLarge() throws {
        var limits = Limits()
        limits.messageSizeMax = 1_000
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            let fitting = Script().publish([UInt8](repeating: 1, count: 1_000), to: "q").bytes
            let bytes = Script().publish([UInt8](repeating: 1, count: 1_001), to: "q").bytes
            for sizes in [[], [30], [bytes.count - 1]] {
                peer.send(fitting, inPiecesOf: sizes)
                #expect(try peer.get("q", noAck: true).content.body.count == 1_000)
                peer.send(bytes, inPiecesOf: sizes)
                try peer.expectChannelClosed(.preconditionFailed, at: BasicPublish.id)
                try peer.openChannel(1)
                try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            }
        }
    }

    @Test("a channel that closes on an error ignores the rest of the content", arguments: [1, 40])
    func restIsIgnored(cut: Int) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            let body = [UInt8](repeating: 5, count: 30_000)
            peer.send(
                Script()
                    .publish(body, to: "q", exchange: "missing", frameMax: 5_000)
                    .publish(body, to: "q", exchange: "missing")
                    .method(BasicQos(prefetchCount: 1))
                    .bytes,
                inPiecesOf: [cut]
            )
            try peer.expectChannelClosed(.notFound, at: BasicPublish.id)
            try peer.setPrefetch(1, on: 2)
            try peer.openChannel(1)
            try peer.expectSilence()
        }
    }

    @Test(
        "out of place ends the connection",
        arguments: Misplaced.all
    )
    func misplaced(_ example: Misplaced) throws {
        let bytes = example.script.bytes
        for sizes in [[], [Int](repeating: 1, count: bytes.count)] {
            try DialogueBroker.play { broker in
                let peer = try broker.connect()
                try peer.declare("q")
                peer.send(bytes, inPiecesOf: sizes)
                try peer.expectConnectionClosed(example.code, at: example.method)
            }
        }
    }

    @Test("on two channels at once is kept apart")
    func interleaved() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.openChannel(2)
            try peer.declare("q")
            peer.send(
                Script()
                    .method(BasicPublish(routingKey: "q"), on: 1)
                    .method(BasicPublish(routingKey: "q"), on: 2)
                    .header(bodySize: 4, on: 2)
                    .header(bodySize: 3)
                    .frame(.body, Array("on".utf8), on: 1)
                    .frame(.body, Array("two2".utf8), on: 2)
                    .frame(.body, Array("e".utf8), on: 1)
                    .bytes
            )
            #expect(try peer.drain("q") == ["two2", "one"])
        }
    }

    @Test("that is announced and never sent costs next to nothing")
    func announcedOnly() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let before = broker.virtualHost.state.pool.liveBytes
            peer.send(
                Script()
                    .method(BasicPublish(routingKey: "q"))
                    .header(bodySize: 100_000_000)
                    .frame(.body, [1, 2, 3])
                    .bytes
            )
            #expect(broker.virtualHost.state.pool.liveBytes - before < 2 << 20)
        }
    }
}

/// Frames that do not belong where they are.
struct Misplaced: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let script: Script
    var code = ReplyCode.unexpectedFrame
    var method: MethodID? = BasicPublish.id

    static let all = [
        Misplaced(
            testDescription: "header without a method",
            script: Script().header(bodySize: 1)
        ),
        Misplaced(
            testDescription: "body without a method",
            script: Script().frame(.body, [1])
        ),
        Misplaced(
            testDescription: "body without a header",
            script: Script().method(BasicPublish(routingKey: "q")).frame(.body, [1])
        ),
        Misplaced(
            testDescription: "method in place of a header",
            script: Script().method(BasicPublish(routingKey: "q"))
                .method(BasicQos(prefetchCount: 1))
        ),
        Misplaced(
            testDescription: "publish in place of a header",
            script: Script().method(BasicPublish(routingKey: "q")).publish("b", to: "q")
        ),
        Misplaced(
            testDescription: "ack in place of a body",
            script: Script().method(BasicPublish(routingKey: "q"))
                .header(bodySize: 1).method(BasicAck(deliveryTag: 1))
        ),
        Misplaced(
            testDescription: "second header in place of a body",
            script: Script().method(BasicPublish(routingKey: "q"))
                .header(bodySize: 1).header(bodySize: 1)
        ),
        Misplaced(
            testDescription: "more body than announced",
            script: Script().method(BasicPublish(routingKey: "q"))
                .header(bodySize: 1).frame(.body, [1, 2])
        ),
        Misplaced(
            testDescription: "body behind an empty one",
            script: Script().publish("", to: "q").frame(.body, [1])
        ),
        Misplaced(
            testDescription: "header of another class",
            script: Script().method(BasicPublish(routingKey: "q"))
                .frame(.header, [0, 50, 0, 0] + [UInt8](repeating: 0, count: 10))
        ),
        Misplaced(
            testDescription: "header cut short",
            script: Script().method(BasicPublish(routingKey: "q"))
                .frame(.header, [0, 60, 0, 0]),
            code: .frameError,
            method: nil
        ),
        Misplaced(
            testDescription: "properties cut short",
            script: Script().method(BasicPublish(routingKey: "q"))
                .frame(.header, Script.headerPayload(bodySize: 0).dropLast(2) + [0x80, 0, 5, 65]),
            code: .frameError
        ),
    ]
}
