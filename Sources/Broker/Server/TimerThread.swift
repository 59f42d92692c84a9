/// The thread that calls a virtual host when time alone brings something about.
///
/// It sleeps until the host's next deadline, whoever set it, and sends what came of it. Without
/// deadlines it never wakes up; what is due while a reactor is at work anyway, the reactor's batch
/// deals with.
final class TimerThread: @unchecked Sendable {
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
            var isLeft = true
            while isLeft {
                domain.lock.lock()
                domain.alarmHasRung()
                domain.virtualHost.begin(at: SystemClock.now())
                isLeft = flusher.finish(domain, notify: notify)
            }
        }
    }

    func stop() { alarm.stop() }
}
