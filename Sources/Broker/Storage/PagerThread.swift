import CLinux
import Glibc

/// The thread that moves messages of one virtual host between memory and disk.
final class PagerThread: @unchecked Sendable {
    /// How long to wait before a full disk is tried again, in microseconds.
    private static let retryInterval: UInt32 = 200_000

    private let domain: VirtualHostDomain
    private let pager: Pager
    private let notify: @Sendable (ShellAddress) -> Void
    private let wakeUp = WakeUp()
    private var flusher = Flusher()

    /// Readies the thread's work; nothing runs yet.
    ///
    /// - Parameters:
    ///   - domain: Whose messages; its core is told to page from now on.
    ///   - pager: Ready.
    ///   - budget: Octets of messages to keep in memory.
    ///   - notify: Brings a notice to the reactor that owns a connection.
    init(
        _ domain: VirtualHostDomain,
        _ pager: Pager,
        budget: Int,
        notify: @escaping @Sendable (ShellAddress) -> Void
    ) {
        self.domain = domain
        self.pager = pager
        self.notify = notify
        domain.pagerWakeUp = wakeUp
        domain.virtualHost.startPaging(budget: budget)
    }

    /// Serves until `stop`.
    func run() {
        while wakeUp.wait() != .stop {
            var outcome = Pager.Outcome.worked
            while outcome != .idle {
                outcome = pager.step(enter)
                if outcome == .full {
                    // Reading goes on meanwhile: each try serves what was asked for.
                    usleep(PagerThread.retryInterval)
                }
                if wakeUp.isStopping { return }
            }
            if domain.lock.withLock(domain.virtualHost.takeShrinkage) != nil {
                // A drained backlog leaves the allocator with hundreds of megabytes of holes.
                clinux_trim_memory()
            }
        }
    }

    func stop() { wakeUp.wake(.stop) }

    private func enter(_ body: (VirtualHost) -> [ShellAddress]) {
        domain.lock.lock()
        domain.virtualHost.begin(at: SystemClock.now())
        let held = body(domain.virtualHost) + domain.virtualHost.releaseHeldPublishers()
        _ = flusher.finish(domain, notify: notify)
        for address in held { notify(address) }
    }
}
