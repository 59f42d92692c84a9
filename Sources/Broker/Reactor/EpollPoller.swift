import CLinux
import Glibc
import Synchronization

/// Names a registration with a poller: where the connection is kept, and which one it was.
///
/// Descriptors and slots are reused at once; the registration number is not, so an event that
/// was already under way for a closed connection is recognised and dropped.
struct PollToken: Hashable, Sendable {
    /// Index into the reactor's table; `UInt32.max` is the poller's own.
    let slot: UInt32
    /// Counts up with every registration of the reactor.
    let registration: UInt32

    init(slot: UInt32, registration: UInt32) {
        self.slot = slot
        self.registration = registration
    }

    fileprivate init(raw: UInt64) {
        slot = UInt32(truncatingIfNeeded: raw)
        registration = UInt32(truncatingIfNeeded: raw >> 32)
    }

    fileprivate var raw: UInt64 { UInt64(registration) << 32 | UInt64(slot) }
    fileprivate static let wake = Self(slot: .max, registration: .max)
}

/// What happened to one registered descriptor.
struct PollEvent: Equatable, Sendable {
    let token: PollToken
    private let flags: UInt32

    fileprivate init(_ event: epoll_event) {
        token = unsafe PollToken(raw: event.data.u64)
        flags = unsafe event.events
    }

    /// There is something to receive, an end of stream or an error included.
    var isReadable: Bool { flags & (clinux_readable | clinux_peer_closed | clinux_hung_up) != 0 }
    /// There is room to send, or sending will fail at once.
    var isWritable: Bool { flags & (clinux_writable | clinux_hung_up) != 0 }
    /// The peer sends no more; what it sent before is still to be received.
    var isPeerClosed: Bool { flags & clinux_peer_closed != 0 }
    /// Both directions are gone.
    var isHungUp: Bool { flags & clinux_hung_up != 0 }
}

/// Wakes a poller from any thread.
final class Waker: Sendable {
    private let event: FileDescriptor
    private let isUnderWay = Atomic<Bool>(false)

    fileprivate init() throws(SystemError) {
        let number = clinux_event_descriptor()
        if number < 0 { throw SystemError("cannot create an eventfd", .last) }
        event = FileDescriptor(owning: number)
    }

    fileprivate var number: Int32 { event.number }

    /// Makes the poller's current or next `wait` return at once.
    ///
    /// What was done before the call is visible to the woken thread after its `wait`. Calls
    /// while a wake is under way cost one atomic exchange and no system call.
    func wake() {
        if isUnderWay.exchange(true, ordering: .acquiringAndReleasing) { return }
        var one: UInt64 = 1
        // The descriptor is never read: edge-triggered, each write is an event of its own, and
        // 2^64 of them do not fit into its life.
        let result = unsafe withUnsafeBytes(of: &one) { bytes in
            unsafe Syscalls.write(number, bytes)
        }
        precondition(result == .done(8), "an eventfd takes every write: \(result)")
    }

    fileprivate func arrived() {
        _ = isUnderWay.exchange(false, ordering: .acquiringAndReleasing)
    }
}

/// Waits for many descriptors at once (epoll); belongs to one thread, except for its waker.
///
/// Connections are registered once, edge-triggered in both directions, and never modified: after
/// an event the owner must go on until `.wouldBlock`, or remember that it did not.
@safe
struct EpollPoller: ~Copyable {
    /// How a registered descriptor reports.
    enum Trigger {
        /// Once per change, both directions.
        case edge
        /// On every wait while there is something to receive; for listeners.
        case level
    }

    /// Wakes this poller from other threads.
    let waker: Waker
    private let epoll: FileDescriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// Opens a poller.
    ///
    /// - Parameter eventCountMax: The most events one `wait` reports; the rest comes with the
    ///   next one.
    /// - Throws: When the process is out of descriptors or memory.
    init(eventCountMax: Int = 256) throws(SystemError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        if number < 0 { throw SystemError("cannot create an epoll descriptor", .last) }
        let descriptor = FileDescriptor(owning: number)
        let waker = try Waker()
        let watchesWaker = clinux_epoll_add(
            descriptor.number,
            waker.number,
            clinux_readable | clinux_edge_triggered,
            PollToken.wake.raw
        )
        if watchesWaker != 0 { throw SystemError("cannot watch a descriptor", .last) }
        epoll = descriptor
        self.waker = waker
        unsafe events = .allocate(capacity: eventCountMax)
        unsafe events.initialize(repeating: epoll_event())
    }

    deinit { unsafe events.deallocate() }

    /// Registers a descriptor until it is closed or removed.
    ///
    /// - Parameters:
    ///   - descriptor: Open, not blocking, and not registered yet.
    ///   - token: Comes back with its events.
    ///   - trigger: Edges for connections, levels for listeners.
    /// - Throws: When the kernel's limit on watches is reached.
    func add(
        _ descriptor: Int32,
        _ token: PollToken,
        trigger: Trigger = .edge
    )
        throws(SystemError)
    {
        precondition(token != .wake, "the token is the poller's own")
        switch trigger {
        case .edge:
            let both = clinux_readable | clinux_writable | clinux_peer_closed
            try add(descriptor, token, flags: both | clinux_edge_triggered)
        case .level:
            try add(descriptor, token, flags: clinux_readable)
        }
    }

    /// Ends a registration; closing the descriptor does too.
    func remove(_ descriptor: Int32) {
        if clinux_epoll_remove(epoll.number, descriptor) != 0 {
            preconditionFailure("not registered: \(ErrorNumber.last)")
        }
    }

    /// Waits until something happens, the waker is used, or time is up.
    ///
    /// - Parameter timeout: `nil` waits for ever, zero or less only looks; rounded up to
    ///   milliseconds, so that a timer is due when its wait ends.
    /// - Returns: The number of events, to be read with `event(_:)` before the next call. 0 when
    ///   time is up or only the waker was used.
    func wait(timeout: Duration?) -> Int {
        let milliseconds = timeout.map { timeout in
            let (whole, rest) = max(0, timeout.clampedNanoseconds)
                .quotientAndRemainder(dividingBy: 1_000_000)
            return Int32(clamping: whole + (rest > 0 ? 1 : 0))
        }
        let count = unsafe epoll_wait(
            epoll.number,
            events.baseAddress,
            Int32(events.count),
            milliseconds ?? -1
        )
        if count < 0 {
            precondition(ErrorNumber.last.rawValue == EINTR, "epoll_wait: \(ErrorNumber.last)")
            return 0
        }
        return withoutWake(Int(count))
    }

    /// One of the events of the last `wait`.
    func event(_ index: Int) -> PollEvent { unsafe PollEvent(events[index]) }

    private func add(_ descriptor: Int32, _ token: PollToken, flags: UInt32) throws(SystemError) {
        if clinux_epoll_add(epoll.number, descriptor, flags, token.raw) == 0 { return }
        let error = ErrorNumber.last
        Syscalls.trapIfOurMistake(error)
        precondition(error.rawValue != EEXIST, "descriptor \(descriptor) is registered already")
        throw SystemError("cannot watch a descriptor", error)
    }

    /// Takes the waker's event out of the first `count`; says how many are left.
    private func withoutWake(_ count: Int) -> Int {
        for index in 0..<count where event(index).token == .wake {
            waker.arrived()
            unsafe events[index] = events[count - 1]
            return count - 1
        }
        return count
    }
}
