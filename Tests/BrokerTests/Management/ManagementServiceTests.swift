import Testing
import Wire

@testable import Broker

@Suite("Management service")
struct ManagementServiceTests {
    private let broker = InspectedBroker()

    private func start() throws -> (service: ManagementService, client: Connection) {
        let service = try ManagementService(broker.handler, startingAt: broker.now)
        broker.domain.virtualHost.state.management = service
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        broker.send(
            BasicConsume(queue: "amq.rabbitmq.reply-to", consumerTag: "r", noAck: true),
            client
        )
        _ = broker.output(of: client)
        return (service, client)
    }

    private func request(
        _ target: ShortString,
        _ correlation: ShortString,
        _ client: Connection,
        body: String = ""
    ) {
        var properties = BasicProperties()
        properties.replyTo = "amq.rabbitmq.reply-to"
        properties.correlationID = correlation
        broker.publish(
            body,
            exchange: "brokerd.management",
            key: target,
            properties: properties,
            client
        )
    }

    /// Header and body of every answer that has arrived.
    private func answers(to client: Connection) throws -> [(BasicProperties, String)] {
        var answers: [(BasicProperties, String)] = []
        for frame in try broker.frames(to: client) {
            switch frame.type {
            case .header:
                let header = try ByteView.with(frame.payload) { view throws(WireError) in
                    try ContentHeader(decoding: view)
                }
                answers.append((header.properties, ""))
            case .body:
                answers[answers.count - 1].1 += String(decoding: frame.payload, as: UTF8.self)
            default: break
            }
        }
        return answers
    }

    @Test("says that a change was made when it is on the disk, and what comes behind it after it")
    func durable() throws {
        let (service, client) = try start()
        let virtualHost = broker.domain.virtualHost
        virtualHost.startJournal(at: JournalState.firstLSN)
        let policy = #"{"pattern":"a","definition":{"max-length":1}}"#
        request("PUT /api/policies/%2F/p", "put", client, body: policy)
        request("GET /api/x/ping", "ping", client)
        service.answerWaiting()
        #expect(try answers(to: client).isEmpty)
        let batch = try #require(virtualHost.takeJournal())
        virtualHost.becomeDurable(batch)
        let answers = try answers(to: client)
        #expect(answers.map(\.0.correlationID) == ["put", "ping"])
        #expect(answers.map { $0.0.headers?["status"] } == [.int32(201), .int32(200)])
    }

    @Test("answers at the reply address with status, type and the request's correlation id")
    func answer() throws {
        let (service, client) = try start()
        request("GET /api/x/ping", "one", client)
        request("GET /api/nope", "two", client)
        #expect(try answers(to: client).isEmpty)
        service.answerWaiting()
        let answers = try answers(to: client)
        #expect(answers.map(\.0.correlationID) == ["one", "two"])
        #expect(answers.map { $0.0.headers?["status"] } == [.int32(200), .int32(404)])
        #expect(answers.map(\.0.contentType) == ["application/json", "application/json"])
        #expect(
            answers.map(\.1)
                == [
                    #"{"status":"ok"}"#, #"{"error":"Object Not Found","reason":"Not Found"}"#,
                ]
        )
    }

    @Test("refuses with 503 what does not fit into its line, after answering the rest")
    func overload() throws {
        let (service, client) = try start()
        let count = ManagementService.requestCountMax
        for _ in 0..<count { request("GET /api/x/ping", "fits", client) }
        request("GET /api/x/ping", "late", client)
        service.answerWaiting()
        let answers = try answers(to: client)
        #expect(answers.count == count + 1)
        #expect(answers.last?.0.correlationID == "late")
        #expect(answers.last?.0.headers?["status"] == .int32(503))
        request("GET /api/x/ping", "again", client)
        service.answerWaiting()
        #expect(try self.answers(to: client).first?.0.headers?["status"] == .int32(200))
    }

    @Test("answers nobody when the client has gone meanwhile")
    func gone() throws {
        let (service, client) = try start()
        request("GET /api/x/ping", "one", client)
        broker.drop(client)
        service.answerWaiting()
        #expect(broker.domain.virtualHost.state.dirty.count == 0)
    }

    @Test("turns counters into rates every five seconds, and back to nothing")
    func rates() throws {
        let (service, client) = try start()
        broker.send(QueueDeclare(queue: "q"), client)
        for _ in 0..<10 { broker.publish(key: "q", client) }
        broker.send(BasicConsume(queue: "q", noAck: true), client)
        broker.now += .seconds(5)
        service.takeReadings(at: broker.now)
        let queue =
            "GET /api/queues/%2F/q?columns=message_stats.publish_details,"
            + "message_stats.deliver_no_ack_details,idle_since"
        #expect(
            broker.text(queue)
                == #"{"idle_since":"2026-11-21T04:35:14.600+00:00","message_stats":{"#
                + #""publish_details":{"rate":2.0},"deliver_no_ack_details":{"rate":2.0}}}"#
        )
        #expect(
            broker.text("GET /api/channels?columns=message_stats.publish_details")
                == #"[{"message_stats":{"publish_details":{"rate":2.0}}}]"#
        )
        #expect(
            broker.text("GET /api/overview?columns=message_stats.deliver_no_ack_details")
                == #"{"message_stats":{"deliver_no_ack_details":{"rate":2.0}}}"#
        )
        #expect(
            broker.text("GET /api/exchanges/%2F/amq.default?columns=message_stats")
                == #"{"message_stats":{"publish_in":10,"publish_in_details":{"rate":2.0},"#
                + #""publish_out":10,"publish_out_details":{"rate":2.0}}}"#
        )
        #expect(
            !broker.text("GET /api/connections?columns=recv_oct_details").contains(":0.0")
        )
        broker.now += .seconds(5)
        service.takeReadings(at: broker.now)
        #expect(broker.text(queue).contains(#""publish_details":{"rate":0.0}"#))
        #expect(broker.text("GET /api/connections?columns=recv_oct_details").contains(":0.0"))
    }

    @Test("stops when it is told to", .timeLimit(.minutes(5)))
    func stop() throws {
        let (service, client) = try start()
        request("GET /api/x/ping", "one", client)
        let thread = try Thread(name: "test") { service.run() }
        service.stop()
        thread.join()
    }
}
