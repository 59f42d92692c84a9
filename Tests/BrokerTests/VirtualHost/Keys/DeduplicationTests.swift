import TestSupport
import Testing
import Wire

@testable import Broker

/// Scenes about messages with a value that others may have, too.
enum Duplicates {
    static func properties(
        _ value: FieldValue?,
        cacheTime: FieldValue? = nil,
        isPersistent: Bool = true
    ) -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = isPersistent ? 2 : 1
        var headers: FieldTable = ["a": .int8(1)]
        if let value { headers["x-deduplication-header"] = value }
        if let cacheTime { headers["x-cache-ttl"] = cacheTime }
        properties.headers = headers
        return properties
    }
}

@Suite("Queues without duplicates")
struct DeduplicationTests {
    private static let arguments: FieldTable = ["x-message-deduplication": .bool(true)]

    private func publish(
        _ text: String,
        _ peer: ScriptedPeer,
        value: FieldValue? = "v",
        expiration: ShortString? = nil
    ) {
        var properties = Duplicates.properties(value)
        properties.expiration = expiration
        peer.send(Script().publish(text, to: "q", properties).bytes)
    }

    private func play(
        _ more: FieldTable = [:],
        _ scene: (DialogueBroker, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            var arguments = Self.arguments
            for entry in more.entries { arguments[entry.name] = entry.value }
            try peer.declare("q", arguments)
            try scene(broker, peer)
            let isForgotten = try broker.queue("q").state.values.count == 0
            #expect(isForgotten, "values of messages that have left")
        }
    }

    @Test("a duplicate is dropped and confirmed; what has no value is none")
    func dropped() throws {
        try play { (_, peer) throws in
            try peer.selectConfirms()
            publish("1", peer)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            publish("2", peer)
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            publish("3", peer, value: "other")
            publish("4", peer, value: nil)
            publish("5", peer, value: nil)
            for _ in 3...5 { try peer.expect(BasicAck.self) }
            #expect(try peer.drain("q") == ["1", "3", "4", "5"])
        }
    }

    @Test(
        "a value is free when its message has left, however",
        arguments: ["ack", "reject", "fetched", "no-ack", "purge", "expired", "dropped"]
    )
    func freed(way: String) throws {
        try play(["x-max-length": .int8(1)]) { (broker, peer) throws in
            switch way {
            case "ack", "reject":
                publish("1", peer)
                let tag = try peer.get("q").method.deliveryTag
                publish("no", peer)
                if way == "ack" { peer.ack(tag) } else { peer.nack(tag, requeue: false) }
            case "fetched":
                publish("1", peer)
                try peer.get("q", noAck: true)
            case "no-ack":
                try peer.consume("q", "c", noAck: true)
                publish("1", peer)
                #expect(try peer.texts() == ["1"])
                try peer.call(BasicCancel(consumerTag: "c"), BasicCancelOk.self)
            case "purge":
                publish("1", peer)
                try peer.call(QueuePurge(queue: "q"), QueuePurgeOk.self)
            case "expired":
                publish("1", peer, expiration: "50")
                broker.advance(by: .milliseconds(60))
            default:
                publish("1", peer)
                publish("2", peer, value: "other")
            }
            publish("again", peer)
            #expect(try peer.drain("q") == ["again"])
        }
    }

    @Test("one that came back keeps its value")
    func requeue() throws {
        try play { (_, peer) throws in
            publish("1", peer)
            peer.nack(try peer.get("q").method.deliveryTag)
            publish("no", peer)
            #expect(try peer.drain("q") == ["1"])
        }
    }

    @Test("a dead letter has left, though it comes to the same queue again")
    func deadLetter() throws {
        let more: FieldTable = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"]
        try play(more) { (_, peer) throws in
            publish("1", peer)
            peer.nack(try peer.get("q").method.deliveryTag, requeue: false)
            publish("no", peer)
            #expect(try peer.drain("q") == ["1"])
        }
    }

    @Test("values are compared by kind and content")
    func values() throws {
        let different: [[FieldValue]] = [
            [.int8(7), .int64(7), .timestamp(7)], [.string("7"), .byteArray([55])],
            [.double(7), .float(7)], [.bool(true)], [.bool(false)], [.void],
            [.array([.int8(7)])], [.table(["x": .int8(7)])], [.decimal(scale: 0, value: 7)],
            [.string("")], [.string(String(repeating: "long", count: 5_000))],
        ]
        try play { (_, peer) throws in
            for values in different {
                for value in values + values { publish("m", peer, value: value) }
            }
            #expect(try peer.drain("q").count == different.count)
        }
    }

    @Test("together with groups, a duplicate is dropped whatever its group")
    func groups() throws {
        try play(["x-group-header": "a"]) { (_, peer) throws in
            publish("1", peer)
            publish("no", peer)
            publish("2", peer, value: "other")
            try peer.consume("q", "c")
            #expect(try peer.texts() == ["1", "2"])
            peer.ack(0, multiple: true)
        }
    }

    @Test("a wrong type is 406, and so is another answer in a second declaration")
    func refused() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            for value in [.string("true"), .int8(1)] as [FieldValue] {
                peer.send(QueueDeclare(queue: "q", arguments: ["x-message-deduplication": value]))
                try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
                try peer.openChannel(1)
            }
            try peer.declare("q", Self.arguments)
            peer.send(QueueDeclare(queue: "q"))
            try peer.expectChannelClosed(.preconditionFailed, at: QueueDeclare.id)
        }
    }

    @Test("values outlive a crash with their messages, and leave with them")
    func restart() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try peer.declareDurable(Self.arguments, journal)
            for number in 0..<6 { publish("\(number)", peer, value: .int32(Int32(number))) }
            peer.send(
                Script().publish("t", to: "q", Duplicates.properties("t", isPersistent: false))
                    .bytes
            )
            try peer.get("q", noAck: true)
            journal.sync()
            try journal.restart { next, _ in
                let peer = try next.connect()
                #expect(try next.queue("q").state.values.count == 5)
                for number in 0..<6 {
                    publish("again \(number)", peer, value: .int32(Int32(number)))
                }
                publish("t again", peer, value: "t")
                #expect(try peer.drain("q") == ["1", "2", "3", "4", "5", "again 0", "t again"])
                #expect(try next.queue("q").state.values.count == 0)
            }
            journal.end()
        }
    }

    @Test("of two with one value that a crash brought back, the newest keeps others out")
    func twoBack() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try peer.declareDurable(Self.arguments, journal)
            publish("1", peer)
            journal.sync()
            try peer.get("q", noAck: true)
            publish("2", peer)
            journal.sync()
            try journal.restart(losing: 1) { next, _ in
                let peer = try next.connect()
                #expect(try next.queue("q").state.ready.count == 2)
                try peer.get("q", noAck: true)
                publish("no", peer)
                #expect(try peer.drain("q") == ["2"])
                publish("again", peer)
                #expect(try peer.drain("q") == ["again"])
            }
            journal.end()
        }
    }

    @Test("a duplicate is not confirmed before the first of its kind is durable")
    func confirmed() throws {
        try DialogueBroker.play { broker in
            let journal = ScriptedJournal(broker)
            let peer = try broker.connect()
            try peer.declareDurable(Self.arguments, journal)
            publish("1", peer)
            let other = try broker.connect()
            try other.selectConfirms()
            publish("2", other)
            try other.expectSilence()
            journal.sync()
            #expect(try other.expect(BasicAck.self).deliveryTag == 1)
            journal.end()
        }
    }
}
