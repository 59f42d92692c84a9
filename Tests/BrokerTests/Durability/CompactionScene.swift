import TestSupport
import Testing
import Wire

@testable import Broker

/// Clients that publish to several queues, take, settle, send back, purge and delete, at random.
struct CompactionScene {
    static let queues: [ShortString] = ["a", "b", "c"]
    static let lengthMax: [ShortString: Int] = ["c": 40]

    private var random: Seed
    private var number = 0
    private let publisher: ScriptedPeer
    /// Consumes from "a" and "b".
    private let taker: ScriptedPeer
    private var open: [UInt64] = []
    /// Fetches from "c" and never acknowledges.
    private let holder: ScriptedPeer
    private var persistent = BasicProperties()

    init(_ store: CompactingBroker, seed: UInt64) throws {
        random = Seed(seed)
        persistent.deliveryMode = 2
        publisher = try store.broker.connect()
        taker = try store.broker.connect()
        holder = try store.broker.connect()
        for name in Self.queues { declare(name) }
        try store.sync()
        try taker.setPrefetch(6)
        for name in Self.queues.prefix(2) {
            taker.send(BasicConsume(queue: name, consumerTag: name, noWait: true))
        }
        store.page()
    }

    private func declare(_ name: ShortString) {
        // What "c" has no room for goes to "b", read from the disk first if need be.
        let arguments: FieldTable =
            switch name {
            case "b": ["x-max-priority": .int32(5)]
            case "c":
                [
                    "x-max-length": .int32(40), "x-dead-letter-exchange": .string(""),
                    "x-dead-letter-routing-key": .string("b"),
                ]
            default: [:]
            }
        publisher.send(
            QueueDeclare(queue: name, durable: true, noWait: true, arguments: arguments)
        )
        publisher.send(QueueBind(queue: name, exchange: "amq.fanout", noWait: true))
    }

    /// Somebody does something.
    mutating func turn() throws {
        open += try taker.deliveries().map(\.tag)
        switch Int.random(in: 0..<200, using: &random) {
        case 0..<100: publish()
        case 100..<155: settle { $0.ack($1, multiple: $2) }
        case 155..<165: settle { $0.nack($1, multiple: $2) }
        case 165..<175: settle { $0.nack($1, multiple: $2, requeue: false) }
        case 175..<180: holder.send(BasicGet(queue: "c"))
        case 180..<190:
            publisher.send(BasicGet(queue: "c", noAck: true))
        case 190, 192..<196: publisher.send(QueuePurge(queue: "c", noWait: true))
        case 191:
            publisher.send(QueueDelete(queue: "c", noWait: true))
            declare("c")
        default: break
        }
    }

    private mutating func publish() {
        number += 1
        let size = Int.random(in: 0...300, using: &random)
        let text = "\(number) " + String(repeating: "x", count: size)
        persistent.priority = UInt8.random(in: 0...9, using: &random)
        let queue = Self.queues.randomElement(using: &random) ?? "a"
        let exchange: ShortString = random.oneIn(3) ? "amq.fanout" : ""
        publisher.send(Script().publish(text, to: queue, exchange: exchange, persistent).bytes)
    }

    private mutating func settle(_ body: (ScriptedPeer, UInt64, Bool) -> Void) {
        // One of the first stays out for long.
        guard open.count > 1, let tag = open.dropFirst().randomElement(using: &random) else {
            return
        }
        let isMultiple = random.oneIn(20)
        open.removeAll { isMultiple ? $0 <= tag : $0 == tag }
        body(taker, tag, isMultiple)
    }
}

/// What a client knows of one queue across the lives of a broker.
struct CompactionModel {
    private(set) var failures: [String] = []
    private var number = 0
    private var published: Set<String> = []
    /// Confirmed, and not acknowledged.
    private var kept: Set<String> = []

    /// Compares what a broker has found with what it owes.
    mutating func check(_ found: [String], _ report: RecoveryReport) {
        if report.hasLostRecords { failures.append("\(report)") }
        let numbers = found.compactMap { Int($0.prefix { $0 != " " }) }
        if numbers != numbers.sorted() { failures.append("out of order: \(numbers)") }
        if Set(numbers).count != numbers.count { failures.append("twice: \(numbers)") }
        let lost = kept.subtracting(found)
        if !lost.isEmpty { failures.append("lost \(lost)") }
        let invented = Set(found).subtracting(published)
        if !invented.isEmpty { failures.append("invented \(invented)") }
    }

    /// Publishes and acknowledges, all but a few, while the journal is compacted.
    mutating func work(on store: CompactingBroker, seed: UInt64) throws {
        var random = Seed(seed)
        var properties = BasicProperties()
        properties.deliveryMode = 2
        let peer = try store.broker.connect()
        peer.send(QueueDeclare(queue: "q", durable: true))
        try store.sync()
        try peer.expect(QueueDeclareOk.self)
        let taker = try store.broker.connect()
        try taker.consume("q", "c")
        try peer.selectConfirms()
        var unconfirmed: [String] = []
        for turn in 0..<90 {
            number += 1
            let size = Int.random(in: 100...500, using: &random)
            let text = "\(number) " + String(repeating: "y", count: size)
            published.insert(text)
            unconfirmed.append(text)
            peer.send(Script().publish(text, to: "q", properties).bytes)
            store.page()
            for delivery in try taker.deliveries() where !random.oneIn(12) {
                kept.remove(delivery.text)
                unconfirmed.removeAll { $0 == delivery.text }
                taker.ack(delivery.tag)
            }
            if turn % 3 == 0 {
                try store.sync { if turn % 2 == 1 { _ = store.compact() } }
                while try peer.has(on: 1) { try peer.expect(BasicAck.self) }
                kept.formUnion(unconfirmed)
                unconfirmed = []
            }
            if turn % 2 == 0 { _ = store.compact() }
        }
        try store.compactAll()
    }
}
