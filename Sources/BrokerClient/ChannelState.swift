import Wire

/// What a channel remembers between frames; guarded by the lock of its session.
final class ChannelState: @unchecked Sendable {
    enum Phase {
        case open
        /// channel.close was sent; whatever comes before its answer is ignored.
        case closing
        case ended(ClientError)
    }

    /// A method with content whose header and body have not all arrived.
    struct PartialContent {
        let method: Method
        var properties = BasicProperties()
        /// Octets announced by the header; `nil` until it is there.
        var bodySize: Int?
        var body: [UInt8] = []
    }

    let number: UInt16
    var phase = Phase.open
    /// In the order sent, which is the order of the answers.
    var calls: [PendingCall] = []
    var content: PartialContent?
    var consumers: [ShortString: DeliveryBuffer] = [:]
    /// `nil` until confirm.select.
    var confirms: ConfirmTracker?
    /// Whether the broker allows publishing (channel.flow).
    var isFlowing = true
    /// How many messages were returned so far.
    var returnedCount = 0
    /// Where returned messages go, once somebody has asked for them.
    var returnSink: AsyncStream<ReturnedMessage>.Continuation?
    /// Where confirms are reported, once somebody has asked for them.
    var confirmSink: AsyncStream<Confirmation>.Continuation?
    /// The prefetch count last set, a hint for how much a consumer may have to hold.
    var prefetchCount: UInt16 = 0

    init(number: UInt16) {
        self.number = number
    }

    /// What stops a method from being sent now.
    var obstacle: ClientError? {
        switch phase {
        case .open: nil
        case .closing: .closed
        case .ended(let error): error
        }
    }

    /// Lets the task go that waits for a call; the answer will be dropped when it comes.
    func abandonCall(_ number: UInt64) {
        guard let index = calls.firstIndex(where: { $0.number == number }) else { return }
        calls[index].continuation?.resume(returning: .failure(.cancelled))
        calls[index].continuation = nil
    }

    /// Fails and finishes whatever hangs on the channel.
    ///
    /// - Parameters:
    ///   - error: `.closed` when this side asked for it, which ends streams without an error.
    ///   - session: Owner of the lock, which is held.
    /// - Returns: How many awaited answers will not come.
    func end(_ error: ClientError, session: Session) -> Int {
        phase = .ended(error)
        let abandoned = calls
        calls.removeAll()
        for call in abandoned { call.continuation?.resume(returning: .failure(error)) }
        for buffer in consumers.values {
            buffer.finish(error == .closed ? nil : error, session: session)
        }
        consumers.removeAll()
        returnSink?.finish()
        confirmSink?.finish()
        return abandoned.count + (confirms?.fail(error) ?? 0)
    }
}
