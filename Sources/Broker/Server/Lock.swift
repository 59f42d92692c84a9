import CLinux
import Glibc

/// A mutual exclusion lock: pthread's, which costs half of `Synchronization.Mutex` uncontended
/// and is understood by ThreadSanitizer.
///
/// Not recursive. Nothing below the core takes one; see docs/architecture.md for the order.
@safe
struct Lock: ~Copyable, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        let error = unsafe pthread_mutex_init(mutex, nil)
        precondition(error == 0, "pthread_mutex_init fails only for attributes")
    }

    deinit {
        let error = unsafe pthread_mutex_destroy(mutex)
        precondition(error == 0, "a lock was destroyed while held")
        unsafe mutex.deallocate()
    }

    /// Takes the lock, waiting for its holder if there is one.
    @inline(__always)
    func lock() {
        let error = unsafe pthread_mutex_lock(mutex)
        precondition(error == 0, "pthread_mutex_lock fails only for invalid mutexes")
    }

    /// Lets the lock go; the caller holds it.
    @inline(__always)
    func unlock() {
        let error = unsafe pthread_mutex_unlock(mutex)
        precondition(error == 0, "pthread_mutex_unlock fails only for invalid mutexes")
    }

    /// Runs `body` while holding the lock.
    @inline(__always)
    func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
