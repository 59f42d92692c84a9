import Wire

/// The thread that copies live messages out of a journal's old segments, slowly.
///
/// Looks whether there is anything to gain at most once a second, and only while the journal is
/// written. Reads no faster than keeps the disk free for those who wait for it, unless the journal
/// grows faster than that.
final class CompactorThread: @unchecked Sendable {
    /// Octets read in a second while the journal grows slowly.
    private static let rate = 32 << 20
    /// For each octet that the journal grows by, this many may be read at once.
    private static let growthFactor = 2
    /// Between two looks at an idle journal, in nanoseconds.
    private static let restTime = 1_000_000_000
    /// While copies are on their way to the disk, in nanoseconds.
    private static let waitTime = 5_000_000

    private let domain: VirtualHostDomain
    private let compactor: Compactor
    private let wakeUp = WakeUp()
    /// How far the journal had come when its growth was last counted.
    private var countedLSN: UInt64 = 0
    /// Octets read that are not paid for, by growth or by time; negative when growth has paid for
    /// more than was read.
    private var debt = 0
    /// Growth counts for so many octets to come, at most.
    private static let creditMax = 16 << 20

    /// Readies the thread's work; nothing runs yet.
    init(_ domain: VirtualHostDomain, _ compactor: Compactor) {
        self.domain = domain
        self.compactor = compactor
        domain.compactorWakeUp = wakeUp
    }

    /// Serves until `stop`.
    func run() {
        while wakeUp.wait() != .stop {
            guard compactAll(), wakeUp.pause(nanoseconds: Self.restTime) else { return }
        }
    }

    func stop() { wakeUp.wake(.stop) }

    /// Compacts until there is nothing to gain.
    ///
    /// - Returns: `false` when asked to stop.
    private func compactAll() -> Bool {
        countedLSN = durableLSN
        debt = 0
        while true {
            switch compactor.step(enter) {
            case .idle: return true
            case .waiting:
                guard wakeUp.pause(nanoseconds: Self.waitTime) else { return false }
            case .worked(let size):
                guard pay(for: size) else { return false }
            }
        }
    }

    /// Sleeps off what was read too fast.
    private func pay(for size: Int) -> Bool {
        let durable = durableLSN
        let growth = Int(durable - countedLSN)
        countedLSN = durable
        debt = max(-Self.creditMax, debt + size - Self.growthFactor * growth)
        guard debt > 1 << 20 else { return !wakeUp.isStopping }
        let pause = debt * (1_000_000_000 / Self.rate)
        debt = 0
        return wakeUp.pause(nanoseconds: pause)
    }

    private var durableLSN: UInt64 {
        domain.lock.withLock { domain.virtualHost.state.journal.durableLSN }
    }

    private func enter(_ body: (VirtualHost) -> Void) {
        let work = domain.lock.withLock {
            body(domain.virtualHost)
            return domain.storageWork
        }
        domain.wakeStorage(for: work)
    }
}
