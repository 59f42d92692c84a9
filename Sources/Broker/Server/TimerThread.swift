import Glibc

/// The thread that calls a virtual host when time alone brings something about.
///
/// It sleeps until the host's next deadline, whoever set it, and sends what came of it. Without
/// deadlines it never wakes up; what is due while a reactor is at work anyway, the reactor's batch
/// deals with.
final class TimerThread: @unchecked Sendable {
    /// How long others may take the lock before the thread goes on with what is due, in
    /// microseconds: a thread that unlocks and locks at once is quicker than any that it wakes.
    private static let gap: UInt32 = 50

    private let domain: VirtualHostDomain
    private let alarm = Alarm()
    private let notify: @Sendable (ShellAddress) -> Void
    private var flusher = Flusher()

    /// Readies the thread's work; nothing runs yet.
    ///
    /// - Parameters:
    ///   - domain: Whose deadlines it keeps.
    ///   - notify: Brings a notice to the reactor that owns a connection.
    init(_ domain: VirtualHostDomain, notify: @escaping @Sendable (ShellAddress) -> Void) {
        self.domain = domain
        self.notify = notify
        domain.lock.withLock {
            domain.alarm = alarm
            domain.setAlarm()
        }
    }

    /// Serves until `stop`.
    func run() {
        while alarm.wait() {
            while act() { usleep(TimerThread.gap) }
        }
    }

    /// Acts on what is due.
    ///
    /// - Returns: Whether there is more.
    private func act() -> Bool {
        domain.lock.lock()
        domain.alarmHasRung()
        let now = SystemClock.now()
        domain.virtualHost.begin(at: now)
        let isLate = domain.virtualHost.nextDeadline <= now
        return flusher.finish(domain, notify: notify) || isLate
    }

    func stop() { alarm.stop() }
}
