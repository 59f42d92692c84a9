import Wire

extension Channel {
    /// Makes the broker confirm every message from now on (confirm.select).
    ///
    /// - Parameter windowMax: How many messages may be unconfirmed before `publish` suspends;
    ///   at least 1.
    /// - Throws: `.channelClosed` with 406 on a channel with transactions.
    public func enableConfirms(windowMax: Int = 1024) async throws(ClientError) {
        precondition(windowMax >= 1, "a window has room for one message at least")
        let state = state
        _ = try await call(ConfirmSelect(), expecting: ConfirmSelectOk.self) { _ in
            if state.confirms == nil {
                state.confirms = ConfirmTracker(windowMax: windowMax)
            } else {
                state.confirms?.windowMax = windowMax
            }
        }
    }

    /// Publishes and waits for the broker's word on this message.
    ///
    /// Confirm mode has to be on. Other parameters are those of `publish`.
    ///
    /// - Returns: Whether the broker took responsibility (ack) or refused (nack).
    /// - Throws: Why the channel ended before the confirm came; the message may or may not have
    ///   been taken then.
    public func publishConfirmed(
        _ message: Message,
        to exchange: ShortString = "",
        routingKey: ShortString,
        isMandatory: Bool = false
    ) async throws(ClientError) -> Bool {
        let method = BasicPublish(
            exchange: exchange,
            routingKey: routingKey,
            mandatory: isMandatory
        )
        while true {
            if let isAccepted = try await attemptConfirmed(method, message) { return isAccepted }
            await session.waitToPublish { self.mayPublish }
            if Task.isCancelled { throw .cancelled }
        }
    }

    /// Publishes and waits in one step, so that no confirm comes between.
    ///
    /// - Returns: `nil` when there was no room to publish.
    private func attemptConfirmed(
        _ method: BasicPublish,
        _ message: Message
    ) async throws(ClientError) -> Bool? {
        let call = lock.withLock { session.nextCallNumber() }
        let result: Result<Bool?, ClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lock.withLock {
                    do throws(ClientError) {
                        switch try attemptPublish(method, message) {
                        case .wait: continuation.resume(returning: .success(nil))
                        case .published(nil):
                            preconditionFailure("confirm mode is off; call enableConfirms")
                        case .published(let number?):
                            state.confirms?.wait(for: number, call: call, continuation)
                            session.beginWaiting()
                        }
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        } onCancel: {
            lock.withLockSoon { [state, session] in
                if state.confirms?.abandon(call: call) == true { session.endWaiting() }
            }
        }
        return try result.get()
    }

    /// Waits until every message published so far is confirmed.
    ///
    /// - Returns: How many were accepted and refused since confirm mode began.
    /// - Throws: Why the channel ended before.
    @discardableResult
    public func waitForConfirms() async throws(ClientError) -> ConfirmCounts {
        let call = lock.withLock { session.nextCallNumber() }
        let result: Result<ConfirmCounts, ClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lock.withLock {
                    if let error = Task.isCancelled ? .cancelled : session.obstacle(on: state) {
                        return continuation.resume(returning: .failure(error))
                    }
                    guard let confirms = state.confirms, confirms.unconfirmedCount > 0 else {
                        return continuation.resume(returning: .success(confirmCountsLocked))
                    }
                    state.confirms?.waitUntilIdle(call: call, continuation)
                    session.beginWaiting()
                }
            }
        } onCancel: {
            lock.withLockSoon { [state, session] in
                if state.confirms?.abandon(call: call) == true { session.endWaiting() }
            }
        }
        return try result.get()
    }

    /// How many messages were confirmed so far.
    public var confirmCounts: ConfirmCounts { lock.withLock { confirmCountsLocked } }

    private var confirmCountsLocked: ConfirmCounts { state.confirms?.counts ?? ConfirmCounts() }

    /// The broker's confirms as they come, for one reader.
    ///
    /// Those before the first use of this property are not in it. The window bounds how many wait
    /// to be read.
    public var confirmations: AsyncStream<Confirmation> {
        let (stream, sink) = AsyncStream<Confirmation>.makeStream()
        lock.withLock {
            state.confirmSink?.finish()
            state.confirmSink = sink
            if session.obstacle(on: state) != nil { sink.finish() }
        }
        return stream
    }
}
