import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Length limits")
struct OverflowTests {
    @Test("drop the oldest message by default")
    func dropHead() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-max-length": .int32(3)])
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            #expect(try broker.queue("q").state.counters.overflowed == 2)
            #expect(try peer.drain("q") == ["3", "4", "5"])
        }
    }

    @Test("are the first where they are said twice")
    func twice() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let limits = [1, 3].map {
                FieldTable.Entry(name: "x-max-length", value: .int32($0))
            }
            try peer.declare("q", FieldTable(limits))
            for number in 1...5 { peer.publish("\(number)", to: "q") }
            #expect(try peer.drain("q") == ["5"])
        }
    }

    @Test("count body octets, and no others")
    func bytes() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-max-length-bytes": .int32(10)])
            for text in ["12345", "67890", "abc", "longer than the limit", "x", ""] {
                peer.publish(text, to: "q")
            }
            #expect(try peer.drain("q") == ["x", ""])
        }
    }

    @Test("of a limit of 0 still let a ready consumer have its messages")
    func zero() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-max-length": .int32(0)])
            peer.publish("dropped", to: "q")
            #expect(try broker.queue("q").state.ready.isEmpty)
            try peer.consume("q", "c", noAck: true)
            peer.publish("delivered", to: "q")
            #expect(try peer.texts() == ["delivered"])
        }
    }

    @Test(
        "of a classic queue that refuses do so before a ready consumer has the message",
        arguments: [("x-max-length", 0), ("x-max-length-bytes", 4)] as [(ShortString, Int32)]
    )
    func refusedFirst(limit: ShortString, number: Int32) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            let reader = try broker.connect()
            for (type, texts) in [("quorum", ["large"]), ("classic", [])] {
                let name = ShortString(shortening: type)
                let arguments: FieldTable = [
                    limit: .int32(number), "x-overflow": "reject-publish",
                    "x-queue-type": .string(type),
                ]
                peer.send(QueueDeclare(queue: name, durable: true, arguments: arguments))
                try peer.expect(QueueDeclareOk.self)
                try reader.consume(name, name, noAck: true)
                peer.publish("large", to: name)
                #expect(try reader.texts() == texts)
                if texts.isEmpty {
                    try peer.expect(BasicNack.self)
                } else {
                    try peer.expect(BasicAck.self)
                }
            }
        }
    }

    @Test(
        "refuse a message that has no time to wait like any other",
        arguments: ["reject-publish", "reject-publish-dlx"]
    )
    func noTime(overflow: String) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            try peer.declare("q", ["x-max-length": .int32(1), "x-overflow": .string(overflow)])
            peer.publish("1", to: "q")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            var properties = BasicProperties()
            properties.expiration = "0"
            peer.send(Script().publish("2", to: "q", properties).bytes)
            #expect(try peer.expect(BasicNack.self).deliveryTag == 2)
            #expect(try peer.drain("q") == ["1"])
        }
    }

    @Test("do not count what is out for delivery")
    func unacked() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q", ["x-max-length": .int32(1)])
            try peer.setPrefetch(2)
            try peer.consume("q", "c")
            for number in 1...4 { peer.publish("\(number)", to: "q") }
            #expect(try peer.texts() == ["1", "2"])
            peer.ack(2, multiple: true)
            #expect(try peer.texts() == ["4"])
        }
    }

    @Test("drop the oldest again when messages come back, but refuse none of those")
    func comingBack() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            for (overflow, left) in [
                ("drop-head", ["3", "4"]), ("reject-publish", ["1", "2", "3", "4"]),
            ] {
                try peer.declare(
                    "q",
                    ["x-max-length": .int32(2), "x-overflow": .string(overflow)]
                )
                for text in ["1", "2"] { peer.publish(text, to: "q") }
                let tags = try (0..<2).map { _ in try peer.get("q").method.deliveryTag }
                for text in ["3", "4"] { peer.publish(text, to: "q") }
                peer.nack(tags[1])
                peer.nack(tags[0])
                #expect(try peer.drain("q") == left)
                try peer.call(QueueDelete(queue: "q"), QueueDeleteOk.self)
            }
        }
    }

    @Test(
        "drop or refuse nothing that a consumer had room for",
        arguments: ["drop-head", "reject-publish"]
    )
    func roomInTheSameBatch(overflow: String) throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            try peer.declare(
                "q",
                ["x-max-length": .int32(1), "x-overflow": .string(overflow)]
            )
            try peer.setPrefetch(1)
            try peer.consume("q", "c")
            peer.publish("1", to: "q")
            try peer.expectDelivery()
            try peer.expect(BasicAck.self)
            peer.publish("2", to: "q")
            try peer.expect(BasicAck.self)
            // The acknowledgement makes room for 2 before 3 comes.
            peer.send(Script().method(BasicAck(deliveryTag: 1)).publish("3", to: "q").bytes)
            #expect(try peer.expectDelivery().text == "2")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 3)
            peer.ack(2)
            #expect(try peer.expectDelivery().text == "3")
        }
    }
}
