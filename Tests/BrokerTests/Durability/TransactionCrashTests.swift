import TestSupport
import Testing
import Wire

@testable import Broker

/// A publisher that moves a message from one queue to two others in each transaction, on a disk
/// that stops at any operation.
private struct TransactionRun {
    let disk: MemoryDisk
    /// Numbers of the transactions whose tx.commit-ok has come.
    private(set) var committed = 0
    /// Messages published outside of any transaction that are on the disk.
    private var plain = 0
    private(set) var failures: [String] = []

    /// Declares queues and fills the one that messages are taken from.
    init(seed: UInt64) throws {
        disk = MemoryDisk(seed: seed)
        let life = try DiskJournal(disk)
        defer { life.end() }
        let peer = try life.broker.connect()
        for name in ["source", "a", "b", "plain"] as [ShortString] {
            peer.send(QueueDeclare(queue: name, durable: true))
        }
        for number in 1...12 { publish(number, to: "source", peer) }
        try life.writeAndSync()
    }

    private func publish(
        _ number: Int,
        to queue: ShortString,
        size: Int = 40,
        _ peer: ScriptedPeer
    ) {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        let text = String(repeating: "\(number) ", count: size)
        peer.send(Script().publish(text, to: queue, properties).bytes)
    }

    /// One life of the broker: transactions until the disk stops.
    mutating func live(transactions: Int) throws {
        let life = try DiskJournal(disk)
        defer { life.end() }
        let peer = try life.broker.connect()
        publish(plain, to: "plain", peer)
        try life.writeAndSync()
        plain += 1
        try peer.call(TxSelect(), TxSelectOk.self)
        for turn in 1...transactions {
            guard let tag = try take(peer) else { return }
            publish(turn, to: "a", size: 300, peer)
            publish(turn, to: "b", size: 300, peer)
            peer.ack(tag)
            peer.send(TxCommit())
            try life.writeAndSync()
            try peer.expect(TxCommitOk.self)
            committed += 1
        }
    }

    /// Whether the journal, as it is on the disk, ends within a transaction.
    private func isCutShort() throws -> Bool {
        var gate = TransactionGate()
        let options = JournalOptions(
            directory: VirtualHostDirectory.path(Array("/".utf8)),
            nameHash: nil,
            now: { WallTime(milliseconds: 0) }
        )
        let check = RecoveryContext(disk: disk, options: options, purpose: .check) {
            lsn,
            payload,
            size in gate.pass(payload, lsn: lsn, size: size) { _, _, _ in }
        }
        var recovery = JournalRecovery(check)
        try recovery.run()
        return gate.isOpen
    }

    private func take(_ peer: ScriptedPeer) throws -> UInt64? {
        peer.send(BasicGet(queue: "source"))
        guard let frame = try peer.takeFrame(on: 1), frame.payload.starts(with: [0, 60, 0, 71])
        else { return nil }
        _ = try peer.expectContent()
        return UInt64(bigEndianOctets: frame.payload[4..<12])
    }

    /// Every transaction is there whole or not at all, and all that were answered are.
    mutating func check() throws {
        let life = try DiskJournal(disk)
        defer { life.end() }
        let ready = ["source", "a", "b", "plain"].map { name in
            life.broker.virtualHost.queue(named: name).map { $0.state.ready.count } ?? -1
        }
        let moved = 12 - ready[0]
        if ready[1] != moved || ready[2] != moved { failures.append("in part: \(ready)") }
        if moved < committed { failures.append("\(committed) committed, \(moved) there") }
        if ready[3] < plain { failures.append("\(plain) alone, \(ready[3]) there") }
        plain = ready[3]
        if try isCutShort() { failures.append("an unfinished one is still on the disk") }
        if !life.losses.isEmpty { failures.append("\(life.losses)") }
        committed = moved
    }
}

extension UInt64 {
    /// The number of these octets, most significant first.
    fileprivate init(bigEndianOctets octets: ArraySlice<UInt8>) {
        self = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

@Suite("Transactions across crashes")
struct TransactionCrashTests {
    @Test("are there whole or not at all whatever operation it stops at", arguments: [false, true])
    func everyOperation(isKill: Bool) throws {
        var unanswered = 0
        for seed in 1...6 as ClosedRange<UInt64> {
            var stop = 1
            while true {
                var run = try TransactionRun(seed: seed)
                run.disk.stopsAt = run.disk.operationCount + stop
                let isWhole = try live(&run, isKill: isKill)
                // What goes on behind an unfinished transaction must not complete it.
                let before = run.committed
                try run.check()
                unanswered += run.committed - before
                _ = try live(&run, isKill: isKill)
                try run.check()
                for failure in run.failures {
                    Issue.record("seed \(seed), stop \(stop): \(failure)")
                }
                if isWhole { break }
                stop += 1
            }
            #expect(stop > 20)
        }
        #expect(unanswered > 0, "no transaction was written whole and not answered")
    }

    /// A life of three transactions; whether the disk let it finish.
    private func live(_ run: inout TransactionRun, isKill: Bool) throws -> Bool {
        defer { if isKill { run.disk.kill() } else { run.disk.crash() } }
        do {
            try run.live(transactions: 3)
            return true
        } catch is StorageError {
            return false
        }
    }
}
