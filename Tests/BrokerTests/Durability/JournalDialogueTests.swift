import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("What waits for the disk")
struct JournalDialogueTests {
    private var persistent: BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        return properties
    }

    /// Plays a scene with a durable queue "q" whose declaration is on the disk.
    private func playDurable(
        _ scene: (DialogueBroker, ScriptedJournal, ScriptedPeer) throws -> Void
    ) throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            disk.sync()
            try peer.expect(QueueDeclareOk.self)
            try scene(broker, disk, peer)
            disk.end()
        }
    }

    @Test("a confirm of a persistent message in a durable queue leaves when it is durable")
    func confirm() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            try peer.expectSilence()
            disk.sync()
            try peer.expect(QueueDeclareOk.self)
            try peer.call(ConfirmSelect(), ConfirmSelectOk.self)
            peer.send(Script().publish("kept", to: "q", persistent).bytes)
            try peer.expectSilence()
            disk.sync()
            #expect(try peer.expect(BasicAck.self).deliveryTag == 1)
            peer.publish("not kept", to: "q")
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            disk.end()
        }
    }

    @Test("a method does not overtake an answer that waits for the disk")
    func order() throws {
        try DialogueBroker.play { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            peer.send(QueueDeclare(queue: "r"))
            peer.send(BasicQos(prefetchCount: 1))
            try peer.expectSilence()
            disk.sync()
            #expect(try peer.expect(QueueDeclareOk.self).queue == "q")
            #expect(try peer.expect(QueueDeclareOk.self).queue == "r")
            broker.batch { peer.process() }
            try peer.expect(BasicQosOk.self)
            disk.end()
        }
    }

    @Test("a transaction waits for the disk only if it left something there")
    func transaction() throws {
        try playDurable { _, disk, peer in
            try peer.call(TxSelect(), TxSelectOk.self)
            peer.publish("not kept", to: "q")
            try peer.call(TxCommit(), TxCommitOk.self)
            peer.send(Script().publish("kept", to: "q", persistent).method(TxCommit()).bytes)
            try peer.expectSilence()
            disk.sync()
            try peer.expect(TxCommitOk.self)
        }
    }

    @Test("publishers are held back and refused while the disk is full, consumers are not")
    func fullDisk() throws {
        try playDurable { broker, disk, peer in
            try peer.call(ConfirmSelect(), ConfirmSelectOk.self)
            peer.send(Script().publish("one", to: "q", persistent).bytes)
            broker.batch {
                broker.virtualHost.blockPublishers("no space")
                broker.virtualHost.refuseWaiting()
            }
            let refused = try peer.expect(BasicNack.self)
            #expect(refused.deliveryTag == 1 && refused.multiple)
            let other = try broker.connect()
            #expect(try other.drain("q") == ["one"])
            peer.send(Script().publish("two", to: "q", persistent).bytes)
            peer.send(Script().publish("three", to: "q", persistent).bytes)
            try peer.expect(ConnectionBlocked.self, on: 0)
            try peer.expectSilence()
            disk.sync()
            #expect(try peer.expect(BasicAck.self).deliveryTag == 2)
            try peer.expectSilence()
            broker.batch { _ = broker.virtualHost.unblockPublishers() }
            try peer.expect(ConnectionUnblocked.self, on: 0)
            broker.batch { peer.process() }
            disk.sync()
            #expect(try peer.expect(BasicAck.self).deliveryTag == 3)
        }
    }

    @Test("no segment goes for a settlement that is not durable itself")
    func removal() throws {
        var limits = Limits()
        limits.journalStretchShift = 2
        try DialogueBroker.play(limits: limits) { broker in
            let disk = ScriptedJournal(broker)
            let peer = try broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            peer.send(Script().publish("kept", to: "q", persistent).bytes)
            let message = try #require(try broker.queue("q").state.ready.first).message.header.lsn
            broker.batch { broker.virtualHost.describeTopology() }
            disk.sync()
            try peer.expect(QueueDeclareOk.self)
            peer.send(Script().publish("kept, too", to: "q", persistent).bytes)
            let batch = try #require(broker.virtualHost.takeJournal())
            peer.send(QueueDelete(queue: "q"))
            broker.batch { broker.virtualHost.becomeDurable(batch) }
            #expect(broker.virtualHost.removableLSN <= message)
            disk.sync()
            #expect(broker.virtualHost.removableLSN > message)
            try peer.expect(QueueDeleteOk.self)
            disk.end()
        }
    }
}
