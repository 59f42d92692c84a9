import CLinux
import Glibc
import Synchronization

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

    /// How long the thread looks for work before it sleeps, in nanoseconds.
    ///
    /// Longer than a client with one message in flight takes to answer a confirm with the next
    /// message, shorter than what it would take to fall asleep and be woken many times over.
    private static let attention: Int64 = 100_000
    /// How many vain looks in a row end the looking, until `probeInterval` waits later.
    private static let creditMax = 8
    private static let probeInterval = 64

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var reason = Reason.none
    /// The thread sleeps for `patience` at most.
    private var isDozing = false
    /// The thread sleeps, so that it must be woken.
    private var isAsleep = false
    /// The reason again, to look at without the mutex.
    private let hint = Atomic<Int>(0)
    /// Looks that will be taken before they are given up; belongs to the thread that waits.
    private var credit = 0
    private let mayLook: Bool
    private var waitCount = 0

    /// - Parameter looks: Whether the thread looks a little while whether work comes before it
    ///   falls asleep; with one processor nobody could bring any meanwhile.
    init(looks: Bool = false) {
        mayLook = looks && ProcessResources.processorCount > 1
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
        // A thread that dozes looks by itself when its time is over.
        let needsSignal = isNews && isAsleep && !(reason == .soon && isDozing)
        if isNews { hint.store(reason.rawValue, ordering: .relaxed) }
        unsafe pthread_mutex_unlock(mutex)
        if needsSignal { unsafe pthread_cond_signal(condition) }
    }

    /// Whether `.stop` has been said.
    var isStopping: Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return reason == .stop
    }

    /// Sleeps for a while, whatever else is said meanwhile.
    ///
    /// - Returns: `false`, and early, when `.stop` is said.
    func pause(nanoseconds: Int) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var deadline = WakeUp.deadline(after: nanoseconds)
        while reason != .stop {
            if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
        }
        return reason != .stop
    }

    /// Sleeps until there is work.
    ///
    /// Work that can wait is noticed when the thread has dozed for `patience`; only a thread that
    /// found nothing then sleeps until it is woken, so that an idle broker wakes up for nothing.
    ///
    /// - Parameter limit: Longest time to sleep; `nil` for no bound.
    /// - Returns: `.now`, `.soon` when its time has come, `.none` when `limit` has passed, or
    ///   `.stop`, which is remembered for the next call, too.
    func wait(atMost limit: Duration? = nil) -> Reason {
        lookForWork()
        unsafe pthread_mutex_lock(mutex)
        isAsleep = true
        let limitEnd = limit.map { WakeUp.deadline(after: Int($0.clampedNanoseconds)) }
        var deadline = WakeUp.deadline(after: WakeUp.patience)
        isDozing = true
        while reason < .now {
            if isDozing {
                if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                    isDozing = false
                    if reason == .soon { break }
                }
            } else if reason == .soon {
                deadline = WakeUp.deadline(after: WakeUp.patience)
                isDozing = true
            } else if var end = limitEnd {
                if unsafe pthread_cond_timedwait(condition, mutex, &end) == ETIMEDOUT { break }
            } else {
                unsafe pthread_cond_wait(condition, mutex)
            }
        }
        isDozing = false
        isAsleep = false
        let found = reason
        if reason != .stop { reason = .none }
        hint.store(reason.rawValue, ordering: .relaxed)
        unsafe pthread_mutex_unlock(mutex)
        return found
    }

    /// Looks a little while whether work comes before falling asleep.
    ///
    /// Falling asleep and being woken costs both threads more processor time than looking does,
    /// most of all where processors are virtual. A thread that looked in vain stops looking.
    private func lookForWork() {
        waitCount &+= 1
        guard mayLook, credit > 0 || waitCount % WakeUp.probeInterval == 0 else {
            return
        }
        let end = clinux_nanoseconds(CLOCK_MONOTONIC) + WakeUp.attention
        repeat {
            for _ in 0..<32 {
                if hint.load(ordering: .relaxed) >= Reason.now.rawValue {
                    credit = min(credit + 1, WakeUp.creditMax)
                    return
                }
                clinux_pause()
            }
        } while clinux_nanoseconds(CLOCK_MONOTONIC) < end
        credit = max(credit - 1, 0)
    }

    private static func deadline(after nanoseconds: Int) -> timespec {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let sum = time.tv_nsec + nanoseconds
        time.tv_sec += sum / 1_000_000_000
        time.tv_nsec = sum % 1_000_000_000
        return time
    }
}
