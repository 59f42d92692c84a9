import CLinux
import Glibc

/// Wakes one thread that sleeps until there is work, at once or after a little while.
///
/// The little while lets work that nobody waits for collect (acknowledgements on their way to the
/// journal); anything urgent cuts it short.
@safe
final class WakeUp: @unchecked Sendable {
    enum Reason: Int, Comparable {
        case none
        /// Within `patience`.
        case soon
        case now
        case stop

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// How long `.soon` may take, in nanoseconds.
    static let patience = 10_000_000

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var reason = Reason.none

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        let errors = unsafe pthread_mutex_init(mutex, nil) | pthread_cond_init(condition, nil)
        precondition(errors == 0, "mutexes and conditions without attributes can always be had")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Says that there is work; callable from every thread.
    func wake(_ reason: Reason) {
        unsafe pthread_mutex_lock(mutex)
        let isNews = reason > self.reason
        if isNews { self.reason = reason }
        unsafe pthread_mutex_unlock(mutex)
        if isNews { unsafe pthread_cond_signal(condition) }
    }

    /// Sleeps until there is work.
    ///
    /// - Returns: `.now` or `.stop`; a stop is remembered for the next call, too.
    func wait() -> Reason {
        unsafe pthread_mutex_lock(mutex)
        while reason == .none { unsafe pthread_cond_wait(condition, mutex) }
        if reason == .soon {
            var deadline = timespec()
            unsafe clock_gettime(CLOCK_REALTIME, &deadline)
            deadline.tv_nsec += WakeUp.patience
            if deadline.tv_nsec >= 1_000_000_000 {
                deadline.tv_nsec -= 1_000_000_000
                deadline.tv_sec += 1
            }
            var outcome: Int32 = 0
            while reason == .soon, outcome == 0 {
                outcome = unsafe pthread_cond_timedwait(condition, mutex, &deadline)
            }
        }
        let found = reason
        if reason != .stop { reason = .none }
        unsafe pthread_mutex_unlock(mutex)
        return found == .stop ? .stop : .now
    }
}
