import TestSupport
import Wire

@testable import Broker

/// A broker of dialogues whose journal is written to a memory disk, in the steps the journal
/// thread takes, when the script says so.
final class DiskJournal {
    let broker: DialogueBroker
    let report: RecoveryReport
    let losses: [RestoreLoss]
    private let journal: Journal

    /// Starts a broker on what the disk holds.
    init(_ disk: MemoryDisk, segmentSize: Int = 600) throws(StorageError) {
        var limits = Limits()
        limits.journalSegmentSize = segmentSize
        try disk.makeDirectory(VirtualHostDirectory.parent)
        let opened = try DurableVirtualHost.open(
            Array("/".utf8),
            on: disk,
            limits: limits,
            seed: DialogueBroker.seed
        )
        journal = opened.journal
        report = opened.report
        losses = opened.losses
        broker = DialogueBroker(limits: limits, opened.virtualHost)
        broker.batch { broker.virtualHost.startJournal(at: opened.journal.endLSN) }
        broker.recordAt = { Self.payload(at: $0, in: opened.journal) }
    }

    /// The payload of a record that a message is read back from; `nil` when it cannot be read.
    private static func payload(at lsn: UInt64, in journal: Journal) -> [UInt8]? {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { room.deallocate() }
        guard let count = try? journal.readFrames(from: lsn, into: room),
            let start = UnsafeRawPointer(room.baseAddress)
        else { return nil }
        return JournalFrame.payload(in: ByteView(base: start, count: count), at: 0, lsn: lsn)?.bytes
    }

    /// Writes what has collected without making it durable; the batch, if there is any.
    func write() throws(StorageError) -> JournalBatch? {
        guard let batch = broker.virtualHost.takeJournal() else { return nil }
        try journal.append(
            UnsafeMutableRawBufferPointer(start: batch.base, count: batch.count),
            firstLSN: batch.firstLSN
        )
        return batch
    }

    /// Syncs the journal, and lets the answers leave that waited for it.
    func sync(_ batch: JournalBatch) throws(StorageError) {
        try journal.sync()
        broker.batch { broker.virtualHost.becomeDurable(batch) }
    }

    /// Writes and syncs what has collected.
    func writeAndSync() throws(StorageError) {
        if let batch = try write() { try sync(batch) }
    }

    /// Ends the scene as a process ends that is killed.
    func end() {
        broker.batch { broker.virtualHost.queueList().forEach { broker.virtualHost.delete($0) } }
        while let batch = broker.virtualHost.takeJournal() {
            broker.batch { broker.virtualHost.becomeDurable(batch) }
        }
        broker.end()
    }
}
