import Wire

/// What one consumer is sent, in order.
///
/// It ends without an error when the consumer was cancelled with `Channel.cancel` or the channel
/// or connection was closed by this side; it throws when the broker ended any of them. A cancelled
/// task gets the end of the sequence, and what was received stays for the next reader.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery
    public typealias Failure = ClientError

    /// The channel on which deliveries are acknowledged.
    public let channel: Channel
    /// The consumer's name, for `Channel.cancel`.
    public let consumerTag: ShortString
    let buffer: DeliveryBuffer

    /// Takes deliveries one at a time.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let deliveries: Deliveries

        init(_ deliveries: Deliveries) {
            self.deliveries = deliveries
        }

        /// The next delivery, waiting for one if need be.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(ClientError) -> Delivery? {
            try await deliveries.next()
        }
    }

    /// A reader; all readers of one consumer share its deliveries.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(self)
    }

    /// A delivery that is there already, without waiting.
    public func nextIfReady() throws(ClientError) -> Delivery? {
        try channel.lock.withLock { buffer.take(session: channel.session) }?.get() ?? nil
    }

    private func next() async throws(ClientError) -> Delivery? {
        let lock = channel.lock
        let session = channel.session
        let ready: Result<Delivery?, ClientError>? = lock.withLock {
            buffer.take(session: session) ?? (Task.isCancelled ? .success(nil) : nil)
        }
        if let ready { return try ready.get() }
        let number = lock.withLock { session.nextCallNumber() }
        let result: Result<Delivery?, ClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lock.withLock {
                    if let ready = buffer.take(session: session) {
                        continuation.resume(returning: ready)
                    } else if Task.isCancelled {
                        continuation.resume(returning: .success(nil))
                    } else {
                        buffer.wait(number: number, continuation)
                    }
                }
            }
        } onCancel: {
            lock.withLockSoon { [buffer] in buffer.abandon(number: number) }
        }
        return try result.get()
    }
}
