import Testing
import Wire

@testable import Broker

@Suite("Management changes")
struct ManagementChangesTests {
    private let broker = InspectedBroker()

    private func client() -> Connection {
        let connection = broker.connect()
        broker.send(ChannelOpen(), connection)
        broker.send(QueueDeclare(queue: "q"), connection)
        broker.send(ExchangeDeclare(exchange: "x", type: "direct"), connection)
        broker.send(QueueBind(queue: "q", exchange: "x", routingKey: "k"), connection)
        return connection
    }

    @Test("purging removes ready messages and leaves the queue")
    func purge() {
        let client = client()
        broker.publish(key: "q", client)
        #expect(broker.ask("DELETE /api/queues/%2F/q/contents") == .noContent)
        #expect(broker.text("GET /api/queues/%2F/q?columns=messages") == #"{"messages":0}"#)
    }

    @Test("deleting a queue respects if-empty and if-unused, and takes its bindings along")
    func deleteQueue() {
        let client = client()
        broker.publish(key: "q", client)
        let inUse = broker.ask("DELETE /api/queues/%2F/q?if-empty=true")
        #expect(inUse.status == 400)
        #expect(String(decoding: inUse.body, as: UTF8.self).contains("'q' in vhost '/' not empty"))
        broker.send(BasicConsume(queue: "q", noAck: true), client)
        #expect(broker.ask("DELETE /api/queues/%2F/q?if-unused=true").status == 400)
        #expect(broker.ask("DELETE /api/queues/%2F/q?if-empty=true") == .noContent)
        #expect(broker.ask("GET /api/queues/%2F/q").status == 404)
        #expect(broker.text("GET /api/exchanges/%2F/x/bindings/source") == "[]")
        #expect(broker.text("GET /api/consumers") == "[]")
    }

    @Test("a queue that is exclusive to a connection is left alone")
    func exclusive() {
        let client = client()
        broker.send(QueueDeclare(queue: "mine", exclusive: true), client)
        #expect(broker.ask("DELETE /api/queues/%2F/mine").status == 400)
        #expect(broker.ask("DELETE /api/queues/%2F/mine/contents").status == 400)
        #expect(broker.ask("GET /api/queues/%2F/mine").status == 200)
    }

    @Test("deleting an exchange respects if-unused and refuses reserved names with 401")
    func deleteExchange() {
        _ = client()
        #expect(broker.ask("DELETE /api/exchanges/%2F/x?if-unused=true").status == 400)
        #expect(broker.ask("DELETE /api/exchanges/%2F/x") == .noContent)
        #expect(broker.ask("GET /api/exchanges/%2F/x").status == 404)
        #expect(broker.ask("DELETE /api/exchanges/%2F/amq.topic").status == 401)
        #expect(broker.ask("DELETE /api/exchanges/%2F/amq.default").status == 401)
        #expect(broker.ask("DELETE /api/exchanges/%2F/brokerd.management").status == 401)
    }

    @Test("unbinding removes the one binding named")
    func unbind() {
        let client = client()
        broker.send(QueueBind(queue: "q", exchange: "x", routingKey: "other"), client)
        #expect(broker.ask("DELETE /api/bindings/%2F/e/x/q/q/k") == .noContent)
        #expect(
            broker.text("GET /api/bindings/%2F/e/x/q/q?columns=routing_key")
                == #"[{"routing_key":"other"}]"#
        )
        #expect(broker.ask("DELETE /api/bindings/%2F/e/x/q/q/k").status == 404)
    }

    @Test("closing a connection tells the client 320 and why")
    func close() throws {
        let client = client()
        _ = broker.output(of: client)
        let response = broker.ask(
            "DELETE /api/connections/127.0.0.1%3A40000%20-%3E%20127.0.0.1%3A5672",
            headers: ["x-reason": .string("maintenance")]
        )
        #expect(response == .noContent)
        let frame = try #require(try broker.frames(to: client).last)
        let close = try ByteView.with(frame.payload) { payload throws(WireError) in
            var reader = ByteReader(payload.slice(from: 4, count: payload.count - 4))
            return try ConnectionClose(from: &reader)
        }
        #expect(close.replyCode == 320)
        #expect(close.replyText == "CONNECTION_FORCED - maintenance")
        #expect(broker.text("GET /api/connections?columns=state") == #"[{"state":"closing"}]"#)
        #expect(broker.text("GET /api/channels") == "[]")
    }
}
