import Glibc

/// The journal thread of one virtual host: takes batches, writes them, makes them durable.
///
/// Group commit: while one batch is being synced the next one collects, so that one sync pays for
/// everybody who waits. Answers that waited leave from this thread, right after the sync.
final class JournalWriter: @unchecked Sendable {
    /// How long to wait before a full disk is tried again, in microseconds.
    private static let retryInterval: UInt32 = 200_000

    private let domain: VirtualHostDomain
    private let journal: Journal
    private let log: Logger
    private let notify: @Sendable (ShellAddress) -> Void
    private let wakeUp = WakeUp()
    private var cycle: JournalCycle
    private var flusher = Flusher()

    /// Readies the writer; nothing runs yet.
    ///
    /// - Parameters:
    ///   - domain: Whose journal it is; its core is told to write one from now on.
    ///   - journal: Opened and replayed.
    ///   - log: For trouble with the disk.
    ///   - notify: Brings a notice to the reactor that owns a connection.
    init(
        _ domain: VirtualHostDomain,
        _ journal: Journal,
        log: Logger,
        notify: @escaping @Sendable (ShellAddress) -> Void
    ) {
        self.domain = domain
        self.journal = journal
        self.log = log
        self.notify = notify
        cycle = JournalCycle(domain.virtualHost, journal)
        domain.journalWakeUp = wakeUp
    }

    /// Serves until `stop`, and then until everything has been written.
    func run() {
        while true {
            let reason = wakeUp.wait()
            if reason != .now { writeBatch() }
            // What nobody waits for stays for a later batch: a sync for a few settlements would
            // only make the next confirm wait for it.
            while hasUrgentWork { writeBatch() }
            guard reason == .stop else { continue }
            writeBatch()
            close()
            return
        }
    }

    func stop() { wakeUp.wake(.stop) }

    /// Whether somebody waits for what has collected; what nobody waits for is seen to soon.
    private var hasUrgentWork: Bool {
        domain.lock.withLock {
            if domain.virtualHost.state.journal.isUrgent { return true }
            if domain.virtualHost.hasJournalWork { wakeUp.wake(.soon) }
            return false
        }
    }

    /// Writes what has collected.
    private func writeBatch() {
        guard domain.lock.withLock({ cycle.take() }) else { return }
        write()
        domain.lock.lock()
        domain.virtualHost.begin(at: SystemClock.now())
        let held = cycle.publish()
        // What is left unsent after its rounds stays marked, and the next turn takes it.
        _ = flusher.finish(domain, notify: notify)
        for address in held { notify(address) }
        removeSegments()
    }

    /// Writes and syncs; a full disk is waited out, any other failure ends the process.
    private func write() {
        var isBlocked = false
        while true {
            do throws(StorageError) {
                try cycle.write()
                break
            } catch .diskFull(let path) {
                if !isBlocked { block("no space left on the disk of \(path)") }
                isBlocked = true
                usleep(JournalWriter.retryInterval)
            } catch {
                // What the page cache holds cannot be trusted any more: nothing may be confirmed.
                log.error("journal cannot be written, stopping", ["error": "\(error)"])
                exit(ExitCode.journal.rawValue)
            }
        }
        if isBlocked { unblock() }
    }

    private func block(_ reason: String) {
        log.error("publishers held back", ["reason": reason])
        domain.lock.lock()
        domain.virtualHost.blockPublishers(reason)
        _ = flusher.finish(domain, notify: notify)
    }

    private func unblock() {
        log.info("publishers go on")
        domain.lock.lock()
        let held = domain.virtualHost.unblockPublishers()
        _ = flusher.finish(domain, notify: notify)
        for address in held { notify(address) }
    }

    private func close() {
        do throws(StorageError) {
            try journal.close()
        } catch {
            // Everything was durable before; only the next start has more to read.
            log.warning("journal not closed in order", ["error": "\(error)"])
        }
    }

    private func removeSegments() {
        do throws(StorageError) {
            try cycle.remove()
        } catch {
            log.warning("old journal segments stay", ["error": "\(error)"])
        }
    }
}
