import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Back-pressure")
struct BackPressureTests {
    private var limits: Limits {
        var limits = Limits()
        limits.outboundSizeHigh = 10_000
        limits.outboundSizeMax = 40_000
        return limits
    }

    private func text(_ number: Int) -> String {
        String(repeating: "x", count: 1_000 - 10) + String(number + 1_000_000_000)
    }

    private func fill(_ queue: ShortString, _ count: Int, _ peer: ScriptedPeer) {
        var script = Script()
        for number in 0..<count { script = script.publish(text(number), to: queue) }
        peer.send(script.bytes)
    }

    @Test("a consumer that does not read gets no more than its buffer, and the rest when it does")
    func slowConsumer() throws {
        try DialogueBroker.play(limits: limits) { broker in
            let publisher = try broker.connect()
            let consumer = try broker.connect()
            try publisher.declare("q")
            try consumer.consume("q", "c", noAck: true)
            consumer.socketRoom = 0
            fill("q", 100, publisher)
            let queue = try broker.queue("q")
            let waiting = consumer.waitingSize
            #expect(waiting >= 10_000)
            #expect(waiting < 12_000)
            #expect(queue.state.ready.count > 80)
            // A little room is not worth a turn; the buffer has to get half empty.
            let before = queue.state.ready.count
            consumer.read(8_000)
            #expect(queue.state.ready.count < before)
            consumer.read(nil)
            #expect(try consumer.texts() == (0..<100).map(text))
            #expect(queue.state.ready.count == 0)
        }
    }

    @Test("a consumer that does not read takes nothing from the others")
    func otherConsumers() throws {
        try DialogueBroker.play(limits: limits) { broker in
            let publisher = try broker.connect()
            let slow = try broker.connect()
            let quick = try broker.connect()
            try publisher.declare("q")
            try slow.consume("q", "slow", noAck: true)
            try quick.consume("q", "quick", noAck: true)
            slow.socketRoom = 0
            fill("q", 200, publisher)
            let held = slow.waitingSize
            #expect(held < 12_000)
            #expect(try quick.texts().count > 180)
            #expect(try broker.queue("q").state.ready.isEmpty)
            slow.read(nil)
            #expect(try slow.texts().count < 15)
        }
    }

    @Test("a client that fetches and does not read is held, and loses nothing")
    func slowGetter() throws {
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q")
            fill("q", 200, peer)
            peer.socketRoom = 0
            var script = Script()
            for _ in 0..<200 { script = script.method(BasicGet(queue: "q", noAck: true)) }
            peer.send(script.bytes)
            #expect(peer.isReadingHeld)
            #expect(peer.waitingSize < 42_000)
            #expect(try broker.queue("q").state.ready.count > 150)
            // Others are served meanwhile.
            try other.get("q", noAck: true)
            #expect(peer.isReadingHeld)
            peer.read(nil)
            #expect(!peer.isReadingHeld)
            var count = 0
            while try peer.has(on: 1) {
                guard let frame = try peer.takeFrame(on: 1) else { break }
                if frame.type == .body { count += 1 }
            }
            #expect(count == 199)
            #expect(peer.leftover.isEmpty)
        }
    }

    @Test("a publisher that does not read its returns is held at the bound", arguments: [0, 500])
    func slowPublisher(readingAtOnce: Int) throws {
        try DialogueBroker.play(limits: limits) { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            peer.socketRoom = 0
            let publish = Script().publish(text(0), to: "nowhere", mandatory: true).bytes
            for _ in 0..<500 {
                // The shell reads no more while reading is held.
                if !peer.isReadingHeld { peer.send(publish) }
                #expect(peer.waitingSize < 42_000)
                if readingAtOnce > 0 { peer.read(readingAtOnce) }
            }
            #expect(broker.virtualHost.state.pool.liveBytes < 200_000)
            peer.read(nil)
            #expect(!peer.isReadingHeld)
            peer.send(publish)
            #expect(!peer.isReadingHeld)
        }
    }

    @Test("a requester that does not read gets no more replies than its bound")
    func slowRequester() throws {
        try DialogueBroker.play(limits: limits) { broker in
            let requester = try broker.connect()
            let server = try broker.connect()
            try server.declare("requests")
            try requester.consume("amq.rabbitmq.reply-to", "r", noAck: true)
            var properties = BasicProperties()
            properties.replyTo = "amq.rabbitmq.reply-to"
            requester.send(Script().publish("ask", to: "requests", properties).bytes)
            let address = try #require(try server.get("requests").content.properties.replyTo)
            requester.socketRoom = 0
            fill(address, 100, server)
            #expect(requester.waitingSize < 42_000)
            requester.read(nil)
            #expect(try requester.deliveries().count < 42)
            server.publish("again", to: address)
            #expect(try requester.expectDelivery().text == "again")
        }
    }

    @Test(
        "stops and goes on at any amount of room without losing an octet",
        arguments: [1, 97, 4_096]
    )
    func trickle(step: Int) throws {
        try DialogueBroker.play(limits: limits) { broker in
            let publisher = try broker.connect()
            let consumer = try broker.connect()
            try publisher.declare("q")
            try consumer.setPrefetch(7)
            try consumer.consume("q", "c")
            consumer.socketRoom = 0
            fill("q", 30, publisher)
            var texts: [String] = []
            var rounds = 0
            while texts.count < 30, rounds < 40_000 {
                rounds += 1
                consumer.read(step)
                try consumer.decodeFrames()
                while consumer.frames.count >= 3 {
                    let delivery = try consumer.expectDelivery()
                    texts.append(delivery.text)
                    consumer.ack(delivery.tag)
                }
            }
            #expect(texts == (0..<30).map(text))
        }
    }

    @Test("large bodies wait by reference, and are freed as they leave")
    func largeBodies() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let consumers = try (0..<5).map { _ in try broker.connect() }
            try peer.declareExchange("fan", "fanout")
            for (index, consumer) in consumers.enumerated() {
                let queue = ShortString("q\(index)") ?? ""
                try consumer.declare(queue)
                try consumer.bind(queue, to: "fan")
                try consumer.consume(queue, "c", noAck: true)
                consumer.socketRoom = 0
            }
            let before = broker.virtualHost.state.pool.liveBytes
            let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 256) }
            peer.send(Script().publish(body, to: "", exchange: "fan").bytes)
            #expect(broker.virtualHost.state.pool.liveBytes - before < 150_000)
            for consumer in consumers {
                consumer.read(nil)
                #expect(try consumer.expectDelivery().content.body == body)
            }
            #expect(broker.virtualHost.state.pool.liveBytes == before)
        }
    }

    @Test(
        "bodies are cut again for a client with smaller frames",
        arguments: [0, 4_088, 4_089, 11_000, 12_288, 50_000]
    )
    func smallFrames(bodySize: Int) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            var manner = ScriptedPeer.Manner()
            manner.frameMax = 4_096
            let small = try broker.connect(manner)
            let body = (0..<bodySize).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try peer.declare("q")
            try small.consume("q", "c", noAck: true)
            peer.send(Script().publish(body, to: "q").bytes)
            try small.decodeFrames()
            #expect(small.frames.allSatisfy { $0.payload.count + Frame.overhead <= 4_096 })
            #expect(try small.expectDelivery().content.body == body)
            // The same for an answer to basic.get and for a return.
            try small.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            peer.send(Script().publish(body, to: "q").bytes)
            #expect(try small.get("q", noAck: true).content.body == body)
            small.send(
                Script().publish(body, to: "none", mandatory: true, frameMax: 4_096).bytes
            )
            try small.decodeFrames()
            #expect(small.frames.allSatisfy { $0.payload.count + Frame.overhead <= 4_096 })
            try small.expect(BasicReturn.self)
            #expect(try small.expectContent().body == body)
        }
    }
}
