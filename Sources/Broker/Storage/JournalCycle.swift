/// What becomes of one batch of a virtual host's journal, in single steps.
///
/// The journal thread walks them one after another, holding the lock for `take` and `publish`
/// only; the simulator walks the same steps with clients, faults and crashes between them.
struct JournalCycle {
    private let virtualHost: VirtualHost
    private let journal: Journal
    private let streams: StreamStore
    /// What goes to the files of streams with this batch, and from them after it.
    private var streamWork: (batches: [StreamBatch], removals: [StreamRemoval]) = ([], [])
    /// Where in the batches of streams files begin.
    private var streamSegments: [[UInt64]] = []
    private(set) var step = Step.take

    /// What is to be done next.
    enum Step {
        /// `take` what has collected.
        case take
        /// `write` this; again, if the disk was full.
        case write(JournalBatch)
        /// `publish` that this is as durable as the sync policy wants.
        case publish(JournalBatch)
        /// `remove` the segments below.
        case remove(before: UInt64)
    }

    /// Readies the first step; the virtual host is told to write a journal from now on.
    ///
    /// - Parameters:
    ///   - virtualHost: Restored from the journal.
    ///   - journal: Opened and replayed.
    ///   - streams: The files of its streams.
    init(_ virtualHost: VirtualHost, _ journal: Journal, _ streams: StreamStore) {
        self.virtualHost = virtualHost
        self.journal = journal
        self.streams = streams
        virtualHost.startJournal(at: journal.endLSN)
    }

    /// Takes what has collected, under the lock.
    ///
    /// - Returns: Whether there was anything.
    mutating func take() -> Bool {
        guard case .take = step, let batch = virtualHost.takeJournal() else { return false }
        streamWork = virtualHost.takeStreamWork()
        step = .write(batch)
        return true
    }

    /// Writes the batch and makes it as durable as the sync policy says, without the lock; what
    /// it says of streams first.
    ///
    /// - Throws: `.diskFull`, after which it may be called again; or what ends the journal's use.
    mutating func write() throws(StorageError) {
        guard case .write(let batch) = step else { return }
        streamSegments = try streams.write(streamWork.batches)
        try unsafe journal.append(
            UnsafeMutableRawBufferPointer(start: batch.base, count: batch.count),
            firstLSN: batch.firstLSN
        )
        try journal.commit()
        step = .publish(batch)
    }

    /// Lets the answers leave that waited for the batch, under the lock.
    ///
    /// - Returns: The connections whose reactors must look at them.
    mutating func publish() -> [ShellAddress] {
        guard case .publish(let batch) = step else { return [] }
        virtualHost.streamsBecomeDurable(streamWork.batches, segments: streamSegments)
        streamWork.batches = []
        virtualHost.becomeDurable(batch)
        let held = virtualHost.releaseHeldPublishers()
        step = .remove(before: virtualHost.removableLSN)
        return held
    }

    /// Whether something written must still be synced by and by, in the journal or in a stream.
    var owesSync: Bool { journal.owesSync || streams.owesSync }

    /// Makes everything written durable, whatever the policy.
    ///
    /// - Throws: What ends the journal's use.
    func sync() throws(StorageError) {
        try streams.sync()
        try journal.sync()
    }

    /// Seals all files, so that the next start need not read them.
    func close() throws(StorageError) {
        try streams.close()
        try journal.close()
    }

    /// Removes the segments nothing needs any more, without the lock; the cycle begins anew.
    ///
    /// - Throws: `.io`; the segments that are left can be removed next time.
    mutating func remove() throws(StorageError) {
        guard case .remove(let lsn) = step else { return }
        step = .take
        let removals = streamWork.removals
        streamWork.removals = []
        let isDispensable = journal.segments.first.map { $0.isSealed && $0.end <= lsn } ?? false
        guard isDispensable || !removals.isEmpty else { return }
        // What made it dispensable comes first, whatever the policy.
        try sync()
        try streams.remove(removals)
        if isDispensable { try journal.remove(segmentsBefore: lsn) }
    }
}
