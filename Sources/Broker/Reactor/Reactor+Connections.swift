import Wire

/// The life of a socket on its reactor.
extension Reactor {
    /// Takes over an accepted socket.
    func adopt(_ socket: AcceptedSocket, id: UInt64) {
        let token = drivers.makeToken()
        do throws(SystemError) {
            try poller.add(socket.descriptor, token)
        } catch {
            drivers.discard(token)
            Syscalls.close(socket.descriptor)
            environment.closed()
            return
        }
        let connection = Connection.make(
            id: id,
            peer: ConnectionPeer(
                host: socket.peer.host,
                port: socket.peer.port,
                localHost: socket.local.host,
                localPort: socket.local.port,
                isLoopback: socket.peer.isLoopback
            ),
            context: environment.context,
            at: now,
            wallTime: SystemClock.wallTime()
        )
        connection.state.address = ShellAddress(
            reactor: index,
            slot: token.slot,
            registration: token.registration,
            socket: socket.descriptor
        )
        let driver = ConnectionDriver(
            connection: connection,
            descriptor: socket.descriptor,
            token: token
        )
        drivers.insert(driver)
        list(driver)
    }

    /// Reads once and acts on it.
    func read(_ driver: ConnectionDriver) {
        switch driver.stage {
        case .serving: break
        case .lingering:
            discardInput(driver)
            return
        case .leaving:
            depart(driver)
            return
        }
        if driver.isReadingHeld, isStillHeld(driver) {
            // Its peer may be gone for good all the same; only writing would show.
            if driver.hasPeerClosed { abandon(driver) } else { settle(driver) }
            return
        }
        // Who is held again and again with much left over must not have more received each time.
        guard driver.mayHaveInput, driver.leftover.count <= ReceiveBuffer.fullLeftoverSizeMax else {
            process(driver, buffer.view(after: driver.leftover, count: 0), receivedCount: 0)
            if driver.mayHaveInput, !driver.isReadingHeld { list(driver) }
            settle(driver)
            return
        }
        let (result, bytes) = buffer.receive(driver.descriptor, after: driver.leftover)
        switch result {
        case .done(let count):
            let mayHaveMore = count == ReceiveBuffer.receiveSize || driver.hasPeerClosed
            driver.mayHaveInput = mayHaveMore
            process(driver, bytes, receivedCount: count)
            if mayHaveMore { list(driver) }
            settle(driver)
        case .wouldBlock:
            driver.mayHaveInput = false
            process(driver, bytes, receivedCount: 0)
            settle(driver)
        case .closed, .failed:
            abandon(driver)
        }
    }

    /// Feeds octets to the connection and keeps what it leaves over.
    ///
    /// - Parameters:
    ///   - driver: Whose they are.
    ///   - bytes: What was left over, then what was received.
    ///   - receivedCount: How many were received. They are counted under the lock, since from
    ///     connection.open on other threads touch the connection too.
    private func process(_ driver: ConnectionDriver, _ bytes: ByteView, receivedCount: Int) {
        var offset = 0
        let isInHandshake = driver.domain == nil
        if isInHandshake {
            driver.connection.state.counters.receivedBytes += UInt64(receivedCount)
            offset = handshake(driver, bytes)
        }
        if let domain = driver.domain {
            domain.lock.lock()
            domain.virtualHost.begin(at: now)
            noteWritable(driver, domain)
            if !isInHandshake {
                driver.connection.state.counters.receivedBytes += UInt64(receivedCount)
            }
            let rest = bytes.slice(from: offset, count: bytes.count - offset)
            offset += driver.connection.receive(rest)
            if driver.connection.isReadingPaused { driver.connection.state.isReadingHeld = true }
            driver.isReadingHeld = driver.connection.state.isReadingHeld
            noteEnd(driver)
            finish(domain)
        } else {
            noteEnd(driver)
        }
        if offset == bytes.count {
            if !driver.leftover.isEmpty { driver.leftover = [] }
        } else {
            driver.leftover = bytes.slice(from: offset, count: bytes.count - offset).bytes
        }
    }

    /// The part of a connection's life before it has a virtual host; no lock is needed.
    private func handshake(_ driver: ConnectionDriver, _ bytes: ByteView) -> Int {
        let connection = driver.connection
        connection.state.lastReceived = now
        let offset = connection.receive(bytes)
        if let name = connection.state.requestedVirtualHost {
            if let domain = environment.registry.domain(named: name.bytes) {
                driver.domain = domain
                domain.lock.lock()
                domain.virtualHost.begin(at: now)
                connection.enter(domain.virtualHost)
                finish(domain)
                environment.context.log.opened(
                    peer: connection.state.peer,
                    user: connection.state.user,
                    virtualHost: name.string
                )
                return offset
            }
            connection.refuseVirtualHost()
        }
        sendGreeting(driver)
        return offset
    }

    /// Sends what the handshake answered; a client that does not even read that is dropped.
    private func sendGreeting(_ driver: ConnectionDriver) {
        let greeting = driver.connection.state.greeting
        guard !greeting.isEmpty else { return }
        driver.connection.state.greeting = []
        let result = unsafe greeting.withUnsafeBytes { bytes in
            unsafe Syscalls.send(driver.descriptor, bytes)
        }
        guard result == .done(greeting.count) else {
            driver.connection.state.phase = .ended
            return
        }
    }

    /// Looks again at a connection that was not to be read from.
    private func isStillHeld(_ driver: ConnectionDriver) -> Bool {
        guard let domain = driver.domain else { return false }
        domain.lock.lock()
        domain.virtualHost.begin(at: now)
        noteWritable(driver, domain)
        driver.isReadingHeld = driver.connection.state.isReadingHeld
        noteEnd(driver)
        finish(domain)
        return driver.isReadingHeld
    }

    /// Hands the poller's word on to the core; called under the lock.
    private func noteWritable(_ driver: ConnectionDriver, _ domain: VirtualHostDomain) {
        guard driver.isWritableNoted else { return }
        driver.isWritableNoted = false
        domain.virtualHost.socketIsWritable(driver.connection)
    }

    /// Remembers for `settle` whether the connection has ended.
    ///
    /// Called under the lock, or during the handshake. An end that comes later, while sending, is
    /// announced by a notice.
    func noteEnd(_ driver: ConnectionDriver) {
        driver.hasEnded = driver.connection.state.phase == .ended
    }

    func handleTimeouts(_ driver: ConnectionDriver) {
        switch driver.stage {
        case .lingering(let until):
            if now >= until { abandon(driver) }
            return
        case .leaving: return
        case .serving: break
        }
        if let domain = driver.domain {
            domain.lock.lock()
            domain.virtualHost.begin(at: now)
            domain.virtualHost.setWallTime(SystemClock.wallTime())
            driver.connection.handleTimeouts(at: now)
            noteEnd(driver)
            finish(domain)
        } else {
            driver.connection.handleTimeouts(at: now)
            noteEnd(driver)
        }
        settle(driver)
    }

    /// Acts on a connection that has ended: once all is sent, our side is closed.
    func settle(_ driver: ConnectionDriver) {
        guard case .serving = driver.stage, driver.hasEnded else { return }
        if let domain = driver.domain {
            domain.lock.lock()
            let isUnsent = !driver.connection.state.outbound.isEmpty
            domain.lock.unlock()
            if isUnsent { return }
        }
        sendGreeting(driver)
        Syscalls.shutdownSending(driver.descriptor)
        driver.leftover = []
        driver.stage = .lingering(until: now + Reactor.lingerTime)
        if driver.hasPeerClosed || driver.mayHaveInput { list(driver) }
    }

    /// Throws away what a finished client still sends, until it closes.
    private func discardInput(_ driver: ConnectionDriver) {
        let (result, _) = buffer.receive(driver.descriptor, after: [])
        switch result {
        case .done: list(driver)
        case .wouldBlock: break
        case .closed, .failed: abandon(driver)
        }
    }

    /// The socket is of no more use: gives back what the client held, and the descriptor.
    func abandon(_ driver: ConnectionDriver) {
        if case .leaving = driver.stage { return }
        driver.stage = .leaving
        if let domain = driver.domain {
            domain.lock.lock()
            domain.virtualHost.begin(at: now)
            driver.connection.leave()
            finish(domain)
        }
        depart(driver)
    }

    /// Frees a connection that has left, unless somebody is still sending for it.
    private func depart(_ driver: ConnectionDriver) {
        guard drivers[driver.token] === driver else { return }
        let peer = driver.connection.state.peer
        let user = driver.connection.state.user
        if let domain = driver.domain {
            domain.lock.lock()
            if driver.connection.state.isSending {
                // The flusher's report finds the connection ended and brings us back here.
                domain.lock.unlock()
                return
            }
            driver.connection.destroyConnection()
            domain.lock.unlock()
        } else {
            driver.connection.destroyConnection()
        }
        drivers.remove(driver)
        poller.remove(driver.descriptor)
        Syscalls.close(driver.descriptor)
        environment.closed()
        environment.context.log.closed(peer: peer, user: user)
    }
}
