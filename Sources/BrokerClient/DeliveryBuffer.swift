import Wire

/// Deliveries of one consumer that the application has not taken yet; guarded by the session's
/// lock.
final class DeliveryBuffer: @unchecked Sendable {
    typealias Waiter = CheckedContinuation<Result<Delivery?, ClientError>, Never>

    private enum End {
        case finished
        case failed(ClientError)
    }

    private let countMax: Int
    private let bytesMax: Int
    private var deliveries: [Delivery?] = []
    /// Where the untaken ones start in `deliveries`.
    private var head = 0
    private var bytes = 0
    private var isFull = false
    private var end: End?
    private var waiters: [(number: UInt64, continuation: Waiter)] = []

    init(countMax: Int, bytesMax: Int) {
        self.countMax = countMax
        self.bytesMax = bytesMax
    }

    private var count: Int { deliveries.count - head }

    func append(_ delivery: Delivery, session: Session) {
        guard end == nil else { return }
        guard waiters.isEmpty else {
            return waiters.removeFirst().continuation.resume(returning: .success(delivery))
        }
        deliveries.append(delivery)
        bytes += delivery.message.body.count
        if !isFull, count >= countMax || bytes >= bytesMax {
            isFull = true
            session.fullBuffers += 1
        }
    }

    /// The next delivery, the end of the stream, or `nil` when there is neither yet.
    func take(session: Session) -> Result<Delivery?, ClientError>? {
        if head < deliveries.count, let delivery = deliveries[head] {
            deliveries[head] = nil
            head += 1
            bytes -= delivery.message.body.count
            compact()
            if isFull, count <= countMax / 2, bytes <= bytesMax / 2 { leaveFull(session) }
            return .success(delivery)
        }
        switch end {
        case .finished: return .success(nil)
        case .failed(let error):
            end = .finished
            return .failure(error)
        case nil: return nil
        }
    }

    private func compact() {
        if head == deliveries.count {
            deliveries.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024, head > deliveries.count / 2 {
            deliveries.removeFirst(head)
            head = 0
        }
    }

    private func leaveFull(_ session: Session) {
        isFull = false
        session.fullBuffers -= 1
        session.lock.signal(.reader)
    }

    func wait(number: UInt64, _ continuation: Waiter) {
        waiters.append((number, continuation))
    }

    /// Ends the wait of a cancelled task.
    func abandon(number: UInt64) {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return }
        waiters.remove(at: index).continuation.resume(returning: .success(nil))
    }

    /// Ends the stream after what is in it; with an error, unless the end was asked for.
    func finish(_ error: ClientError?, session: Session) {
        guard end == nil else { return }
        if isFull { leaveFull(session) }
        end = error.map { .failed($0) } ?? .finished
        for waiter in waiters {
            waiter.continuation.resume(returning: error.map { .failure($0) } ?? .success(nil))
        }
        waiters.removeAll()
    }

    /// Drops what nobody will take any more and ends the stream.
    func discard(session: Session) {
        finish(nil, session: session)
        deliveries.removeAll()
        head = 0
        bytes = 0
    }
}
