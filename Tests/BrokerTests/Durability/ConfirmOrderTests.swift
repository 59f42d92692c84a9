import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Confirms and the disk")
struct ConfirmOrderTests {
    private var persistent: BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        return properties
    }

    /// Confirms that a peer has got by now, cumulative ones unrolled.
    private func confirmed(_ peer: ScriptedPeer) throws -> UInt64 {
        var last: UInt64 = 0
        while try peer.has(on: 1) {
            let ack = try peer.expect(BasicAck.self)
            #expect(ack.deliveryTag > last)
            last = ack.deliveryTag
        }
        return last
    }

    /// How many messages a start on a disk would bring back.
    private func recoveredCount(_ disk: MemoryDisk) throws -> Int {
        let life = try DiskJournal(disk)
        defer { life.end() }
        return life.broker.virtualHost.queue(named: "q")?.state.ready.count ?? 0
    }

    @Test("no confirm leaves before the sync that covers it")
    func order() throws {
        for seed in 1...10 as ClosedRange<UInt64> {
            var random = Seed(seed)
            let disk = MemoryDisk(seed: seed)
            let life = try DiskJournal(disk)
            defer { life.end() }
            let peer = try life.broker.connect()
            peer.send(QueueDeclare(queue: "q", durable: true))
            try peer.expectSilence()
            try life.writeAndSync()
            try peer.expect(QueueDeclareOk.self)
            try peer.call(ConfirmSelect(), ConfirmSelectOk.self)
            var published = 0
            for _ in 0..<30 {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    published += 1
                    let size = Int.random(in: 1...200, using: &random)
                    let body = String(repeating: "x", count: size)
                    peer.send(Script().publish(body, to: "q", persistent).bytes)
                }
                // Nothing has been synced since: nothing may have left.
                try peer.expectSilence()
                try life.writeAndSync()
                let confirmed = try confirmed(peer)
                #expect(confirmed == UInt64(published))
                let recovered = try recoveredCount(disk.durableCopy())
                #expect(recovered == published)
            }
        }
    }

    @Test("no confirm leaves when the sync fails, and the journal is not used again")
    func failedSync() throws {
        let disk = MemoryDisk()
        let life = try DiskJournal(disk)
        defer { life.end() }
        let peer = try life.broker.connect()
        peer.send(QueueDeclare(queue: "q", durable: true))
        try life.writeAndSync()
        try peer.expect(QueueDeclareOk.self)
        try peer.call(ConfirmSelect(), ConfirmSelectOk.self)
        peer.send(Script().publish("lost", to: "q", persistent).bytes)
        disk.failingSync = disk.syncCount + 1
        #expect(throws: StorageError.self) { try life.writeAndSync() }
        try peer.expectSilence()
        // The next sync would succeed, and what the kernel dropped would be taken for written.
        #expect(throws: StorageError.self) { try life.writeAndSync() }
        try peer.expectSilence()
    }
}
