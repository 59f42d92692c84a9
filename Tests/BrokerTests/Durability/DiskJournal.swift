import TestSupport

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
