import TestSupport
import Testing

@testable import Broker

/// A broker of dialogues with its journal and its pager on a memory disk, in the steps their
/// threads take, when the script says so.
final class DiskJournal {
    let broker: DialogueBroker
    let disk: MemoryDisk
    let report: RecoveryReport
    let losses: [RestoreLoss]
    let journal: Journal
    private var cycle: JournalCycle
    let pager: Pager
    /// What the pager had to complain about.
    let log = LineCollector()

    /// Starts a broker on what the disk holds.
    ///
    /// - Parameters:
    ///   - disk: Empty, or with what a life before left.
    ///   - segmentSize: Of the journal, in octets.
    ///   - budget: Octets of messages kept in memory; `nil` for all, and then messages that are on
    ///     disk only are read as soon as somebody asks for them.
    ///   - sync: What a confirm waits for.
    /// - Throws: What the disk refuses.
    init(
        _ disk: MemoryDisk,
        segmentSize: Int = 600,
        budget: Int? = nil,
        sync: SyncPolicy = .confirm
    ) throws(StorageError) {
        self.disk = disk
        var limits = Limits()
        limits.journalSegmentSize = segmentSize
        limits.sync = sync
        try disk.makeDirectory(VirtualHostDirectory.parent)
        let opened = try DurableVirtualHost.open(
            Array("/".utf8),
            on: disk,
            limits: limits,
            seed: DialogueBroker.seed,
            at: .zero + .seconds(1_000),
            wallTime: { WallTime(milliseconds: 1_800_000_000_000) }
        )
        report = opened.report
        losses = opened.losses
        broker = DialogueBroker(limits: limits, opened.virtualHost)
        journal = opened.journal
        cycle = JournalCycle(opened.virtualHost, opened.journal, opened.streams)
        pager = try Pager(
            disk,
            directory: VirtualHostDirectory.spillPath(Array("/".utf8)),
            journal: journal.options,
            catalog: journal.catalog,
            log: log.logger(level: .info)
        )
        if let budget {
            broker.virtualHost.startPaging(budget: budget)
        } else {
            broker.page = { [unowned self] in page() == .worked }
        }
    }

    /// Writes what has collected and makes it durable, then lets the answers leave.
    func writeAndSync() throws(StorageError) {
        if case .take = cycle.step, !cycle.take() { return }
        try cycle.write()
        broker.batch { _ = cycle.publish() }
        try cycle.remove()
    }

    /// Whether the journal thread is to sync something by and by.
    var owesSync: Bool { cycle.owesSync }

    /// Syncs what the policy has left.
    func sync() throws(StorageError) { try cycle.sync() }

    /// The pager does what there is to do, once.
    @discardableResult
    func page() -> Pager.Outcome {
        pager.step { body in
            broker.batch { _ = body(broker.virtualHost) }
            broker.batch { for peer in broker.peers { peer.process() } }
        }
    }

    /// The pager works until nothing is left to do.
    func pageAll() { while page() == .worked {} }

    /// Octets of messages in memory.
    var messageBytes: Int { broker.virtualHost.state.pool.messageBytes }

    /// Ends the scene as a process ends that is killed.
    func end() {
        for peer in broker.peers { peer.hangUp() }
        broker.batch { broker.virtualHost.queueList().forEach { broker.virtualHost.delete($0) } }
        pageAll()
        broker.batch { broker.virtualHost.stopPaging() }
        while let batch = broker.virtualHost.takeJournal() {
            broker.batch { broker.virtualHost.becomeDurable(batch) }
        }
        #expect(broker.virtualHost.state.paging.spillingBytes == 0)
        #expect(broker.virtualHost.state.paging.readerCount == 0)
        let isSpillDead = broker.virtualHost.state.paging.spillLedger.isDead(0)
        #expect(isSpillDead)
        broker.end()
    }
}
