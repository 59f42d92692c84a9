import Wire

/// One connection's state, shared by its reader thread, its writer thread and the tasks of the
/// application.
///
/// Invariant: `lock` guards every stored variable here, in `ChannelState` and in
/// `DeliveryBuffer`. Continuations are resumed with the lock held, which is safe because resuming
/// only schedules a task. Methods are called with the lock held unless they say otherwise.
final class Session: @unchecked Sendable {
    enum Phase {
        /// Methods may be sent.
        case open
        /// connection.close was sent, its answer is awaited, nothing else may be sent.
        case closing
        /// Over; the error is what every later call gets.
        case ended(ClientError)
    }

    let lock = Lock()
    let options: ConnectionOptions
    let socket: Socket
    let tuning: Tuning
    let serverProperties: FieldTable

    /// The reader thread's own; it needs no lock.
    var decoder: FrameDecoder
    var phase = Phase.open
    /// Frames that wait for the writer.
    var outbound = FrameEncoder()
    /// Channel 0, the connection's own, and the open channels.
    var channels: [UInt16: ChannelState] = [:]
    /// Where the search for a free channel number starts.
    private var lastNumber: UInt16 = 0
    /// Tasks that wait until they may publish.
    private var publishers = WaitingTasks()
    /// Tasks that wait for the broker to say something: while there are any, the reader goes on
    /// reading even if deliveries pile up, because the answer comes after them.
    private(set) var awaitedAnswers = 0
    /// Delivery buffers over their bound.
    var fullBuffers = 0
    /// Set when the socket takes no more; the reader finds out why.
    var isWriteFailed = false
    /// What connection.blocked gave as its reason, until connection.unblocked.
    var blockedReason: String?
    let notices: AsyncStream<ConnectionNotice>
    let noticeSink: AsyncStream<ConnectionNotice>.Continuation
    private var lastCallNumber: UInt64 = 0

    /// Takes over a connection whose handshake is done.
    init(socket: Socket, options: ConnectionOptions, opening: Handshake.Opening) {
        self.socket = socket
        self.options = options
        tuning = opening.tuning
        decoder = opening.decoder
        serverProperties = opening.serverProperties
        (notices, noticeSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
        channels[0] = ChannelState(number: 0)
    }

    var isEnded: Bool {
        if case .ended = phase { true } else { false }
    }

    /// Whether the reader has to leave what comes next to TCP's flow control.
    var isHoldingInput: Bool {
        guard case .open = phase, !isWriteFailed else { return false }
        return fullBuffers > 0 && awaitedAnswers == 0
    }

    /// What stops a method from being sent on `channel` now, if anything does.
    func obstacle(on channel: ChannelState) -> ClientError? {
        switch phase {
        case .open: channel.obstacle
        case .closing: .closed
        case .ended(let error): error
        }
    }

    /// Queues a method for the writer.
    func send(_ method: some MethodArguments, on channel: UInt16) {
        guard !isWriteFailed else { return }
        outbound.appendMethod(method, channel: channel)
        lock.signal(.writer)
    }

    /// Takes a number no channel uses and makes its state.
    func makeChannel() throws(ClientError) -> ChannelState {
        if case .ended(let error) = phase { throw error }
        guard case .open = phase else { throw .closed }
        let max = tuning.channelMax
        guard channels.count <= Int(max) else { throw .channelsExhausted(Int(max)) }
        repeat {
            lastNumber = lastNumber >= max ? 1 : lastNumber + 1
        } while channels[lastNumber] != nil
        let channel = ChannelState(number: lastNumber)
        channels[lastNumber] = channel
        return channel
    }

    // MARK: Waiting

    func beginWaiting() {
        awaitedAnswers += 1
        if fullBuffers > 0 { lock.signal(.reader) }
    }

    func endWaiting() {
        awaitedAnswers -= 1
    }

    func nextCallNumber() -> UInt64 {
        lastCallNumber += 1
        return lastCallNumber
    }

    /// Suspends until `isReady` holds or the task is cancelled; takes the lock itself.
    func waitToPublish(until isReady: @Sendable () -> Bool) async {
        let number = lock.withLock { nextCallNumber() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lock.withLock {
                    if isReady() || Task.isCancelled {
                        continuation.resume()
                    } else {
                        beginWaiting()
                        publishers.add(continuation, number: number)
                    }
                }
            }
        } onCancel: {
            lock.withLockSoon { [self] in
                if publishers.wake(number: number) { endWaiting() }
            }
        }
    }

    /// Lets every waiting publisher look again.
    func wakePublishers() {
        awaitedAnswers -= publishers.wakeAll()
    }

    // MARK: The end

    /// Ends the connection for everybody: calls fail, streams end, threads stop.
    func end(_ error: ClientError) {
        guard !isEnded else { return }
        phase = .ended(error)
        for channel in channels.values { end(channel, error) }
        channels.removeAll()
        wakePublishers()
        noticeSink.finish()
        lock.signal(.writer)
        lock.signal(.reader)
    }

    /// Ends one channel for everybody who uses it.
    func end(_ channel: ChannelState, _ error: ClientError) {
        channels[channel.number] = nil
        awaitedAnswers -= channel.end(error, session: self)
        wakePublishers()
    }
}

/// What both peers agreed on (AMQP 0-9-1 §1.4.2.5, connection.tune).
struct Tuning: Hashable, Sendable {
    /// Highest channel number.
    var channelMax: UInt16
    /// Largest frame in octets.
    var frameMax: Int
    /// 0 is no heartbeat.
    var heartbeatSeconds: UInt16
}

/// Suspended tasks, each woken exactly once.
struct WaitingTasks {
    private var continuations: [UInt64: CheckedContinuation<Void, Never>] = [:]

    mutating func add(_ continuation: CheckedContinuation<Void, Never>, number: UInt64) {
        continuations[number] = continuation
    }

    /// Wakes one and tells whether it was still waiting.
    mutating func wake(number: UInt64) -> Bool {
        guard let continuation = continuations.removeValue(forKey: number) else { return false }
        continuation.resume()
        return true
    }

    /// Wakes all and gives their number.
    mutating func wakeAll() -> Int {
        guard !continuations.isEmpty else { return 0 }
        let woken = continuations
        continuations.removeAll()
        for continuation in woken.values { continuation.resume() }
        return woken.count
    }
}
