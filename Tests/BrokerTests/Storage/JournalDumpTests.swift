import Testing
import TestSupport
import Wire

@testable import Broker

@Suite("Journal dump")
struct JournalDumpTests {
    private func queue(_ id: UInt32, _ name: ShortString) -> [UInt8] {
        let record = QueueRecord(
            id: id,
            name: name,
            isAutoDelete: false,
            arguments: [:],
            nextPosition: 0,
            deliveredThrough: 0
        )
        return JournalRecord.queueDeclared(record).payload
    }

    private func message(_ queues: [UInt32], body: String) -> [UInt8] {
        var content = ByteWriter()
        content.writeShortString("events")
        content.writeShortString("a.b")
        let routeSize = content.count
        content.writeUInt16(0x1000)
        content.writeUInt8(2)
        let record = MessageRecord(
            places: queues.map { MessageRecord.Place(queue: $0, position: 7) },
            routeSize: routeSize,
            propertiesSize: 3,
            bodySize: body.utf8.count
        )
        return JournalRecord.message(record).payload + content.bytes + Array(body.utf8)
    }

    private func lines(_ payloads: [[UInt8]], queue: String? = nil) -> [JournalDump.Line] {
        var dump = JournalDump(queue: queue)
        return payloads.enumerated().compactMap { index, payload in
            ByteView.with(payload) { dump.read($0, lsn: UInt64(index)) }
        }
    }

    @Test("a message is shown with its queues by name, and all that was published")
    func message() throws {
        let lines = lines([queue(1, "jobs"), queue(2, "copy"), message([1, 2, 3], body: "hello")])
        #expect(lines.map(\.kind) == ["queue_declared", "queue_declared", "message"])
        let content = try #require(lines[2].content)
        #expect(content.exchange == "events")
        #expect(content.routingKey == "a.b")
        #expect(content.properties.deliveryMode == 2)
        #expect(content.body == Array("hello".utf8))
        let places = [("jobs", 7), ("copy", 7), ("#3", 7)].map {
            JournalDump.Place(queue: $0.0, position: $0.1)
        }
        #expect(lines[2].facts == [JournalDump.Fact(name: "queues", value: .places(places))])
    }

    @Test("what an exchange delays is shown under the exchange's name")
    func delays() throws {
        let record = DelaysRecord(id: 4, exchange: "later", nextPosition: 9)
        let declared = JournalRecord.delaysDeclared(record).payload
        let lines = lines([declared, message([4], body: "hello")])
        #expect(lines.map(\.kind) == ["delays_declared", "message"])
        let place = JournalDump.Place(queue: "delayed in later", position: 7)
        #expect(lines[1].facts == [JournalDump.Fact(name: "queues", value: .places([place]))])
    }

    @Test("a policy is shown with all it says, and where it ends")
    func policy() {
        let record = PolicyRecord(
            "short",
            "^jobs",
            ["max-length": .int64(5)],
            priority: 2.5,
            target: .queues
        )
        let lines = lines([
            JournalRecord.policySet(record).payload,
            JournalRecord.policyCleared(.operator, "short").payload,
        ])
        #expect(lines.map(\.kind) == ["policy_set", "policy_cleared"])
        let name = JournalDump.Fact(name: "policy", value: .text("short"))
        #expect(
            lines[0].facts == [
                name, .init(name: "is_operator", value: .flag(false)),
                .init(name: "pattern", value: .text("^jobs")),
                .init(name: "apply_to", value: .text("queues")),
                .init(name: "priority", value: .text("2.5")),
                .init(name: "definition", value: .text(#"{"max-length":5}"#)),
            ]
        )
        #expect(lines[1].facts == [name, .init(name: "is_operator", value: .flag(true))])
    }

    @Test("a transaction is shown where it begins")
    func transaction() {
        let lines = lines([JournalRecord.transaction(octets: 57).payload])
        let octets = JournalDump.Fact(name: "octets", value: .number(57))
        #expect(lines == [JournalDump.Line(lsn: 0, kind: "transaction", facts: [octets])])
    }

    @Test("a copy that compaction made is told from the first, and how often it came back")
    func moved() throws {
        let record = MessageRecord(
            places: [.init(queue: 1, position: 7, deliveryCount: 3)],
            form: .moved,
            routeSize: 2,
            propertiesSize: 2,
            bodySize: 1
        )
        let payload = JournalRecord.message(record).payload + [0, 0, 0, 0, 65]
        let line = try #require(lines([queue(1, "jobs"), payload]).last)
        #expect(line.kind == "moved")
        let place = JournalDump.Place(queue: "jobs", position: 7, deliveryCount: 3)
        #expect(line.facts == [JournalDump.Fact(name: "queues", value: .places([place]))])
        #expect(line.content?.body == [65])
    }

    @Test("only what concerns a queue is shown when one is asked for")
    func filter() {
        let bound = BindingRecord(
            source: "events",
            isToQueue: true,
            destination: "jobs",
            key: "#",
            arguments: [:]
        )
        let payloads = [
            queue(1, "jobs"), queue(2, "other"), JournalRecord.bound(bound).payload,
            message([2], body: ""), message([2, 1], body: ""),
            JournalRecord.settled(queue: 2, first: 7, last: 7).payload,
            JournalRecord.settled(queue: 1, first: 7, last: 7).payload,
            JournalRecord.delivered(queue: 1, through: 8).payload,
            JournalRecord.returned(queue: 2, position: 7, deliveryCount: 1).payload,
            JournalRecord.exchangeDeleted("events").payload, JournalRecord.topologyBegins.payload,
            died(2), died(1), JournalRecord.queueDeleted(2).payload,
            JournalRecord.queueDeleted(1).payload,
        ]
        #expect(lines(payloads, queue: "jobs").map(\.lsn) == [0, 2, 4, 6, 7, 12, 14])
        #expect(lines(payloads).count == payloads.count)
    }

    private func died(_ queue: UInt32) -> [UInt8] {
        let death = DeathRecord(queue: queue, position: 7, reason: .rejected, reached: ["a", "b"])
        return JournalRecord.died(death).payload
    }

    @Test("a death says why, and who has the dead letter")
    func death() throws {
        let line = try #require(lines([queue(1, "jobs"), died(1)]).last)
        #expect(line.kind == "died")
        #expect(
            line.facts == [
                JournalDump.Fact(name: "queue", value: .text("jobs")),
                JournalDump.Fact(name: "position", value: .number(7)),
                JournalDump.Fact(name: "reason", value: .text("rejected")),
                JournalDump.Fact(name: "reached", value: .text("a, b")),
            ]
        )
    }

    @Test("payloads of any content become lines")
    func anything() {
        let whole = message([1], body: "hello")
        for size in 1..<whole.count {
            #expect(lines([Array(whole.prefix(size))]).map(\.kind) == ["unreadable"])
        }
        var random = Seed(3)
        for _ in 0..<500 {
            #expect(
                lines([[UInt8.random(in: 0...255, using: &random)] + random.octets(upTo: 60)]).count
                    == 1
            )
        }
    }
}
