import Wire

/// One I/O thread: waits for sockets, feeds the core, sends what the core wrote.
///
/// A turn: wait; note what is readable or writable; read once from each readable connection and
/// act on it under its virtual host's lock; send; look at the mailbox and at the clock. Sockets
/// are registered once, edge-triggered, so a connection that is not read from costs nothing.
final class Reactor: @unchecked Sendable {
    /// What every reactor of a server shares.
    struct Environment: Sendable {
        let registry: VirtualHostRegistry
        let context: ConnectionContext
        /// Brings a notice to the reactor that owns the connection.
        let notify: @Sendable (ShellAddress) -> Void
        /// Told of every adopted socket that has been closed again.
        let closed: @Sendable () -> Void
    }

    /// What other threads want of a reactor.
    enum Mail: Sendable {
        /// Serve this socket.
        case adopt(AcceptedSocket, id: UInt64)
        /// Look at this connection again.
        case look(ShellAddress)
        /// Close every connection with 320 and return once they are gone, or at the deadline.
        case shutDown(reason: String, deadline: Instant)
    }

    /// How often connections are looked at for what time alone brings about.
    static let tickInterval = Duration.milliseconds(500)
    /// How long a finished connection is given to close its side.
    static let lingerTime = Duration.seconds(2)

    let index: UInt32
    let environment: Environment
    var poller: EpollPoller
    let waker: Waker
    var flusher = Flusher()
    var buffer = ReceiveBuffer()
    var drivers = DriverTable()
    /// Connections that may have something to read.
    var readable: [ConnectionDriver] = []
    /// Virtual hosts that had more to send than one turn allows.
    var unsent: [VirtualHostDomain] = []
    /// The clock, read once a turn.
    var now: Instant

    private let mailLock = Lock()
    private var mail: [Mail] = []
    private var nextTick: Instant
    private var shutDownDeadline: Instant?

    init(index: Int, environment: Environment) throws(SystemError) {
        self.index = UInt32(index)
        self.environment = environment
        let poller = try EpollPoller()
        waker = poller.waker
        self.poller = poller
        now = SystemClock.now()
        nextTick = now
    }

    /// Leaves mail; callable from every thread.
    func post(_ message: Mail) {
        mailLock.lock()
        mail.append(message)
        mailLock.unlock()
        waker.wake()
    }

    /// Serves until a shut-down has been asked for and has come to its end.
    func run() {
        while true {
            wait()
            readOnce()
            sendUnsent()
            takeMail()
            tick()
            if let deadline = shutDownDeadline, drivers.count == 0 || now >= deadline {
                drivers.forEach { abandon($0) }
                return
            }
        }
    }

    private func wait() {
        var timeout: Duration?
        if !readable.isEmpty || !unsent.isEmpty {
            timeout = .zero
        } else if drivers.count > 0 {
            timeout = max(.zero, nextTick - now)
        }
        let count = poller.wait(timeout: timeout)
        now = SystemClock.now()
        for index in 0..<count {
            let event = poller.event(index)
            guard let driver = drivers[event.token] else { continue }
            if event.isWritable {
                // Nearly every event says so; only `readOnce` knows whether it matters.
                driver.isWritableNoted = true
                list(driver)
            }
            if event.isReadable || event.isPeerClosed || event.isHungUp {
                driver.mayHaveInput = true
                if event.isPeerClosed || event.isHungUp { driver.hasPeerClosed = true }
                list(driver)
            }
        }
    }

    /// Puts a connection on the list of those to read from.
    func list(_ driver: ConnectionDriver) {
        guard !driver.isListed else { return }
        driver.isListed = true
        readable.append(driver)
    }

    private func readOnce() {
        let turn = readable
        readable.removeAll(keepingCapacity: true)
        for driver in turn {
            driver.isListed = false
            read(driver)
        }
    }

    private func sendUnsent() {
        let turn = unsent
        unsent.removeAll(keepingCapacity: true)
        for domain in turn {
            domain.lock.lock()
            domain.virtualHost.begin(at: now)
            finish(domain)
        }
    }

    /// Ends a batch: unlocks the domain and sends what was written, whoever it is for.
    func finish(_ domain: VirtualHostDomain) {
        let isLeft = flusher.finish(domain) { address in
            if address.reactor == index {
                look(at: address)
            } else {
                environment.notify(address)
            }
        }
        if isLeft, !unsent.contains(where: { $0 === domain }) { unsent.append(domain) }
    }

    private func takeMail() {
        mailLock.lock()
        guard !mail.isEmpty else {
            mailLock.unlock()
            return
        }
        let letters = mail
        mail = []
        mailLock.unlock()
        for letter in letters {
            switch letter {
            case .adopt(let socket, let id): adopt(socket, id: id)
            case .look(let address): look(at: address)
            case .shutDown(let reason, let deadline): shutDown(reason, deadline)
            }
        }
    }

    private func look(at address: ShellAddress) {
        let token = PollToken(slot: address.slot, registration: address.registration)
        guard let driver = drivers[token] else { return }
        list(driver)
    }

    private func tick() {
        guard drivers.count > 0, now >= nextTick else { return }
        nextTick = now + Reactor.tickInterval
        drivers.forEach { handleTimeouts($0) }
    }

    private func shutDown(_ reason: String, _ deadline: Instant) {
        shutDownDeadline = deadline
        let error = ProtocolError(
            .connectionForced,
            "broker forced connection closure with reason '\(reason)'"
        )
        drivers.forEach { driver in
            if let domain = driver.domain {
                domain.lock.lock()
                domain.virtualHost.begin(at: now)
                driver.connection.closeByServer(error)
                noteEnd(driver)
                finish(domain)
            } else {
                driver.connection.closeByServer(error)
                noteEnd(driver)
            }
            settle(driver)
        }
    }
}
