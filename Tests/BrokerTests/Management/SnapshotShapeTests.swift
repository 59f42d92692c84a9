import Testing
import Wire

@testable import Broker

/// Members and types of every snapshot, held against a real RabbitMQ's.
@Suite("Snapshot shapes")
struct SnapshotShapeTests {
    private let peer = ConnectionPeer(
        host: "127.0.0.1",
        port: 40_000,
        localHost: "127.0.0.1",
        localPort: 5_672,
        isLoopback: true
    )
    private let slash = Array("/".utf8)

    private var busy: MessageTotals {
        var totals = MessageTotals()
        totals.publish = .init(count: 5, rate: 1)
        totals.deliver = .init(count: 3, rate: 0.5)
        totals.getNoAck = .init(count: 2, rate: 0)
        return totals
    }

    private var consumer: ConsumerSnapshot {
        ConsumerSnapshot(
            virtualHost: slash,
            queue: Array("q".utf8),
            tag: Array("ct".utf8),
            peer: peer,
            node: "n",
            channelNumber: 3,
            user: "guest",
            isAckRequired: true,
            isExclusive: false,
            prefetchCount: 7,
            activity: .up,
            priority: 0,
            unackedCount: 1,
            arguments: [:]
        )
    }

    private var queue: QueueSnapshot {
        QueueSnapshot(
            virtualHost: slash,
            name: Array("q".utf8),
            node: "n",
            type: Array("classic".utf8),
            isDurable: true,
            isAutoDelete: false,
            isExclusive: true,
            arguments: ["x-max-length": .int64(1)],
            policies: .none,
            owner: peer,
            consumerCount: 1,
            exclusiveConsumerTag: nil,
            activeConsumerTag: "ct",
            readyCount: 3,
            unackedCount: 2,
            readyBytes: 30,
            unackedBytes: 20,
            keptCount: nil,
            keptBytes: 0,
            pagedCount: 1,
            pagedBytes: 10,
            groupCount: nil,
            valueCount: nil,
            memoryBytes: 1_000,
            idleSince: WallTime(milliseconds: 0),
            isIdle: true,
            totals: busy
        )
    }

    private var channel: ChannelSnapshot {
        ChannelSnapshot(
            peer: peer,
            node: "n",
            number: 3,
            user: "guest",
            virtualHost: slash,
            isClosing: false,
            consumerCount: 1,
            prefetchCount: 7,
            globalPrefetchCount: 0,
            unackedCount: 2,
            unconfirmedCount: 0,
            uncommittedPublishCount: 0,
            uncommittedAckCount: 0,
            isConfirming: true,
            isTransactional: false,
            totals: busy
        )
    }

    private var connection: ConnectionSnapshot {
        ConnectionSnapshot(
            peer: peer,
            node: "n",
            user: "guest",
            virtualHost: slash,
            state: .running,
            channelCount: 1,
            channelMax: 2_047,
            frameMax: 131_072,
            timeout: 60,
            clientProperties: ["product": .string("p")],
            connectedAt: WallTime(milliseconds: 1),
            authMechanism: "PLAIN",
            received: .init(count: 1, rate: 0),
            sent: .init(),
            sendPending: 0
        )
    }

    private var exchange: ExchangeSnapshot {
        ExchangeSnapshot(
            virtualHost: slash,
            name: Array("x".utf8),
            type: "topic",
            isDurable: false,
            isAutoDelete: false,
            isInternal: false,
            arguments: [:],
            delayedCount: nil,
            policies: .none,
            rememberedCount: nil,
            publishIn: .init(count: 1, rate: 0),
            publishOut: .init()
        )
    }

    private var virtualHost: VirtualHostSnapshot {
        var snapshot = VirtualHostSnapshot(name: slash, node: "n")
        snapshot.objects = .init(connections: 1, channels: 2, exchanges: 8, queues: 3, consumers: 4)
        snapshot.readyCount = 5
        snapshot.unackedCount = 6
        snapshot.totals = busy
        return snapshot
    }

    private var overview: OverviewSnapshot {
        OverviewSnapshot(
            ServerDescription(
                product: "brokerd",
                version: "1",
                node: "n",
                processID: 1,
                processorCount: 2,
                listeners: [.init(host: "127.0.0.1", port: 5_672)]
            ),
            virtualHosts: [virtualHost, virtualHost],
            storage: [],
            memoryBytes: 1,
            uptime: .milliseconds(5)
        )
    }

    private func type(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .integer, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// Expects RabbitMQ's members with RabbitMQ's types, but for the differences named.
    private func expect(
        _ value: JSONValue?,
        _ golden: [String: String],
        extra: Set<String> = [],
        missing: Set<String> = [],
        location: SourceLocation = #_sourceLocation
    ) {
        guard case .object(let object)? = value else {
            Issue.record("not an object", sourceLocation: location)
            return
        }
        let ours = Set(object.members.map(\.name))
        #expect(ours.count == object.members.count, "a name twice", sourceLocation: location)
        let theirs = Set(golden.keys)
        #expect(ours.subtracting(theirs) == extra, sourceLocation: location)
        #expect(theirs.subtracting(ours) == missing, sourceLocation: location)
        for member in object.members {
            let type = type(member.value)
            guard let expected = golden[member.name], expected != "null", type != "null" else {
                continue
            }
            #expect(type == expected, "\(member.name)", sourceLocation: location)
        }
    }

    @Test("a queue has RabbitMQ's members, without those of its process and its backing store")
    func queueShape() {
        expect(
            queue.json,
            RabbitMQFields.queue,
            missing: [
                "backing_queue_status", "consumer_capacity", "consumer_utilisation",
                "garbage_collection", "head_message_timestamp", "messages_details",
                "messages_ready_details", "messages_ready_ram", "messages_unacknowledged_details",
                "messages_unacknowledged_ram", "recoverable_slaves", "reductions",
                "reductions_details",
            ]
        )
        expect(queue.json.value(at: ["message_stats"]), RabbitMQFields.queueStats)
        expect(queue.json.value(at: ["owner_pid_details"]), RabbitMQFields.connectionDetails)
    }

    @Test("an exchange has RabbitMQ's members")
    func exchangeShape() {
        expect(
            exchange.json,
            RabbitMQFields.exchange,
            extra: ["policy"],
            missing: ["user_who_performed_action"]
        )
        expect(exchange.json.value(at: ["message_stats"]), RabbitMQFields.exchangeStats)
    }

    @Test("a connection has RabbitMQ's members, without those of its process")
    func connectionShape() {
        expect(
            connection.json,
            RabbitMQFields.connection,
            missing: [
                "garbage_collection", "recv_cnt", "reductions", "reductions_details", "send_cnt",
            ]
        )
    }

    @Test("a channel has RabbitMQ's members, without those of its process")
    func channelShape() {
        expect(
            channel.json,
            RabbitMQFields.channel,
            missing: [
                "garbage_collection", "idle_since", "pending_raft_commands", "reductions",
                "reductions_details",
            ]
        )
        expect(channel.json.value(at: ["message_stats"]), RabbitMQFields.channelStats)
        expect(channel.json.value(at: ["connection_details"]), RabbitMQFields.connectionDetails)
    }

    @Test("a consumer has RabbitMQ's members, its priority and its unsettled messages")
    func consumerShape() {
        expect(
            consumer.json,
            RabbitMQFields.consumer,
            extra: ["messages_unacknowledged", "priority"]
        )
        expect(consumer.json.value(at: ["channel_details"]), RabbitMQFields.channelDetails)
    }

    @Test("a virtual host has RabbitMQ's members, without rates of its depth and octets")
    func virtualHostShape() {
        expect(
            virtualHost.json,
            RabbitMQFields.virtualHost,
            missing: [
                "messages_details", "messages_ready_details", "messages_unacknowledged_details",
                "recv_oct", "recv_oct_details", "send_oct", "send_oct_details",
            ]
        )
    }

    @Test("the overview has RabbitMQ's members, without Erlang's, and says what is not durable")
    func overviewShape() {
        expect(
            overview.json,
            RabbitMQFields.overview,
            extra: ["durability", "mem_used", "storage", "uptime"],
            missing: [
                "churn_rates", "erlang_full_version", "erlang_version", "rabbitmq_version",
                "release_series_support_status", "sample_retention_policies",
                "statistics_db_event_queue",
            ]
        )
        expect(overview.json.value(at: ["object_totals"]), RabbitMQFields.objectTotals)
        expect(
            overview.json.value(at: ["queue_totals"]),
            RabbitMQFields.queueTotals,
            missing: [
                "messages_details", "messages_ready_details", "messages_unacknowledged_details",
            ]
        )
        expect(
            overview.json.value(at: ["message_stats"]),
            RabbitMQFields.overviewStats,
            missing: ["disk_reads", "disk_reads_details", "disk_writes", "disk_writes_details"]
        )
    }

    @Test("the overview adds the virtual hosts up")
    func overviewSums() {
        #expect(overview.json.value(at: ["object_totals", "queues"]) == 6)
        #expect(overview.json.value(at: ["queue_totals", "messages"]) == 22)
        #expect(overview.json.value(at: ["message_stats", "publish"]) == 10)
        #expect(
            overview.json.value(at: ["message_stats", "publish_details", "rate"]) == .double(2)
        )
    }

    @Test("deliver_get is everything handed out")
    func deliverGet() {
        #expect(queue.json.value(at: ["message_stats", "deliver_get"]) == 5)
        #expect(
            queue.json.value(at: ["message_stats", "deliver_get_details", "rate"]) == .double(0.5)
        )
    }

    @Test("there are no message_stats while nothing has happened")
    func noStats() {
        #expect(MessageTotals().queueStats == nil)
        #expect(MessageTotals().channelStats == nil)
        #expect(MessageTotals().virtualHostStats == nil)
    }

    @Test("a channel that only published shows no deliveries, and the other way round")
    func channelHalves() {
        var published = MessageTotals()
        published.publish.count = 1
        #expect(published.channelStats?.value(at: ["publish"]) == 1)
        #expect(published.channelStats?.value(at: ["deliver"]) == nil)
        var consumed = MessageTotals()
        consumed.ack.count = 1
        #expect(consumed.channelStats?.value(at: ["publish"]) == nil)
        #expect(consumed.channelStats?.value(at: ["ack"]) == 1)
    }

    @Test("channels are listed by connection and number")
    func channelOrder() {
        #expect(channel.listOrder.last == [0, 3])
        #expect(channel.name == "127.0.0.1:40000 -> 127.0.0.1:5672 (3)")
    }
}

@Suite("Binding snapshot")
struct BindingSnapshotTests {
    private func binding(_ key: String, _ arguments: FieldTable = [:]) -> BindingSnapshot {
        BindingSnapshot(
            virtualHost: Array("/".utf8),
            source: Array("x".utf8),
            destination: Array("q".utf8),
            isToExchange: false,
            bindingKey: Array(key.utf8),
            arguments: arguments
        )
    }

    private func key(_ binding: BindingSnapshot) -> String {
        String(decoding: binding.propertiesKey, as: UTF8.self)
    }

    @Test("has RabbitMQ's members")
    func shape() {
        guard case .object(let object) = binding("k").json else {
            Issue.record("not an object")
            return
        }
        #expect(Set(object.members.map(\.name)) == Set(RabbitMQFields.binding.keys))
        #expect(object["destination_type"] == "queue")
    }

    @Test("encodes the key in properties_key as RabbitMQ does")
    func propertiesKey() {
        #expect(key(binding("a.*")) == "a.%2A")
        #expect(key(binding("")) == "~")
        #expect(key(binding("a b/~~", ["k": .string("v")])).hasPrefix("a+b%2F%7E%7E~"))
    }

    @Test("tells arguments apart in properties_key")
    func arguments() {
        #expect(key(binding("k")) != key(binding("k", ["a": .int64(1)])))
        #expect(key(binding("k", ["a": .int64(1)])) != key(binding("k", ["a": .int64(2)])))
    }

    @Test("is named by properties_key, encoded once more for the path or not")
    func isNamed() {
        #expect(binding("a.*").isNamed(Array("a.%2A".utf8)))
        #expect(binding("a.*").isNamed(Array("a.*".utf8)))
        #expect(!binding("a.*").isNamed(Array("a.b".utf8)))
        #expect(binding("").isNamed(Array("~".utf8)))
        #expect(!binding("").isNamed([]))
    }
}
