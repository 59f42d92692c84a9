/// A virtual host and the one lock around it and all that belongs to it.
///
/// Whoever calls into the core holds this lock: reactors once for each received batch, the
/// flusher to account for what it sent, inspection for a slice at a time.
final class VirtualHostDomain: @unchecked Sendable {
    let lock = Lock()
    let virtualHost: VirtualHost
    /// Wakes the thread that writes its journal; `nil` without one.
    var journalWakeUp: WakeUp?

    init(_ virtualHost: VirtualHost) { self.virtualHost = virtualHost }

    /// Wakes the journal thread if the last batch left it work; called under the lock.
    @inline(__always)
    func wakeJournal() {
        guard let journalWakeUp, virtualHost.hasJournalWork else { return }
        journalWakeUp.wake(virtualHost.state.journal.isUrgent ? .now : .soon)
    }
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
