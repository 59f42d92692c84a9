import TestSupport
import Testing
import Wire

@testable import Broker

/// Transactions that settle deliveries which are on disk only.
extension DeliveryPagingTests {
    private static var deadLettering: FieldTable {
        ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"]
    }

    /// In one transaction some are acknowledged, some come back, and some become dead letters.
    private func beginCommit(_ holder: ScriptedPeer, _ store: DiskJournal) throws {
        try paging.declareDurable("dead", holder, store)
        try holder.call(TxSelect(), TxSelectOk.self)
        holder.send(BasicNack(deliveryTag: 400, multiple: true, requeue: false))
        holder.ack(600, multiple: true)
        holder.send(BasicNack(deliveryTag: 700, multiple: true, requeue: true))
        holder.send(Script().publish("one more", to: "dead", paging.persistent()).bytes)
        try store.writeAndSync()
        #expect(try store.broker.queue("q").state.unackedCount == Self.count)
        holder.send(TxCommit())
    }

    @Test("become dead letters within the transaction that rejects them")
    func rejectedInTransaction() throws {
        try play(2, Self.deadLettering) { holder, broker, store in
            try holder.call(BasicCancel(consumerTag: "holder"), BasicCancelOk.self)
            try beginCommit(holder, store)
            // They are read first, and nothing of the transaction happens before.
            try store.writeAndSync()
            try holder.expectSilence()
            #expect(holder.isReadingHeld)
            #expect(try broker.queue("dead").state.ready.count == 0)
            store.pageAll()
            try store.writeAndSync()
            try holder.expect(TxCommitOk.self)
            #expect(!holder.isReadingHeld)
            let peer = try broker.connect()
            try peer.consume("dead", "c")
            let letters = try take(peer, store).map(\.text)
            #expect(letters == ["one more"] + (0..<400).map(text))
            peer.ack(0, multiple: true)
            // The rest is as it was before, in the transaction that has begun.
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: false))
            try holder.call(TxRollback(), TxRollbackOk.self)
            holder.hangUp()
            #expect(try takeAll(broker, store).map(\.text) == (600..<Self.count).map(text))
        }
    }

    @Test("are not settled by a commit that could not be carried out", arguments: [true, false])
    func interruptedCommit(isCrash: Bool) throws {
        let disk = MemoryDisk()
        let before = try DiskJournal(disk, segmentSize: 1 << 20, budget: PagingTests.budget)
        let publisher = try before.broker.connect()
        try paging.declareDurable("q", publisher, before, Self.deadLettering)
        try paging.publish(0..<Self.count, to: "q", publisher, before, paging.persistent())
        let holder = try before.broker.connect()
        try holder.consume("q", "holder")
        #expect(try take(holder, before).count == Self.count)
        try beginCommit(holder, before)
        try before.writeAndSync()
        guard isCrash else {
            holder.hangUp()
            #expect(try before.broker.queue("dead").state.ready.count == 0)
            #expect(try takeAll(before.broker, before).count == Self.count)
            #expect(try before.broker.queue("q").state.dyingCount == 0)
            before.end()
            return
        }
        before.end()
        disk.kill()
        let store = try DiskJournal(disk, segmentSize: 1 << 20, budget: PagingTests.budget)
        defer { store.end() }
        #expect(try store.broker.queue("dead").state.ready.count == 0)
        #expect(try takeAll(store.broker, store).map(\.text) == (0..<Self.count).map(text))
    }

    @Test("die in a transaction that brings them back once too often")
    func tooOftenInTransaction() throws {
        var arguments = Self.deadLettering
        arguments["x-queue-type"] = "quorum"
        arguments["x-delivery-limit"] = .int32(0)
        try play(2, arguments) { holder, broker, store in
            try paging.declareDurable("dead", holder, store)
            try holder.call(TxSelect(), TxSelectOk.self)
            holder.send(BasicNack(deliveryTag: 0, multiple: true, requeue: true))
            holder.send(TxCommit())
            try holder.expectSilence()
            store.pageAll()
            try store.writeAndSync()
            try holder.expect(TxCommitOk.self)
            let peer = try broker.connect()
            try peer.consume("dead", "c", noAck: true)
            #expect(try take(peer, store).map(\.text) == (0..<Self.count).map(text))
            try store.writeAndSync()
            try expectNothingLeft(broker, store)
        }
    }

    @Test("of a queue that is deleted while a commit waits for them are let go")
    func deletedBeforeCommit() throws {
        try play(2, Self.deadLettering) { holder, broker, store in
            let peer = try broker.connect()
            try beginCommit(holder, store)
            peer.send(QueueDelete(queue: "q"))
            try store.writeAndSync()
            try peer.expect(QueueDeleteOk.self)
            store.pageAll()
            try store.writeAndSync()
            try holder.expect(BasicCancel.self)
            try holder.expect(TxCommitOk.self)
            #expect(try broker.queue("dead").state.ready.count == 1)
            try paging.declareDurable("q", peer, store)
            holder.hangUp()
        }
    }
}
