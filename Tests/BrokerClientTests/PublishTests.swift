import Testing
import Wire

@testable import BrokerClient

@Suite("Publish", .timeLimit(.minutes(5)))
struct PublishTests {
    /// Runs `script` after the handshake and confirm.select, and `body` against it.
    private func confirming(
        _ script: @escaping ScriptedServer.Script,
        windowMax: Int = 100,
        _ body: (Channel) async throws -> Void
    ) async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(ConfirmSelect.self)
            peer.send(ConfirmSelectOk())
            try script(peer)
        } _: { channel in
            try await channel.enableConfirms(windowMax: windowMax)
            try await body(channel)
        }
    }

    @Test("a message arrives with its properties, its body cut at frame-max")
    func content() async throws {
        let body = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        var properties = BasicProperties()
        properties.contentType = "text/plain"
        properties.headers = ["n": .int32(5)]
        let message = Message(body, properties: properties)
        let server = try ScriptedServer { peer in
            try peer.accept(tune: ConnectionTune(frameMax: 4096))
            try peer.expect(ChannelOpen.self)
            peer.send(ChannelOpenOk())
            let (publish, received) = try peer.expectPublish()
            guard publish.exchange == "x", publish.routingKey == "k", publish.mandatory,
                received == message
            else { throw ScriptedServer.Departure(description: "\(publish)") }
            guard try peer.expectPublish().1 == Message([]) else {
                throw ScriptedServer.Departure(description: "an empty message has a body")
            }
            try peer.expectGoodbye()
        }
        let connection = try await Connection.open(server.options)
        let channel = try await connection.openChannel()
        let number = try await channel.publish(message, to: "x", routingKey: "k", isMandatory: true)
        #expect(number == nil)
        try await channel.publish(Message([]), routingKey: "k")
        await connection.close()
        try await server.finish()
    }

    @Test("each publisher gets the word on its own message, whatever their order")
    func confirmed() async throws {
        try await confirming { peer in
            for _ in 0..<3 { _ = try peer.expectPublish() }
            peer.send(BasicNack(deliveryTag: 2))
            peer.send(BasicAck(deliveryTag: 3, multiple: true))
            try peer.expectGoodbye()
        } _: { channel in
            #expect(try await channel.publish(Message("1"), routingKey: "q")?.value == 1)
            async let second = channel.publishConfirmed(Message("2"), routingKey: "q")
            async let third = channel.publishConfirmed(Message("3"), routingKey: "q")
            let outcomes = try await [second, third]
            #expect(outcomes.filter(\.self).count == 1)
            let counts = try await channel.waitForConfirms()
            #expect(counts == ConfirmCounts(accepted: 2, refused: 1))
        }
    }

    @Test("a full window holds the next publish until a confirm comes")
    func window() async throws {
        let (held, isHeld) = AsyncStream<Void>.makeStream()
        try await confirming(
            { peer in
                for _ in 0..<2 { _ = try peer.expectPublish() }
                // A method of another task passes, the third message does not.
                try peer.expect(BasicQos.self)
                peer.send(BasicQosOk())
                peer.send(BasicAck(deliveryTag: 1))
                _ = try peer.expectPublish()
                peer.send(BasicAck(deliveryTag: 0, multiple: true))
                try peer.expectGoodbye()
            },
            windowMax: 2
        ) { channel in
            let publisher = Task {
                for number in 1...3 {
                    try await channel.publish(Message("\(number)"), routingKey: "q")
                    if number == 2 { isHeld.yield() }
                }
            }
            for await _ in held { break }
            try await channel.setPrefetch(1)
            try await publisher.value
            #expect(try await channel.waitForConfirms().accepted == 3)
        }
    }

    @Test("a task that waits for confirms can be cancelled")
    func cancelledWait() async throws {
        try await confirming { peer in
            for _ in 0..<2 { _ = try peer.expectPublish() }
            try peer.expectGoodbye()
        } _: { channel in
            try await channel.publish(Message("m"), routingKey: "q")
            let all = Task { try await channel.waitForConfirms() }
            let one = Task { try await channel.publishConfirmed(Message("m"), routingKey: "q") }
            let session = channel.session
            while session.lock.withLock({ session.awaitedAnswers }) < 2 { await Task.yield() }
            all.cancel()
            one.cancel()
            await #expect(throws: ClientError.cancelled) { try await all.value }
            await #expect(throws: ClientError.cancelled) { try await one.value }
            #expect(session.lock.withLock { session.awaitedAnswers } == 0)
        }
    }

    @Test("confirms are reported as they came")
    func confirmations() async throws {
        try await confirming { peer in
            for _ in 0..<3 { _ = try peer.expectPublish() }
            peer.send(BasicAck(deliveryTag: 2, multiple: true))
            peer.send(BasicNack(deliveryTag: 3))
            try peer.expectGoodbye()
        } _: { channel in
            var confirmations = channel.confirmations.makeAsyncIterator()
            for _ in 0..<3 { try await channel.publish(Message("m"), routingKey: "q") }
            let first = await confirmations.next()
            #expect(first?.sequenceNumber == PublishSequenceNumber(2))
            #expect(first?.isMultiple == true)
            #expect(first?.isAccepted == true)
            #expect(await confirmations.next()?.isAccepted == false)
        }
    }

    @Test("a returned message comes back before its confirm")
    func returned() async throws {
        try await confirming { peer in
            let (publish, message) = try peer.expectPublish()
            let back = BasicReturn(
                replyCode: 312,
                replyText: "NO_ROUTE",
                exchange: publish.exchange,
                routingKey: publish.routingKey
            )
            peer.send(back, message)
            peer.send(BasicAck(deliveryTag: 1))
            try peer.expectGoodbye()
        } _: { channel in
            let returns = channel.returns
            let isAccepted = try await channel.publishConfirmed(
                Message("lost"),
                routingKey: "nowhere",
                isMandatory: true
            )
            #expect(isAccepted)
            #expect(channel.returnedCount == 1)
            await channel.connection.close()
            var all: [ReturnedMessage] = []
            for await returned in returns { all.append(returned) }
            #expect(all.map(\.replyCode) == [312])
            #expect(all.first?.message == Message("lost"))
        }
    }

    @Test("a confirm for a message never published ends the connection")
    func unknownConfirm() async throws {
        try await confirming { peer in
            peer.send(BasicAck(deliveryTag: 1))
            try peer.expectEnd()
        } _: { channel in
            for await _ in channel.connection.notices {}
            guard case .protocolViolation = channel.end else {
                Issue.record("accepted")
                return
            }
        }
    }

    @Test("publishing waits while the broker has stopped the channel's flow")
    func flow() async throws {
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            try peer.expect(BasicQos.self)
            peer.send(ChannelFlow(active: false))
            try peer.expect(ChannelFlowOk.self)
            peer.send(BasicQosOk())
            try peer.expect(BasicQos.self)
            peer.send(ChannelFlow(active: true))
            try peer.expect(ChannelFlowOk.self)
            peer.send(BasicQosOk())
            _ = try peer.expectPublish()
            try peer.expectGoodbye()
        }
        let connection = try await Connection.open(server.options)
        let channel = try await connection.openChannel()
        try await channel.setPrefetch(1)
        let publisher = Task { try await channel.publish(Message("m"), routingKey: "q") }
        try await channel.setPrefetch(1)
        _ = try await publisher.value
        await connection.close()
        try await server.finish()
    }

    @Test("tasks cancelled in the moment they are woken do not lock up", .timeLimit(.minutes(5)))
    func cancelAndWake() async throws {
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            while try peer.receiveBytes() != nil {}
        }
        var options = server.options
        options.closeTimeout = .milliseconds(500)
        let connection = try await Connection.open(options)
        let session = try await connection.openChannel().session
        let (asked, isAsked) = AsyncStream<Void>.makeStream()
        var questions = asked.makeAsyncIterator()
        for _ in 0..<2_000 {
            let waiters = (0..<4).map { _ in
                Task {
                    await session.waitToPublish {
                        isAsked.yield()
                        return false
                    }
                }
            }
            // Who has asked under the lock waits once the lock is free again.
            for _ in waiters { await questions.next() }
            let waker = Task { session.lock.withLock { session.wakePublishers() } }
            for waiter in waiters { waiter.cancel() }
            await waker.value
            for waiter in waiters { await waiter.value }
        }
        #expect(session.lock.withLock { session.awaitedAnswers } == 0)
        await connection.close()
        try await server.finish()
    }

    @Test("a publisher faster than the broker is suspended, and a cancelled one let go")
    func outboundBound() async throws {
        let (done, isDone) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            // Reads nothing until the publisher is stuck.
            let isOver = Gate()
            Task {
                for await _ in done { break }
                isOver.open()
            }
            isOver.wait()
            while try peer.receiveBytes() != nil {}
        }
        var options = server.options
        options.outboundBytesMax = 64 << 10
        options.closeTimeout = .milliseconds(500)
        let connection = try await Connection.open(options)
        let channel = try await connection.openChannel()
        let session = channel.session
        let body = Message([UInt8](repeating: 0, count: 60_000))
        let publisher = Task { while true { try await channel.publish(body, routingKey: "q") } }
        // Both socket buffers fill up, then the bound holds the publisher.
        while session.lock.withLock({ session.awaitedAnswers }) == 0 { await Task.yield() }
        #expect(
            session.lock.withLock { session.outbound.bytes.count } < 2 * options.outboundBytesMax
        )
        publisher.cancel()
        await #expect(throws: ClientError.cancelled) { try await publisher.value }
        isDone.yield()
        await connection.close()
        try await server.finish()
    }
}
