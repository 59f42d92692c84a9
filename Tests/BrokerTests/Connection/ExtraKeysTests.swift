import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("CC and BCC")
struct ExtraKeysTests {
    private func properties(_ headers: FieldTable) -> BasicProperties {
        var properties = BasicProperties()
        properties.headers = headers
        return properties
    }

    @Test("lead to further queues, each getting one copy; BCC is not passed on")
    func copies() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            for queue: ShortString in ["a", "b", "c", "d"] { try peer.declare(queue) }
            let headers: FieldTable = [
                "x": .int8(1), "CC": .array(["b", "a", "missing"]), "BCC": .array(["c", "b"]),
            ]
            try peer.selectConfirms()
            peer.send(Script().publish("m", to: "a", properties(headers)).bytes)
            try peer.expect(BasicAck.self)
            for queue: ShortString in ["a", "b", "c"] {
                let got = try peer.get(queue, noAck: true)
                #expect(got.method.messageCount == 0)
                #expect(got.method.routingKey == "a")
                #expect(
                    got.content.properties.headers
                        == ["x": .int8(1), "CC": .array(["b", "a", "missing"])]
                )
            }
            try peer.call(BasicGet(queue: "d"), BasicGetEmpty.self)
        }
    }

    @Test("make a message routable whose own key leads nowhere")
    func mandatory() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("b")
            let toNowhere = properties(["CC": .array(["nowhere"])])
            let toQueue = properties(["BCC": .array(["b"])])
            peer.send(Script().publish("m", to: "x", mandatory: true, toQueue).bytes)
            try peer.expectSilence()
            #expect(try peer.drain("b") == ["m"])
            peer.send(Script().publish("m", to: "x", mandatory: true, toNowhere).bytes)
            try peer.expect(BasicReturn.self)
            _ = try peer.expectContent()
        }
    }

    @Test("count for every message, also when it repeats the one before")
    func repeated() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("a")
            try peer.declare("b")
            let message = Script().publish("m", to: "a", properties(["CC": .array(["b"])])).bytes
            for _ in 1...3 { peer.send(message) }
            peer.publish("plain", to: "a")
            #expect(try peer.drain("a") == ["m", "m", "m", "plain"])
            #expect(try peer.drain("b") == ["m", "m", "m"])
        }
    }
}
