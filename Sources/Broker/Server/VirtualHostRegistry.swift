/// A virtual host and the one lock around it and all that belongs to it.
///
/// Whoever calls into the core holds this lock: reactors once for each received batch, the
/// flusher to account for what it sent, inspection for a slice at a time.
final class VirtualHostDomain: @unchecked Sendable {
    let lock = Lock()
    let virtualHost: VirtualHost
    /// Wakes the thread that writes its journal; `nil` without one.
    var journalWakeUp: WakeUp?
    /// What its journal takes of the disk; `nil` without one.
    var journalStatus: JournalStatus?
    /// What the last start brought back and could not; `nil` without a journal.
    var recovery: RecoverySummary?
    /// Rings for what time alone brings about; `nil` without a thread that listens.
    var alarm: Alarm?
    /// When the alarm is set to ring.
    private var alarmDeadline = Instant.distantFuture

    /// Wakes the thread that moves its messages between memory and disk; `nil` without one.
    var pagerWakeUp: WakeUp?
    /// Wakes the thread that keeps its journal small; `nil` without one.
    var compactorWakeUp: WakeUp?

    init(_ virtualHost: VirtualHost) { self.virtualHost = virtualHost }

    /// What the last batch left for the storage threads to do.
    struct StorageWork {
        /// Messages to move between memory and disk.
        let pages: Bool
        /// How soon the journal must be written.
        let journal: WakeUp.Reason
    }

    /// What there is to do for the storage threads; called under the lock.
    @inline(__always)
    var storageWork: StorageWork {
        var journal = WakeUp.Reason.none
        if virtualHost.hasJournalWork {
            journal = virtualHost.state.journal.isUrgent ? .now : .soon
        }
        return StorageWork(pages: virtualHost.hasPagingWork, journal: journal)
    }

    /// Wakes the threads that have something to do, best when the lock has been let go.
    @inline(__always)
    func wakeStorage(for work: StorageWork) {
        if work.pages { pagerWakeUp?.wake(.now) }
        if work.journal != .none { journalWakeUp?.wake(work.journal) }
    }

    /// Sets the alarm if something is due before it would ring; called under the lock.
    @inline(__always)
    func setAlarm() {
        let deadline = virtualHost.nextDeadline
        guard deadline < alarmDeadline, let alarm else { return }
        alarmDeadline = deadline
        alarm.set(to: deadline)
    }

    /// The alarm has rung and is not set any more; called under the lock.
    func alarmHasRung() { alarmDeadline = .distantFuture }
}

/// The virtual hosts of the server, by name.
final class VirtualHostRegistry: @unchecked Sendable {
    private let lock = Lock()
    private var domains: [[UInt8]: VirtualHostDomain] = [:]

    func domain(named name: [UInt8]) -> VirtualHostDomain? {
        lock.withLock { domains[name] }
    }

    /// Adds a virtual host under its name.
    func add(_ domain: VirtualHostDomain) {
        lock.withLock { domains[domain.virtualHost.state.name] = domain }
    }

    /// All of them, in order of their names.
    var all: [VirtualHostDomain] {
        lock.withLock {
            domains.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        }
    }
}
