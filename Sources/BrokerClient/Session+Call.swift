import Wire

/// The answer to a method, with the message that came along with a basic.get-ok.
struct Reply: Sendable {
    var method: Method
    var message: Message?
}

/// A method whose answer is awaited.
struct PendingCall {
    let number: UInt64
    /// Done with the lock held before anything after the answer is read.
    let accept: (@Sendable (Reply) -> Void)?
    /// `nil` once the waiting task was cancelled; the answer still has to be taken off the queue.
    var continuation: CheckedContinuation<Result<Reply, ClientError>, Never>?
}

extension Session {
    /// Sends a method and waits for its answer; takes the lock itself.
    ///
    /// - Parameters:
    ///   - request: The method.
    ///   - channel: Where to send it.
    ///   - replyType: What the answer has to be.
    ///   - accept: Runs with the lock held, before the next frame is looked at.
    /// - Returns: The answer's arguments.
    /// - Throws: Why there was no such answer.
    func call<Answer: MethodArguments>(
        _ request: some MethodArguments,
        on channel: ChannelState,
        expecting replyType: Answer.Type,
        accept: (@Sendable (Reply) -> Void)? = nil
    ) async throws(ClientError) -> Answer {
        let reply = try await call(request, on: channel, accept: accept)
        guard let answer = reply.method.arguments as? Answer else {
            throw .protocolViolation(
                "the broker answered \(type(of: request).id) with \(reply.method.name)"
            )
        }
        return answer
    }

    /// Sends a method and waits for whatever answers it; takes the lock itself.
    func call(
        _ request: some MethodArguments,
        on channel: ChannelState,
        accept: (@Sendable (Reply) -> Void)? = nil
    ) async throws(ClientError) -> Reply {
        let number = lock.withLock { nextCallNumber() }
        let result: Result<Reply, ClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lock.withLock {
                    if let error = Task.isCancelled ? .cancelled : obstacle(on: channel) {
                        continuation.resume(returning: .failure(error))
                        return
                    }
                    send(request, on: channel.number)
                    expectAnswer(number, on: channel, accept: accept, continuation: continuation)
                }
            }
        } onCancel: {
            lock.withLockSoon { channel.abandonCall(number) }
        }
        return try result.get()
    }

    /// Notes that the next answer on `channel` belongs to `continuation`.
    func expectAnswer(
        _ number: UInt64,
        on channel: ChannelState,
        accept: (@Sendable (Reply) -> Void)? = nil,
        continuation: CheckedContinuation<Result<Reply, ClientError>, Never>
    ) {
        channel.calls.append(
            PendingCall(number: number, accept: accept, continuation: continuation)
        )
        beginWaiting()
    }

    /// Says goodbye and waits for the answer or the end of the connection; takes the lock itself.
    func close(code: ReplyCode, text: String) async {
        let alarm = Task { [socket, timeout = options.closeTimeout] in
            do {
                try await Task.sleep(for: timeout)
                socket.shutDown()
            } catch {
                // Cancelled: the goodbye was answered.
                return
            }
        }
        let _: Result<Reply, ClientError> = await withCheckedContinuation { continuation in
            lock.withLock {
                guard case .open = phase, let own = channels[0] else {
                    if isEnded { return continuation.resume(returning: .failure(.closed)) }
                    return joinClosing(continuation)
                }
                let close = ConnectionClose(
                    replyCode: code.value,
                    replyText: ShortString(shortening: text),
                    classID: 0,
                    methodID: 0
                )
                send(close, on: 0)
                phase = .closing
                expectAnswer(nextCallNumber(), on: own, continuation: continuation)
                lock.signal(.reader)
                wakePublishers()
            }
        }
        alarm.cancel()
    }

    /// A second caller of close waits for the same end as the first.
    private func joinClosing(
        _ continuation: CheckedContinuation<Result<Reply, ClientError>, Never>
    ) {
        guard let own = channels[0] else {
            return continuation.resume(returning: .failure(.closed))
        }
        expectAnswer(nextCallNumber(), on: own, continuation: continuation)
    }

    /// Drops the connection without a goodbye; takes the lock itself.
    func abandon() {
        lock.withLock { end(.closed) }
        socket.shutDown()
    }
}
