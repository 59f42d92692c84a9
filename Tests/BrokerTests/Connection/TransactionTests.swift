import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Transactions")
struct TransactionTests {
    @Test("publish and settle at commit, returns before commit-ok")
    func commit() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare("q")
            other.publish("old", to: "q")
            try peer.call(TxSelect(), TxSelectOk.self)
            try peer.call(TxSelect(), TxSelectOk.self)
            try peer.get("q")
            peer.publish("new", to: "q")
            peer.publish("lost", to: "nowhere", mandatory: true)
            peer.nack(1)
            try other.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            try peer.expectSilence()
            peer.send(TxCommit())
            #expect(try peer.expect(BasicReturn.self).replyCode == 312)
            #expect(try peer.expectContent().text == "lost")
            try peer.expect(TxCommitOk.self)
            #expect(try other.drain("q") == ["old", "new"])
            try peer.call(TxCommit(), TxCommitOk.self)
        }
    }

    @Test("forget publishes at rollback, and what was settled is unsettled again")
    func rollback() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.publish("m", to: "q")
            try peer.call(TxSelect(), TxSelectOk.self)
            try peer.get("q")
            peer.publish("forgotten", to: "q")
            peer.ack(1)
            try peer.call(TxRollback(), TxRollbackOk.self)
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            peer.ack(1)
            try peer.call(TxCommit(), TxCommitOk.self)
            #expect(try broker.queue("q").state.unackedCount == 0)
            peer.ack(1)
            try peer.expectChannelClosed(.preconditionFailed, at: BasicAck.id)
        }
    }

    @Test("settle a tag once; a second time is 406 before any commit")
    func twice() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.declare("q")
            peer.publish("m", to: "q")
            try peer.call(TxSelect(), TxSelectOk.self)
            try peer.get("q")
            peer.ack(1)
            peer.ack(1)
            try peer.expectChannelClosed(.preconditionFailed, at: BasicAck.id)
            try peer.openChannel(1)
            #expect(try peer.drain("q") == ["m"])
        }
    }

    @Test("that a channel does not commit vanish with it, deliveries going back")
    func unfinished() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try other.declare("q")
            for text in ["1", "2", "3"] { other.publish(text, to: "q") }
            try peer.call(TxSelect(), TxSelectOk.self)
            for _ in 1...3 { try peer.get("q") }
            peer.publish("never", to: "q")
            peer.ack(2, multiple: true)
            try peer.call(
                ChannelClose(replyCode: 200, classID: 0, methodID: 0),
                ChannelCloseOk.self
            )
            #expect(try other.drain("q") == ["1", "2", "3"])
        }
    }

    @Test("refuse a missing exchange at once, and lose it when it goes before the commit")
    func exchangeGone() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try other.declareExchange("x", "fanout")
            try other.declare("q")
            try other.bind("q", to: "x")
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.publish("lost", to: "", exchange: "x", mandatory: true)
            peer.publish("kept", to: "q")
            try other.call(ExchangeDelete(exchange: "x"), ExchangeDeleteOk.self)
            peer.send(TxCommit())
            try peer.expect(BasicReturn.self)
            #expect(try peer.expectContent().text == "lost")
            try peer.expect(TxCommitOk.self)
            #expect(try other.drain("q") == ["kept"])
            peer.publish("refused", to: "", exchange: "x")
            try peer.expectChannelClosed(.notFound, at: BasicPublish.id)
        }
    }

    @Test("of which a full queue refuses a part do the rest, and are 406")
    func refusedInPart() throws {
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            let other = try broker.connect()
            try peer.declare(
                "full",
                ["x-max-length": .int32(1), "x-overflow": "reject-publish"]
            )
            try peer.declare("q")
            peer.publish("settled", to: "q")
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.ack(try peer.get("q").method.deliveryTag)
            peer.publish("first", to: "full")
            try peer.call(TxCommit(), TxCommitOk.self)
            peer.publish("second", to: "full")
            peer.publish("lost", to: "nowhere", mandatory: true)
            peer.publish("kept", to: "q")
            peer.send(TxCommit())
            try peer.expect(BasicReturn.self)
            #expect(try peer.expectContent().text == "lost")
            try peer.expectChannelClosed(.preconditionFailed, at: TxCommit.id)
            #expect(try other.drain("full") == ["first"])
            #expect(try other.drain("q") == ["kept"])
        }
    }
}
