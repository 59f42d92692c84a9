import CLinux
import Glibc

/// Lets one thread sleep until an instant that others may bring forward.
@safe
final class Alarm: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var deadline = Instant.distantFuture
    private var isStopped = false

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        let errors =
            unsafe pthread_condattr_init(&attributes)
            | pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            | pthread_mutex_init(mutex, nil) | pthread_cond_init(condition, &attributes)
            | pthread_condattr_destroy(&attributes)
        precondition(errors == 0, "a condition on the monotonic clock can always be had")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Brings the alarm forward; a later instant than it is set to changes nothing.
    func set(to instant: Instant) {
        unsafe pthread_mutex_lock(mutex)
        let isEarlier = instant < deadline
        if isEarlier { deadline = instant }
        unsafe pthread_mutex_unlock(mutex)
        if isEarlier { unsafe pthread_cond_signal(condition) }
    }

    /// Ends the present wait and every later one.
    func stop() {
        unsafe pthread_mutex_lock(mutex)
        isStopped = true
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
    }

    /// Sleeps until the alarm rings; then it is not set any more.
    ///
    /// - Returns: `false` when it has been stopped.
    func wait() -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while !isStopped {
            if deadline == .distantFuture {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            if SystemClock.now() >= deadline {
                deadline = .distantFuture
                return true
            }
            var time = timespec()
            time.tv_sec = Int(deadline.nanoseconds / 1_000_000_000)
            time.tv_nsec = Int(deadline.nanoseconds % 1_000_000_000)
            unsafe pthread_cond_timedwait(condition, mutex, &time)
        }
        return false
    }
}
