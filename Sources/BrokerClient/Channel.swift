import Wire

/// A channel of a connection: the conversation in which things are declared, published and
/// consumed.
///
/// Any number of tasks may use it at the same time; the broker handles its methods in the order
/// sent. An error that the broker finds closes the channel, after which every call throws the
/// same `.channelClosed`.
public final class Channel: Sendable {
    /// The connection it belongs to, kept alive by it.
    public let connection: Connection
    let state: ChannelState

    init(connection: Connection, state: ChannelState) {
        self.connection = connection
        self.state = state
    }

    /// The channel's number on the wire, from 1.
    public var number: UInt16 { state.number }

    var session: Session { connection.session }
    var lock: Lock { connection.session.lock }

    /// Sends a method and waits for its answer.
    func call<Answer: MethodArguments>(
        _ request: some MethodArguments,
        expecting answer: Answer.Type,
        accept: (@Sendable (Reply) -> Void)? = nil
    ) async throws(ClientError) -> Answer {
        try await session.call(request, on: state, expecting: answer, accept: accept)
    }

    /// Sends a method that has no answer.
    func send(_ method: some MethodArguments) throws(ClientError) {
        try lock.withLock { () throws(ClientError) in
            if let error = session.obstacle(on: state) { throw error }
            session.send(method, on: state.number)
        }
    }

    /// Closes the channel and waits for the answer; a channel that has ended stays as it is.
    ///
    /// What was sent before is handled by the broker first; unacknowledged deliveries go back to
    /// their queues.
    public func close() async {
        let isOpen = lock.withLock { session.obstacle(on: state) == nil }
        guard isOpen else { return }
        let close = ChannelClose(
            replyCode: ReplyCode.success.value,
            replyText: "goodbye",
            classID: 0,
            methodID: 0
        )
        let _: Result<Reply, ClientError> = await withCheckedContinuation { continuation in
            lock.withLock {
                if let error = session.obstacle(on: state) {
                    return continuation.resume(returning: .failure(error))
                }
                session.send(close, on: state.number)
                state.phase = .closing
                session.expectAnswer(
                    session.nextCallNumber(),
                    on: state,
                    continuation: continuation
                )
            }
        }
    }

    /// Whether the channel has ended, and with what.
    public var end: ClientError? {
        lock.withLock { if case .ended(let error) = state.phase { error } else { nil } }
    }

    /// Limits how much the broker delivers before it is acknowledged (basic.qos).
    ///
    /// - Parameters:
    ///   - prefetchCount: Deliveries, 0 for no limit.
    ///   - isGlobal: Whether the limit is shared by all consumers of the channel; otherwise it
    ///     holds for each consumer started from now on (RabbitMQ's meaning).
    /// - Throws: Why the channel has ended.
    public func setPrefetch(
        _ prefetchCount: UInt16,
        isGlobal: Bool = false
    ) async throws(ClientError) {
        _ = try await call(
            BasicQos(prefetchCount: prefetchCount, global: isGlobal),
            expecting: BasicQosOk.self
        )
    }

    /// Asks the broker to stop or resume delivering (channel.flow); RabbitMQ refuses to stop.
    public func setFlow(isActive: Bool) async throws(ClientError) {
        _ = try await call(ChannelFlow(active: isActive), expecting: ChannelFlowOk.self)
    }
}
