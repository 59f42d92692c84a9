import Testing
import Wire

@testable import Broker

@Suite("Management handler")
struct ManagementHandlerTests {
    private let broker = InspectedBroker()

    /// A client on channel 1 with a queue `q` bound to `x`, a topic exchange.
    private func client() -> Connection {
        let connection = broker.connect()
        broker.send(ChannelOpen(), connection)
        broker.send(QueueDeclare(queue: "q", durable: true), connection)
        broker.send(ExchangeDeclare(exchange: "x", type: "topic"), connection)
        broker.send(QueueBind(queue: "q", exchange: "x", routingKey: "a.*"), connection)
        return connection
    }

    @Test("shows what a queue holds and what has passed through it")
    func queue() {
        let client = client()
        for _ in 0..<3 { broker.publish(key: "q", client) }
        broker.send(BasicQos(prefetchCount: 2), client)
        broker.send(BasicConsume(queue: "q", consumerTag: "ct"), client)
        #expect(
            broker.text(
                "GET /api/queues/%2F/q?columns=name,durable,messages,messages_ready,"
                    + "messages_unacknowledged,message_bytes_ready,consumers,"
                    + "message_stats.publish,message_stats.deliver"
            )
                == #"{"name":"q","durable":true,"consumers":1,"messages":3,"messages_ready":1,"#
                + #""messages_unacknowledged":2,"message_bytes_ready":5,"#
                + #""message_stats":{"publish":3,"deliver":2}}"#
        )
        #expect(
            broker.text("GET /api/queues/%2F/q").contains(
                #""consumer_details":[{"queue":{"name":"q","vhost":"/"},"consumer_tag":"ct""#
            )
        )
    }

    @Test("shows bindings at either end, the one to the nameless exchange too")
    func bindings() {
        let client = client()
        broker.send(ExchangeBind(destination: "x", source: "amq.fanout"), client)
        let columns = "?columns=source,destination,destination_type,routing_key"
        let own =
            #"{"source":"","destination":"q","destination_type":"queue","routing_key":"q"}"#
        let topic =
            #"{"source":"x","destination":"q","destination_type":"queue","routing_key":"a.*"}"#
        let fanout =
            #"{"source":"amq.fanout","destination":"x","destination_type":"exchange","#
            + #""routing_key":""}"#
        #expect(broker.text("GET /api/bindings" + columns) == "[\(own),\(fanout),\(topic)]")
        #expect(broker.text("GET /api/queues/%2F/q/bindings" + columns) == "[\(own),\(topic)]")
        #expect(
            broker.text("GET /api/exchanges/%2F/x/bindings/source" + columns) == "[\(topic)]"
        )
        #expect(
            broker.text("GET /api/exchanges/%2F/x/bindings/destination" + columns) == "[\(fanout)]"
        )
        #expect(
            broker.text("GET /api/exchanges/%2F/amq.default/bindings/source" + columns)
                == "[\(own)]"
        )
        #expect(broker.text("GET /api/bindings/%2F/e/x/q/q" + columns) == "[\(topic)]")
        #expect(broker.text("GET /api/bindings/%2F/e/x/q/q/a.%252A" + columns) == topic)
        #expect(broker.text("GET /api/bindings/%2F/e/amq.fanout/e/x/~" + columns) == fanout)
    }

    @Test("shows connections, channels and consumers to each other")
    func clients() {
        let client = client()
        broker.send(ChannelOpen(), on: 2, client)
        broker.send(ConfirmSelect(), on: 2, client)
        broker.send(BasicConsume(queue: "q", consumerTag: "ct", noAck: true), client)
        let name = "127.0.0.1%3A40000%20-%3E%20127.0.0.1%3A5672"
        #expect(
            broker.text("GET /api/connections?columns=name,user,state,channels,auth_mechanism")
                == #"[{"name":"127.0.0.1:40000 -> 127.0.0.1:5672","user":"guest","#
                + #""state":"running","auth_mechanism":"PLAIN","channels":2}]"#
        )
        #expect(
            broker.text("GET /api/connections/\(name)/channels?columns=number,confirm")
                == #"[{"number":1,"confirm":false},{"number":2,"confirm":true}]"#
        )
        #expect(
            broker.text("GET /api/channels/\(name)%20(1)?columns=number,consumer_count")
                == #"{"number":1,"consumer_count":1}"#
        )
        #expect(
            broker.text("GET /api/consumers?columns=consumer_tag,ack_required,queue.name")
                == #"[{"queue":{"name":"q"},"consumer_tag":"ct","ack_required":false}]"#
        )
        #expect(broker.ask("GET /api/connections/\(name)").status == 200)
        #expect(broker.ask("GET /api/connections/nope").status == 404)
        #expect(broker.ask("GET /api/channels/\(name)%20(3)").status == 404)
        #expect(broker.ask("GET /api/channels/nope").status == 404)
    }

    @Test("shows the journal, what the last start could not use, and why publishers are held back")
    func storage() {
        let broker = InspectedBroker()
        #expect(broker.text("GET /api/x/storage") == "[]")
        var report = RecoveryReport()
        var loss = RecoveryReport.Loss(.damagedRecords, file: "f", offset: 64, 0..<100)
        loss.octets = .setAside("damaged/f.64")
        report.losses = [loss]
        broker.domain.recovery = RecoverySummary(
            report: report,
            losses: [.queue("q", reason: "why")],
            queueCount: 1,
            messageCount: 2,
            endedInTransaction: true,
            milliseconds: 3
        )
        broker.domain.journalStatus = JournalStatus(
            segmentCount: 1,
            size: 4096,
            syncedLSN: 9,
            indexFailure: .diskFull(path: "i"),
            freeSpace: 10
        )
        #expect(
            broker.text("GET /api/x/storage")
                == #"[{"vhost":"/","sync":"confirm","segments":1,"bytes":4096,"end_lsn":1,"#
                + #""confirmed_lsn":1,"synced_lsn":9,"unconfirmed_bytes":0,"disk_free":10,"#
                + #""disk_free_limit":67108864,"blocked":null,"#
                + #""index_failure":"no space left on the disk of i","lost_messages":0,"#
                + #""lost_from":[],"recovery":{"milliseconds":3,"records":0,"queues":1,"#
                + #""messages":2,"segments_read":0,"segments_indexed":0,"#
                + #""ended_in_transaction":true,"lost_records":true,"losses_count":1,"#
                + #""losses":[{"kind":"damagedRecords","file":"f","offset":64,"bytes":100,"#
                + #""first_lsn":0,"end_lsn":100,"saved_records":0,"#
                + #""set_aside":"damaged/f.64"}],"not_restored_count":1,"#
                + #""not_restored":[{"queue":"q","reason":"why"}]}}]"#
        )
        #expect(broker.ask("GET /api/health/checks/alarms").status == 200)
        broker.domain.virtualHost.blockPublishers("no space")
        #expect(broker.ask("GET /api/health/checks/alarms").status == 503)
        #expect(broker.text("GET /api/nodes?columns=disk_free_alarm").contains("true"))
        #expect(broker.domain.virtualHost.unblockPublishers().isEmpty)
    }

    @Test("counts everything in the overview, deliveries of channels that are gone too")
    func overview() {
        let client = client()
        broker.publish(key: "q", client)
        broker.send(BasicGet(queue: "q", noAck: true), client)
        broker.send(ChannelClose(replyCode: 200, classID: 0, methodID: 0), client)
        broker.send(ChannelOpen(), on: 2, client)
        broker.send(BasicConsume(queue: "q", noAck: true), on: 2, client)
        broker.publish(key: "q", on: 2, client)
        #expect(
            broker.text(
                "GET /api/overview?columns=object_totals,message_stats.publish,"
                    + "message_stats.get_no_ack,message_stats.deliver_no_ack,durability"
            )
                == #"{"object_totals":{"connections":1,"channels":1,"exchanges":9,"queues":1,"#
                + #""consumers":1},"message_stats":{"publish":2,"deliver_no_ack":1,"#
                + #""get_no_ack":1},"durability":"confirms wait for fdatasync"}"#
        )
        #expect(broker.text("GET /api/vhosts").contains(#""get_no_ack":1"#))
    }

    @Test("answers 404 for what is not there, in a virtual host that is not there too")
    func missing() {
        let targets = [
            "GET /api/queues/%2F/nope", "GET /api/queues/nope", "GET /api/queues/nope/q",
            "GET /api/queues/%2F/nope/bindings", "GET /api/exchanges/%2F/nope",
            "GET /api/exchanges/%2F/nope/bindings/source", "GET /api/bindings/%2F/e/nope/q/q",
            "GET /api/bindings/%2F/e/amq.topic/q/nope", "GET /api/vhosts/nope",
            "GET /api/nodes/nope", "GET /api/aliveness-test/nope", "DELETE /api/queues/%2F/nope",
            "DELETE /api/exchanges/%2F/nope", "DELETE /api/connections/nope",
            "DELETE /api/queues/%2F/nope/contents", "GET /api/nope",
        ]
        for target in targets { #expect(broker.ask(target).status == 404, "\(target)") }
    }

    @Test("says who asks, which node, and that it is alive")
    func server() {
        #expect(
            broker.text("GET /api/whoami") == #"{"name":"guest","tags":["administrator"]}"#
        )
        #expect(broker.text("GET /api/cluster-name") == #"{"name":"brokerd@test"}"#)
        #expect(broker.text("GET /api/x/ping") == #"{"status":"ok"}"#)
        #expect(broker.text("GET /api/aliveness-test/%2F") == #"{"status":"ok"}"#)
        #expect(
            broker.text("GET /api/nodes?columns=name,running,os_pid")
                == #"[{"name":"brokerd@test","running":true,"os_pid":"7"}]"#
        )
        #expect(broker.ask("GET /api/nodes/brokerd@test").status == 200)
    }

    @Test("takes a target too long for a routing key from a header")
    func targetHeader() {
        let response = broker.ask("*", headers: ["target": .string("GET /api/x/ping")])
        #expect(response.status == 200)
    }

    @Test("refuses methods a path does not understand")
    func wrongMethod() {
        #expect(broker.ask("PUT /api/queues/%2F/q").status == 405)
        #expect(broker.ask("GET /api/queues/%2F/q/contents").status == 405)
        #expect(broker.ask("nonsense").status == 400)
    }
}
