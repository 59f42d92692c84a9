import Testing
import Wire

@testable import BrokerClient

@Suite("Channel", .timeLimit(.minutes(5)))
struct ChannelTests {
    @Test("topology methods carry what they were given")
    func topology() async throws {
        try await ScriptedServer.dialogue { peer in
            let exchange = try peer.expect(ExchangeDeclare.self)
            guard exchange.exchange == "x", exchange.type == "topic", exchange.durable,
                exchange.internal, !exchange.autoDelete, !exchange.passive, !exchange.noWait
            else { throw ScriptedServer.Departure(description: "\(exchange)") }
            peer.send(ExchangeDeclareOk())
            let queue = try peer.expect(QueueDeclare.self)
            guard queue.exclusive, queue.arguments["x-max-length"] == .int64(5) else {
                throw ScriptedServer.Departure(description: "\(queue)")
            }
            peer.send(QueueDeclareOk(queue: "gen", messageCount: 3, consumerCount: 2))
            let bind = try peer.expect(QueueBind.self)
            guard bind.queue == "gen", bind.exchange == "x", bind.routingKey == "a.*" else {
                throw ScriptedServer.Departure(description: "\(bind)")
            }
            peer.send(QueueBindOk())
            try peer.expect(QueuePurge.self)
            peer.send(QueuePurgeOk(messageCount: 7))
            let delete = try peer.expect(QueueDelete.self)
            guard delete.ifEmpty, !delete.ifUnused else {
                throw ScriptedServer.Departure(description: "\(delete)")
            }
            peer.send(QueueDeleteOk(messageCount: 9))
            let unbind = try peer.expect(ExchangeUnbind.self)
            guard unbind.destination == "y", unbind.source == "x" else {
                throw ScriptedServer.Departure(description: "\(unbind)")
            }
            peer.send(ExchangeUnbindOk())
            try peer.expectGoodbye()
        } _: { channel in
            var exchange = Channel.ExchangeOptions()
            exchange.isDurable = true
            exchange.isInternal = true
            try await channel.declareExchange("x", type: "topic", options: exchange)
            var options = Channel.QueueOptions()
            options.isExclusive = true
            options.arguments = ["x-max-length": .int64(5)]
            let queue = try await channel.declareQueue(options: options)
            #expect(queue == .init(name: "gen", messageCount: 3, consumerCount: 2))
            try await channel.bind(.init(of: .queue(queue.name), to: "x", key: "a.*"))
            #expect(try await channel.purgeQueue("gen") == 7)
            #expect(try await channel.deleteQueue("gen", ifEmpty: true) == 9)
            try await channel.unbind(.init(of: .exchange("y"), to: "x"))
        }
    }

    @Test("a channel error reaches the call, ends the channel and leaves the connection")
    func channelError() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(QueueDeclare.self)
            peer.send(
                ChannelClose(replyCode: 404, replyText: "NOT_FOUND", classID: 50, methodID: 10)
            )
            try peer.expect(ChannelCloseOk.self)
            try peer.expect(ChannelOpen.self, on: 2)
            peer.send(ChannelOpenOk(), on: 2)
            try peer.expectGoodbye()
        } _: { channel in
            let reason = CloseReason(code: 404, text: "NOT_FOUND", method: QueueDeclare.id)
            #expect(reason.replyCode == .notFound)
            await #expect(throws: ClientError.channelClosed(reason)) {
                try await channel.checkQueue("q")
            }
            #expect(throws: ClientError.channelClosed(reason)) { try channel.ack(DeliveryTag(1)) }
            await #expect(throws: ClientError.channelClosed(reason)) {
                try await channel.publish(Message("x"), routingKey: "q")
            }
            _ = try await channel.connection.openChannel()
        }
    }

    @Test("an answer of the wrong kind, or to nothing, ends the connection's trust")
    func wrongAnswer() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(QueueDeclare.self)
            peer.send(QueuePurgeOk(messageCount: 0))
            try peer.expectGoodbye()
        } _: { channel in
            do {
                try await channel.declareQueue("q")
                Issue.record("purge-ok passed for declare-ok")
            } catch ClientError.protocolViolation(let text) {
                #expect(text.contains("queue.declare"))
            }
        }
        let server = try ScriptedServer { peer in
            try peer.acceptWithChannel()
            peer.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0))
            try peer.expectEnd()
        }
        let connection = try await Connection.open(server.options)
        let channel = try await connection.openChannel()
        for await _ in connection.notices {}
        guard case .protocolViolation = channel.end else {
            Issue.record("an answer to nothing was accepted")
            return
        }
        try await server.finish()
    }

    @Test("calls of several tasks are answered in the order sent")
    func pipelined() async throws {
        try await ScriptedServer.dialogue { peer in
            var queues: [ShortString] = []
            for _ in 0..<8 { queues.append(try peer.expect(QueueDeclare.self).queue) }
            for queue in queues {
                peer.send(QueueDeclareOk(queue: queue, messageCount: 0, consumerCount: 0))
            }
            try peer.expectGoodbye()
        } _: { channel in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        let name = ShortString(shortening: "q\(index)")
                        return try await channel.declareQueue(name).name == name
                    }
                }
                for try await isOwn in group { #expect(isOwn) }
            }
        }
    }

    @Test("a cancelled call lets its task go, and its late answer is not taken for another's")
    func cancelled() async throws {
        let (requests, arrived) = AsyncStream<Void>.makeStream()
        try await ScriptedServer.dialogue { peer in
            try peer.expect(QueueDeclare.self)
            arrived.yield()
            let second = try peer.expect(QueueDeclare.self)
            peer.send(QueueDeclareOk(queue: "first", messageCount: 0, consumerCount: 0))
            peer.send(QueueDeclareOk(queue: second.queue, messageCount: 0, consumerCount: 0))
            try peer.expectGoodbye()
        } _: { channel in
            let task = Task { try await channel.declareQueue("first") }
            for await _ in requests { break }
            task.cancel()
            await #expect(throws: ClientError.cancelled) { try await task.value }
            let second = try await channel.declareQueue("second")
            #expect(second.name == "second")
        }
    }

    @Test("get brings a message with what is left, or nothing")
    func get() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(BasicGet.self)
            let answer = BasicGetOk(
                deliveryTag: 4,
                redelivered: true,
                exchange: "x",
                routingKey: "k",
                messageCount: 6
            )
            peer.send(answer, Message("body"))
            try peer.expect(BasicGet.self)
            peer.send(BasicGetEmpty())
            try peer.expectGoodbye()
        } _: { channel in
            let fetched = try #require(try await channel.get("q"))
            #expect(fetched.message == Message("body"))
            #expect(fetched.tag == DeliveryTag(4))
            #expect(fetched.isRedelivered)
            #expect(fetched.messageCount == 6)
            #expect(try await channel.get("q") == nil)
        }
    }

    @Test("transactions, recovery and settling send their methods")
    func settling() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(TxSelect.self)
            peer.send(TxSelectOk())
            guard try peer.expect(BasicAck.self) == BasicAck(deliveryTag: 3, multiple: true),
                try peer.expect(BasicReject.self) == BasicReject(deliveryTag: 4, requeue: false),
                try peer.expect(BasicNack.self)
                    == BasicNack(deliveryTag: 5, multiple: false, requeue: true)
            else { throw ScriptedServer.Departure(description: "wrong settling") }
            try peer.expect(TxCommit.self)
            peer.send(TxCommitOk())
            try peer.expect(TxRollback.self)
            peer.send(TxRollbackOk())
            try peer.expect(BasicRecover.self)
            peer.send(BasicRecoverOk())
            try peer.expectGoodbye()
        } _: { channel in
            try await channel.selectTransactions()
            try channel.ack(DeliveryTag(3), isMultiple: true)
            try channel.reject(DeliveryTag(4), requeue: false)
            try channel.nack(DeliveryTag(5), requeue: true)
            try await channel.commit()
            try await channel.rollback()
            try await channel.recover()
        }
    }

    @Test("when both sides close at once, the broker's reason is kept and its answer ignored")
    func bothClose() async throws {
        try await ScriptedServer.dialogue { peer in
            try peer.expect(ChannelClose.self)
            peer.send(ChannelClose(replyCode: 404, replyText: "late", classID: 60, methodID: 40))
            peer.send(ChannelCloseOk())
            try peer.expect(ChannelCloseOk.self)
            try peer.expectGoodbye()
        } _: { channel in
            await channel.close()
            let reason = CloseReason(code: 404, text: "late", method: BasicPublish.id)
            #expect(channel.end == .channelClosed(reason))
        }
    }
}
