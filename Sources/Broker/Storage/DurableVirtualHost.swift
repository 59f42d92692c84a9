import Wire

/// A virtual host brought back from its journal.
struct DurableVirtualHost {
    /// Files of removed segments of the journal that are kept for the next ones.
    private static let spareSegmentCountMax = 2

    let virtualHost: VirtualHost
    let journal: Journal
    let streams: StreamStore
    /// What the files could not give back.
    let report: RecoveryReport
    /// What their records promised and could not be made again.
    let losses: [RestoreLoss]
    /// Messages that are in queues again.
    let messageCount: Int
    /// Whether the journal ended within a transaction, which therefore never was.
    let endedInTransaction: Bool

    /// Opens, or begins, the journal of a virtual host and makes it what it was.
    ///
    /// - Parameters:
    ///   - name: The virtual host's name.
    ///   - disk: The data directory, locked.
    ///   - limits: Bounds of the virtual host.
    ///   - seed: Where its randomness comes from.
    ///   - now: The present, on the clock that later batches begin with.
    ///   - wallTime: Tells what the calendar says: what was to end by it ends by it again, and new
    ///     segments are marked with it.
    /// - Returns: The virtual host, its journal ready to go on, and what was lost.
    /// - Throws: When the disk cannot be used; damage inside files is reported, not thrown.
    static func open(
        _ name: [UInt8],
        on disk: any Disk,
        limits: Limits,
        seed: RandomSource.Seed,
        at now: Instant,
        wallTime: @escaping () -> WallTime
    ) throws(StorageError) -> DurableVirtualHost {
        var options = JournalOptions(
            directory: VirtualHostDirectory.path(name),
            nameHash: VirtualHostDirectory.hash(name),
            now: wallTime
        )
        options.segmentSize = limits.journalSegmentSize
        options.spareCountMax = Self.spareSegmentCountMax
        options.sync = limits.sync
        options.syncInterval = limits.syncInterval
        let fold = Fold()
        var (journal, report) = try Journal.open(disk, options) { lsn, payload, size in
            fold.take(payload, lsn: lsn, size: size)
        }
        let unfinished = fold.gate.openLSN
        if let unfinished { try journal.cut(to: unfinished) }
        let virtualHost = VirtualHost.make(name: name, limits: limits, seed: seed)
        virtualHost.begin(at: now)
        virtualHost.setWallTime(wallTime())
        var losses = virtualHost.restore(fold.state) + fold.unreadable
        let streams = StreamStore(disk, virtualHost: name, options: options)
        let found = try virtualHost.restoreStreams(
            from: streams,
            isJournalWhole: report.recordCount > 0 && !report.hasLostRecords
        )
        report.losses += found.damage
        losses += found.losses
        let messageCount = virtualHost.queueList().reduce(0) { $0 + $1.readyCount }
        return DurableVirtualHost(
            virtualHost: virtualHost,
            journal: journal,
            streams: streams,
            report: report,
            losses: losses,
            messageCount: messageCount,
            endedInTransaction: unfinished != nil
        )
    }
}

/// The fold of a journal while it is being read.
private final class Fold {
    let state = RecoveredState()
    var gate = TransactionGate()
    /// Records that check out and say nothing this version understands.
    var unreadable: [RestoreLoss] = []

    /// Takes in a record, or keeps it until its transaction is complete.
    func take(_ payload: ByteView, lsn: UInt64, size: Int) {
        guard gate.concerns(payload) else { return apply(lsn, payload, size) }
        gate.pass(payload, lsn: lsn, size: size, to: apply)
    }

    private func apply(_ lsn: UInt64, _ payload: ByteView, _ size: Int) {
        do throws(WireError) {
            try state.apply(payload, lsn: lsn, size: size)
        } catch {
            unreadable.append(.record(lsn: lsn, reason: error.description))
        }
    }
}
