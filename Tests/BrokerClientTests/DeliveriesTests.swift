import Testing
import Wire

@testable import BrokerClient

@Suite("Deliveries", .timeLimit(.minutes(5)))
struct DeliveriesTests {
    @Test("deliveries that come with the answer are not lost, and cancel ends them in order")
    func inOrder() async throws {
        try await ScriptedServer.dialogue { peer in
            let consume = try peer.expect(BasicConsume.self)
            guard consume.queue == "q", consume.noAck, consume.exclusive else {
                throw ScriptedServer.Departure(description: "\(consume)")
            }
            var encoder = FrameEncoder()
            encoder.appendMethod(BasicConsumeOk(consumerTag: "c"), channel: 1)
            for tag in 1...3 {
                let deliver = BasicDeliver(
                    consumerTag: "c",
                    deliveryTag: UInt64(tag),
                    redelivered: tag == 3,
                    exchange: "x",
                    routingKey: "k"
                )
                encoder.appendMethod(deliver, channel: 1)
                let body = [UInt8](repeating: UInt8(tag), count: tag * 3000)
                encoder.appendContent(
                    body,
                    properties: BasicProperties(),
                    channel: 1,
                    frameMax: 4096
                )
            }
            peer.sendBytes(encoder.bytes)
            try peer.expect(BasicCancel.self)
            peer.send(BasicCancelOk(consumerTag: "c"))
            try peer.expectGoodbye()
        } _: { channel in
            var options = Channel.ConsumeOptions()
            options.isNoAck = true
            options.isExclusive = true
            let deliveries = try await channel.consume("q", options: options)
            #expect(deliveries.consumerTag == "c")
            try await channel.cancel(deliveries.consumerTag)
            var seen: [Delivery] = []
            for try await delivery in deliveries { seen.append(delivery) }
            #expect(seen.map(\.tag.value) == [1, 2, 3])
            #expect(seen.map(\.message.body.count) == [3000, 6000, 9000])
            #expect(seen.map(\.isRedelivered) == [false, false, true])
            #expect(seen.first?.exchange == "x")
            #expect(seen.first?.routingKey == "k")
        }
    }

    @Test("a stream cut at any octet gives the same deliveries")
    func splits() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            var encoder = FrameEncoder()
            let deliver = BasicDeliver(
                consumerTag: "c",
                deliveryTag: 1,
                redelivered: false,
                exchange: "",
                routingKey: "q"
            )
            encoder.appendMethod(deliver, channel: 1)
            encoder.appendContent(
                Array("split".utf8),
                properties: BasicProperties(),
                channel: 1,
                frameMax: 4096
            )
            for byte in encoder.bytes { peer.sendBytes([byte]) }
            try peer.expectGoodbye()
        } _: { channel in
            let deliveries = try await channel.consume("q")
            var iterator = deliveries.makeAsyncIterator()
            #expect(try await iterator.next()?.message == Message("split"))
        }
    }

    @Test("a consumer the broker cancels ends with an error after what was delivered")
    func cancelledByBroker() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            peer.deliver(1, "last")
            peer.send(BasicCancel(consumerTag: "c", noWait: true))
            try peer.expectGoodbye()
        } _: { channel in
            let deliveries = try await channel.consume("q")
            var iterator = deliveries.makeAsyncIterator()
            #expect(try await iterator.next()?.message == Message("last"))
            do throws(ClientError) {
                _ = try await iterator.next()
                Issue.record("no error")
            } catch {
                #expect(error == .consumerCancelled("c"))
            }
            #expect(try await iterator.next() == nil)
        }
    }

    @Test("closing the connection ends a waiting reader without an error")
    func closed() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            try peer.expectGoodbye()
        } _: { channel in
            let deliveries = try await channel.consume("q")
            let reader = Task { () async throws(ClientError) -> Int in
                var count = 0
                for try await _ in deliveries { count += 1 }
                return count
            }
            await channel.connection.close()
            #expect(try await reader.value == 0)
        }
    }

    @Test("a cancelled reader gets the end, and the next one what comes then")
    func cancelledReader() async throws {
        let (waiting, isWaiting) = AsyncStream<Void>.makeStream()
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            try peer.expect(BasicQos.self)
            peer.send(BasicQosOk())
            peer.deliver(1, "later")
            try peer.expectGoodbye()
        } _: { channel in
            let deliveries = try await channel.consume("q")
            let reader = Task { () async throws(ClientError) -> Delivery? in
                isWaiting.yield()
                var iterator = deliveries.makeAsyncIterator()
                return try await iterator.next()
            }
            for await _ in waiting { break }
            reader.cancel()
            #expect(try await reader.value == nil)
            try await channel.setPrefetch(1)
            var iterator = deliveries.makeAsyncIterator()
            #expect(try await iterator.next()?.message == Message("later"))
        }
    }

    @Test(
        "reading stops when deliveries pile up, and resumes for an answer or when they are taken"
    )
    func backPressure() async throws {
        let total = 2000
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            for tag in 1...100 { peer.deliver(UInt64(tag), "m") }
            try peer.expect(QueueDeclare.self)
            for tag in 101...200 { peer.deliver(UInt64(tag), "m") }
            peer.send(QueueDeclareOk(queue: "other", messageCount: 0, consumerCount: 0))
            for tag in 201...total { peer.deliver(UInt64(tag), "m") }
            try peer.expectGoodbye()
        } options: {
            $0.unreadDeliveriesMax = 10
        } _: { channel in
            var options = Channel.ConsumeOptions()
            options.isNoAck = true
            let deliveries = try await channel.consume("q", options: options)
            let session = channel.session
            while session.lock.withLock({ session.fullBuffers }) == 0 { await Task.yield() }
            // The answer lies behind deliveries that nobody takes.
            #expect(try await channel.declareQueue("other").name == "other")
            #expect(session.lock.withLock { session.isHoldingInput })
            var expected: UInt64 = 1
            var iterator = deliveries.makeAsyncIterator()
            while expected <= UInt64(total) {
                let delivery = try #require(try await iterator.next())
                #expect(delivery.tag.value == expected)
                expected += 1
            }
            #expect(session.lock.withLock { session.fullBuffers } == 0)
        }
    }

    @Test(
        "content that contradicts itself ends the connection",
        arguments: ["body first", "too much", "second method", "huge", "header of another class"]
    )
    func malformed(_ kind: String) async throws {
        let deliver = BasicDeliver(
            consumerTag: "c",
            deliveryTag: 1,
            redelivered: false,
            exchange: "",
            routingKey: "q"
        )
        try await ScriptedServer.dialogue { peer in
            try peer.acceptConsumer()
            var header = ByteWriter()
            ContentHeader(bodySize: kind == "huge" ? 1 << 60 : 2).encode(into: &header)
            var payload = header.bytes
            if kind == "header of another class" { payload[1] = 50 }
            var encoder = FrameEncoder()
            if kind != "body first" {
                encoder.appendMethod(deliver, channel: 1)
                encoder.append(Frame(type: .header, channel: 1, payload: payload))
            }
            if kind == "second method" {
                encoder.appendMethod(deliver, channel: 1)
            } else {
                encoder.append(Frame(type: .body, channel: 1, payload: [1, 2, 3]))
            }
            peer.sendBytes(encoder.bytes)
            while try peer.receiveBytes() != nil {}
        } _: { channel in
            let deliveries = try await channel.consume("q")
            var iterator = deliveries.makeAsyncIterator()
            do throws(ClientError) {
                _ = try await iterator.next()
                Issue.record("accepted")
            } catch {
                guard case .protocolViolation = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }
}
