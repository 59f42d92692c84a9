import CLinux
import Glibc

/// Sends what connections have waiting: without the lock, one system call for each and turn.
///
/// Any thread may flush any connection; `ConnectionState.isSending` keeps it to one at a time.
@safe
struct Flusher: ~Copyable {
    /// How often what came meanwhile is sent before others get their turn.
    private static let roundCountMax = 4
    /// Slices handed to one system call.
    private static let partCountMax = 64

    private var batch: [Connection] = []
    private var reports: [(count: Int, outcome: SendOutcome)] = []
    private var notices: [ShellAddress] = []
    private let parts: UnsafeMutablePointer<iovec>

    init() {
        unsafe parts = .allocate(capacity: Flusher.partCountMax)
        unsafe parts.initialize(repeating: iovec(), count: Flusher.partCountMax)
    }

    deinit { unsafe parts.deallocate() }

    /// Ends a batch under the domain's lock: pumps, takes what is to be sent, unlocks, sends.
    ///
    /// - Parameters:
    ///   - domain: Locked by the caller; unlocked when this returns.
    ///   - notify: Told of connections whose reactor must look at them.
    /// - Returns: Whether something is left to send in the next turn.
    mutating func finish(_ domain: VirtualHostDomain, notify: (ShellAddress) -> Void) -> Bool {
        let virtualHost = domain.virtualHost
        var isLeft = false
        for round in 0...Flusher.roundCountMax {
            virtualHost.finishBatch()
            domain.setAlarm()
            let work = domain.storageWork
            batch.removeAll(keepingCapacity: true)
            if round < Flusher.roundCountMax {
                virtualHost.takeDirty(into: &batch)
            } else {
                isLeft = virtualHost.state.dirty.count > 0
            }
            domain.lock.unlock()
            // Not before: the threads would wait for the lock as soon as they are awake.
            domain.wakeStorage(for: work)
            guard !batch.isEmpty else { break }
            reports.removeAll(keepingCapacity: true)
            for connection in batch { reports.append(send(connection)) }
            domain.lock.lock()
            account(virtualHost)
        }
        for address in notices { notify(address) }
        notices.removeAll(keepingCapacity: true)
        return isLeft
    }

    /// Tells the core what has been sent.
    private mutating func account(_ virtualHost: VirtualHost) {
        for index in batch.indices {
            let report = reports[index]
            let connection = batch[index]
            if virtualHost.finishSending(connection, count: report.count, outcome: report.outcome) {
                notices.append(connection.state.address)
            }
        }
    }

    /// Sends everything in the connection's `sending` ring, or as much as the socket takes.
    private func send(_ connection: Connection) -> (count: Int, outcome: SendOutcome) {
        let socket = connection.state.address.socket
        let segmentCount = connection.state.outbound.sending.count
        var total = 0
        var first = 0
        while first < segmentCount {
            let partCount = min(Flusher.partCountMax, segmentCount - first)
            var asked = 0
            for index in 0..<partCount {
                let segment = connection.state.outbound.sending[first + index]
                let size = segment.end - segment.start
                unsafe parts[index] = iovec(
                    iov_base: segment.base + segment.start,
                    iov_len: size
                )
                asked += size
            }
            let result = unsafe Syscalls.send(
                socket,
                parts: UnsafeBufferPointer(start: parts, count: partCount)
            )
            switch result {
            case .done(let count):
                total += count
                if count < asked { return (total, .full) }
            case .wouldBlock:
                return (total, .full)
            case .closed, .failed:
                return (total, .failed)
            }
            first += partCount
        }
        return (total, .sent)
    }
}
