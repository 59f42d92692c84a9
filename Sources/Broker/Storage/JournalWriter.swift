import CLinux
import Glibc

/// The journal thread of one virtual host: takes batches, writes them, makes them durable.
///
/// Group commit: while one batch is being synced the next one collects, so that one sync pays for
/// everybody who waits. Answers that waited leave from this thread, right after the sync.
final class JournalWriter: @unchecked Sendable {
    /// How long to wait before a full disk is looked at again.
    private static let retryInterval = Duration.milliseconds(200)
    /// How often free space is looked at when nothing is wrong and there is something to write.
    private static let spaceInterval = Duration.milliseconds(100)
    /// How long nothing is written before memory that large batches took is given back.
    private static let idleInterval = Duration.milliseconds(200)

    private let domain: VirtualHostDomain
    private let journal: Journal
    private let log: Logger
    private let notify: @Sendable (ShellAddress) -> Void
    private let wakeUp = WakeUp(looks: true)
    private var cycle: JournalCycle
    private var flusher = Flusher()
    private let diskFreeLimit: Int
    /// Octets free on the disk when it was looked at last.
    private var freeSpace: Int?
    private var spaceSeenAt = Instant.zero
    private var syncedAt = Instant.zero
    private var writtenAt = Instant.zero
    /// Large batches have been written, whose memory nobody may need now.
    private var hasUnusedMemory = false
    /// Publishers are held back.
    private var isHolding = false

    /// Readies the writer; nothing runs yet.
    ///
    /// - Parameters:
    ///   - domain: Whose journal it is; its core is told to write one from now on.
    ///   - journal: Opened and replayed.
    ///   - streams: The files of its streams.
    ///   - log: For trouble with the disk.
    ///   - notify: Brings a notice to the reactor that owns a connection.
    init(
        _ domain: VirtualHostDomain,
        _ journal: Journal,
        _ streams: StreamStore,
        log: Logger,
        notify: @escaping @Sendable (ShellAddress) -> Void
    ) {
        self.domain = domain
        self.journal = journal
        self.log = log
        self.notify = notify
        cycle = JournalCycle(domain.virtualHost, journal, streams)
        diskFreeLimit = domain.virtualHost.state.limits.diskFreeLimit
        domain.journalStatus = journal.status
        domain.journalWakeUp = wakeUp
    }

    /// Serves until `stop`, and then until everything has been written.
    func run() {
        lookAtSpace(again: true)
        while true {
            let reason = wakeUp.wait(atMost: patience)
            if reason != .now { writeBatch() }
            // What nobody waits for stays for a later batch: a sync for a few settlements would
            // only make the next confirm wait for it.
            while hasUrgentWork { writeBatch() }
            syncIfDue()
            lookAtSpace(again: isHolding)
            giveBackMemory()
            guard reason == .stop else { continue }
            writeBatch()
            close()
            return
        }
    }

    func stop() { wakeUp.wake(.stop) }

    /// How long to sleep when there is nothing to write; `nil` for as long as it takes.
    private var patience: Duration? {
        if isHolding { return JournalWriter.retryInterval }
        if cycle.owesSync {
            return max(.zero, journal.options.syncInterval - (SystemClock.now() - syncedAt))
        }
        return hasUnusedMemory ? JournalWriter.idleInterval : nil
    }

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
        let status = status
        domain.lock.lock()
        domain.journalStatus = status
        writtenAt = SystemClock.now()
        domain.virtualHost.begin(at: writtenAt)
        let held = cycle.publish()
        hasUnusedMemory = domain.virtualHost.state.journal.buffer.hasServedLarge
        // What is left unsent after its rounds stays marked, and the next turn takes it.
        _ = flusher.finish(domain, notify: notify)
        for address in held { notify(address) }
        removeSegments()
        syncIfDue()
        lookAtSpace(again: false)
        domain.compactorWakeUp?.wake(.now)
    }

    /// Writes and syncs; a full disk is waited out, any other failure ends the process.
    private func write() {
        var isFull = false
        while true {
            do throws(StorageError) {
                try cycle.write()
                break
            } catch .diskFull(let path) {
                if !isFull { refuse("no space left on the disk of \(path)") }
                isFull = true
                giveUpIfStopped()
                usleep(UInt32(JournalWriter.retryInterval / .microseconds(1)))
            } catch {
                fail(error)
            }
        }
        if isFull { lookAtSpace(again: true) }
    }

    /// Syncs what an earlier confirm has promised to be synced by now.
    private func syncIfDue() {
        guard cycle.owesSync else { return }
        let now = SystemClock.now()
        guard now - syncedAt >= journal.options.syncInterval else { return }
        do throws(StorageError) {
            try cycle.sync()
        } catch {
            fail(error)
        }
        syncedAt = now
        publishStatus()
    }

    /// Gives back what large batches took, once it has not been needed for a while.
    private func giveBackMemory() {
        guard hasUnusedMemory, SystemClock.now() - writtenAt >= JournalWriter.idleInterval else {
            return
        }
        hasUnusedMemory = false
        _ = domain.lock.withLock { domain.virtualHost.state.journal.buffer.takeUnused() }
        clinux_trim_memory()
    }

    /// What the page cache holds cannot be trusted any more: nothing may be confirmed.
    private func fail(_ error: StorageError) -> Never {
        log.error("journal cannot be written, stopping", ["error": "\(error)"])
        exit(ExitCode.journal.rawValue)
    }

    /// Ends a process that is to stop and cannot write the rest: nobody was told that it is kept.
    private func giveUpIfStopped() {
        guard wakeUp.isStopping else { return }
        log.error("stopped with a full disk, what was not confirmed is lost")
        exit(ExitCode.journal.rawValue)
    }

    // MARK: - Space

    /// Holds publishers back while there is less space than the limit says.
    ///
    /// - Parameter again: Look now, however short ago the last time was.
    private func lookAtSpace(again: Bool) {
        let now = SystemClock.now()
        guard again || now - spaceSeenAt >= JournalWriter.spaceInterval else { return }
        spaceSeenAt = now
        let before = freeSpace
        do throws(StorageError) {
            freeSpace = try journal.freeSpace()
            if (freeSpace ?? 0) < diskFreeLimit, try journal.dropSpares() {
                freeSpace = try journal.freeSpace()
            }
        } catch {
            log.warning("free disk space unknown", ["error": "\(error)"])
        }
        let isShort = (freeSpace ?? diskFreeLimit) < diskFreeLimit
        if isShort, !isHolding {
            hold("disk space low: \(freeSpace ?? 0) octets free")
        } else if !isShort, isHolding {
            letGo()
        }
        if freeSpace != before { publishStatus() }
    }

    private func hold(_ reason: String) {
        isHolding = true
        log.error("publishers held back", ["reason": reason])
        domain.lock.lock()
        domain.virtualHost.blockPublishers(reason)
        _ = flusher.finish(domain, notify: notify)
    }

    /// Holds publishers back and refuses what waits for the disk.
    private func refuse(_ reason: String) {
        if !isHolding { hold(reason) }
        domain.lock.lock()
        domain.virtualHost.refuseWaiting()
        _ = flusher.finish(domain, notify: notify)
    }

    private func letGo() {
        isHolding = false
        log.info("publishers go on")
        domain.lock.lock()
        let held = domain.virtualHost.unblockPublishers()
        _ = flusher.finish(domain, notify: notify)
        for address in held { notify(address) }
    }

    private var status: JournalStatus {
        var status = journal.status
        status.freeSpace = freeSpace
        return status
    }

    private func publishStatus() {
        let status = status
        domain.lock.withLock { domain.journalStatus = status }
    }

    private func close() {
        do throws(StorageError) {
            try cycle.close()
        } catch {
            // Everything was durable before; only the next start has more to read.
            log.warning("journal not closed in order", ["error": "\(error)"])
        }
    }

    private func removeSegments() {
        let count = journal.segments.count
        do throws(StorageError) {
            try cycle.remove()
        } catch {
            log.warning("old journal segments stay", ["error": "\(error)"])
        }
        if journal.segments.count < count { publishStatus() }
    }
}
