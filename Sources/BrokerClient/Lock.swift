import Glibc

/// A mutex with two conditions: the reader may go on, and the writer has work.
///
/// On `pthread_mutex` rather than `Synchronization.Mutex` because threads wait on conditions of
/// it, and because ThreadSanitizer understands it.
final class Lock: @unchecked Sendable {
    enum Condition: Int {
        case reader
        case writer
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let conditions = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 2)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(conditions, &attributes)
        pthread_cond_init(conditions + 1, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(conditions)
        pthread_cond_destroy(conditions + 1)
        conditions.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Holds the lock for `body` soon, for handlers of a task's cancellation.
    ///
    /// Such a handler runs inside the runtime's lock of the task, which resuming the task takes as
    /// well; and tasks are resumed under this lock. So it may not wait for this one itself.
    func withLockSoon(_ body: @escaping @Sendable () -> Void) {
        Task.detached { [self] in withLock(body) }
    }

    /// Releases the lock until signalled; the condition waited for must be checked again.
    func wait(on condition: Condition) {
        pthread_cond_wait(conditions + condition.rawValue, mutex)
    }

    /// The same with a limit.
    ///
    /// - Parameters:
    ///   - condition: What to be woken for.
    ///   - deadline: Nanoseconds on the monotonic clock.
    /// - Returns: Whether the deadline passed.
    func wait(on condition: Condition, until deadline: UInt64) -> Bool {
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000),
            tv_nsec: Int(deadline % 1_000_000_000)
        )
        return pthread_cond_timedwait(conditions + condition.rawValue, mutex, &time) == ETIMEDOUT
    }

    func signal(_ condition: Condition) {
        pthread_cond_signal(conditions + condition.rawValue)
    }
}

/// The clock of heartbeats and time limits.
enum MonotonicClock {
    /// Nanoseconds since some fixed moment.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Whole nanoseconds, 0 for a negative duration.
    var nanoseconds: UInt64 {
        let parts = components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        return UInt64(parts.seconds) * 1_000_000_000 + UInt64(parts.attoseconds) / 1_000_000_000
    }
}
