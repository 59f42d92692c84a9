/// What becomes of one batch of a virtual host's journal, in single steps.
///
/// The journal thread walks them one after another, holding the lock for `take` and `publish`
/// only; the simulator walks the same steps with clients, faults and crashes between them.
struct JournalCycle {
    private let virtualHost: VirtualHost
    private let journal: Journal
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
    init(_ virtualHost: VirtualHost, _ journal: Journal) {
        self.virtualHost = virtualHost
        self.journal = journal
        virtualHost.startJournal(at: journal.endLSN)
    }

    /// Takes what has collected, under the lock.
    ///
    /// - Returns: Whether there was anything.
    mutating func take() -> Bool {
        guard case .take = step, let batch = virtualHost.takeJournal() else { return false }
        step = .write(batch)
        return true
    }

    /// Writes the batch and makes it as durable as the sync policy says, without the lock.
    ///
    /// - Throws: `.diskFull`, after which it may be called again; or what ends the journal's use.
    mutating func write() throws(StorageError) {
        guard case .write(let batch) = step else { return }
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
        virtualHost.becomeDurable(batch)
        let held = virtualHost.releaseHeldPublishers()
        step = .remove(before: virtualHost.removableLSN)
        return held
    }

    /// Removes the segments nothing needs any more, without the lock; the cycle begins anew.
    ///
    /// - Throws: `.io`; the segments that are left can be removed next time.
    mutating func remove() throws(StorageError) {
        guard case .remove(let lsn) = step else { return }
        step = .take
        guard let first = journal.segments.first, first.isSealed, first.end <= lsn else { return }
        try journal.remove(segmentsBefore: lsn)
    }
}
