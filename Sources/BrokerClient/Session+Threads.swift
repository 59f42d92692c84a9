import Wire

/// The two threads of a connection: one blocks in reading, one in writing.
extension Session {
    /// Octets asked of the system at a time.
    private static let readBytesMax = 128 << 10

    /// Starts both threads; called without the lock.
    func start() throws(ClientError) {
        let isWriting = NativeThread.start { self.write() }
        let isReading = isWriting && NativeThread.start { self.read() }
        guard isReading else {
            abandon()
            throw .unreachable("the system has no thread left for a connection")
        }
    }

    // MARK: Reading

    /// Reads until the connection is over, then stops the writer.
    private func read() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.readBytesMax,
            alignment: 16
        )
        defer { buffer.deallocate() }
        do throws(ClientError) {
            while try handleFrames() {
                try receive(buffer)
            }
            lingerAfterClose(buffer)
        } catch {
            lock.withLock { end(error) }
        }
        socket.shutDown()
    }

    /// Handles the whole frames that are there, pausing while deliveries pile up.
    ///
    /// - Returns: Whether to read on.
    private func handleFrames() throws(ClientError) -> Bool {
        try lock.withLock { () throws(ClientError) -> Bool in
            while true {
                while isHoldingInput { lock.wait(on: .reader) }
                if isEnded { return false }
                let frame: Frame?
                do throws(WireError) {
                    frame = try decoder.next(frameMax: tuning.frameMax)
                } catch {
                    throw .protocolViolation("the broker sent a malformed frame: \(error)")
                }
                guard let frame else { return true }
                try handle(frame)
            }
        }
    }

    /// Waits for octets, at most for two heartbeat intervals (AMQP 0-9-1 §4.2.7).
    private func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(ClientError) {
        let silence = UInt64(tuning.heartbeatSeconds) * 2_000_000_000
        let deadline = silence == 0 ? nil : MonotonicClock.now + silence
        switch socket.read(into: buffer, deadline: deadline) {
        case .bytes(let count):
            guard let base = buffer.baseAddress else { return }
            decoder.append(ByteView(base: UnsafeRawPointer(base), count: count))
        case .end:
            throw .connectionLost("\(options.address) closed the connection without a goodbye")
        case .timedOut:
            throw .connectionLost(
                "\(options.address) was silent for \(2 * tuning.heartbeatSeconds) seconds"
            )
        case .failed(let reason):
            throw .connectionLost("the connection to \(options.address) broke: \(reason)")
        }
    }

    /// After close-ok the peer closes first, so that nothing sent is lost with a reset.
    private func lingerAfterClose(_ buffer: UnsafeMutableRawBufferPointer) {
        let deadline = MonotonicClock.now + min(1_000_000_000, options.closeTimeout.nanoseconds)
        while case .bytes = socket.read(into: buffer, deadline: deadline) {}
    }

    // MARK: Writing

    /// Writes what is queued, all at once, and heartbeats when nothing is.
    private func write() {
        let interval = UInt64(tuning.heartbeatSeconds) * 500_000_000
        var lastWrite = MonotonicClock.now
        while let bytes = nextOutbound(heartbeatAt: interval == 0 ? nil : lastWrite + interval) {
            if socket.write(bytes) != nil {
                // The reader learns why, and reports what the broker may still have said.
                lock.withLock {
                    awaitEndAfterFailedWrite()
                }
                return
            }
            lastWrite = MonotonicClock.now
            lock.withLock { wakePublishers() }
        }
    }

    /// Takes the queued frames, waiting for some.
    ///
    /// - Parameter heartbeatAt: When to send a heartbeat instead, on the monotonic clock.
    /// - Returns: `nil` when the connection is over and everything is written.
    private func nextOutbound(heartbeatAt: UInt64?) -> [UInt8]? {
        lock.withLock {
            while outbound.bytes.isEmpty {
                if isEnded { return nil }
                if let heartbeatAt {
                    if lock.wait(on: .writer, until: heartbeatAt), outbound.bytes.isEmpty {
                        outbound.appendHeartbeat()
                    }
                } else {
                    lock.wait(on: .writer)
                }
            }
            let bytes = outbound.bytes
            outbound = FrameEncoder(capacity: min(bytes.count, options.outboundBytesMax))
            return bytes
        }
    }

    /// Makes sure that the reader notices, even if it is not reading.
    private func awaitEndAfterFailedWrite() {
        isWriteFailed = true
        outbound.removeAll()
        lock.signal(.reader)
    }
}
