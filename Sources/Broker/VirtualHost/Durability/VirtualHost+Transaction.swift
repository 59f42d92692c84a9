import Wire

/// Journaling what tx.commit does as one unit.
extension Handle where State == VirtualHostState {
    /// Begins a transaction: what is journaled up to its end counts as a whole or not at all.
    ///
    /// Begin and end belong into one turn under the lock, so all of it goes into one batch.
    ///
    /// - Returns: Where its record is, for the end; `nil` without a journal.
    func beginJournaledTransaction() -> UInt64? {
        guard state.journal.isOn else { return nil }
        flushNewValues()
        flushSettledRun()
        journalStreamEnds()
        let lsn = state.journal.buffer.nextLSN
        journal(.transaction(octets: 0))
        state.journal.transactionLSN = lsn
        return lsn
    }

    /// Ends a transaction; one that journaled nothing leaves no trace.
    func endJournaledTransaction(_ beginning: UInt64?) {
        guard let beginning else { return }
        state.journal.transactionLSN = nil
        flushNewValues()
        flushSettledRun()
        journalStreamEnds()
        let start = beginning + TransactionGate.frameSize
        let octets = state.journal.buffer.nextLSN - start
        if octets > 0 {
            state.journal.buffer.fill(octets, at: beginning)
        } else {
            state.journal.buffer.removeFrames(from: beginning)
        }
    }
}
