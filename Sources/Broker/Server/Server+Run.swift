import Synchronization

/// The life of a server: accept until told to stop, then take leave.
extension Server {
    /// Serves until a signal says stop.
    ///
    /// - Parameter signals: Opened before any thread was started.
    /// - Returns: How the process should end.
    /// - Throws: When threads or descriptors cannot be had.
    package func run(_ signals: borrowing SignalDescriptor) throws(SystemError) -> ExitCode {
        var acceptor = try Acceptor(self, signals)
        let running = RunningCount(reactors.count)
        var threads: [Thread] = []
        for reactor in reactors {
            let waker = acceptor.waker
            let thread = try Thread(name: "brokerd-io-\(reactor.index)") {
                reactor.run()
                running.leave()
                waker.wake()
            }
            threads.append(thread)
        }
        let management = management
        let managementThread = try Thread(name: "brokerd-mgmt") { management.run() }
        let journalWriter = journalWriter
        let journalThread = try Thread(name: "brokerd-journal") { journalWriter.run() }
        let timerThread = timerThread
        let timingThread = try Thread(name: "brokerd-timer") { timerThread.run() }
        let pager = pager
        let pagerThread = try Thread(name: "brokerd-pager") { pager.run() }
        let compactor = compactor
        let compactorThread = try Thread(name: "brokerd-compact") { compactor.run() }
        log.info("ready", ["listening": addresses.map(\.description).joined(separator: ",")])
        acceptor.acceptUntilStopped(signals)
        beginStop()
        let isPatient = acceptor.waitForReactors(running, signals)
        guard isPatient else {
            log.warning("stopped at once", ["connections": "\(connectionCount.value)"])
            return .interrupted
        }
        for thread in threads { thread.join() }
        timerThread.stop()
        timingThread.join()
        pager.stop()
        pagerThread.join()
        compactor.stop()
        compactorThread.join()
        journalWriter.stop()
        journalThread.join()
        management.stop()
        managementThread.join()
        log.info("stopped")
        return .success
    }

    /// Refuses new connections and asks the reactors to close the others with 320.
    private func beginStop() {
        log.info("stopping", ["connections": "\(connectionCount.value)"])
        for listener in listeners { listener.stop() }
        let deadline = SystemClock.now() + limits.shutdownTimeout
        for reactor in reactors { reactor.post(.shutDown(reason: "shutdown", deadline: deadline)) }
    }
}

/// How many reactors still run.
private final class RunningCount: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) { self.count = Atomic(count) }

    var isZero: Bool { count.load(ordering: .acquiring) == 0 }

    func leave() { count.wrappingSubtract(1, ordering: .releasing) }
}

/// Accepts connections and hands them to the reactors in turn; belongs to the main thread.
private struct Acceptor: ~Copyable {
    /// How long listeners are left alone when not even refusing works.
    private static let pauseTime = Duration.seconds(1)

    private let server: Server
    private let poller: EpollPoller
    private var spare = SpareDescriptor()
    private var nextReactor = 0
    private var nextConnection: UInt64 = 1
    private var pausedUntil: Instant?
    private var refusals = LogThrottle(countMax: 1, per: .seconds(10))
    private var exhaustions = LogThrottle(countMax: 1, per: .seconds(10))

    var waker: Waker { poller.waker }

    init(_ server: Server, _ signals: borrowing SignalDescriptor) throws(SystemError) {
        let poller = try EpollPoller(eventCountMax: 16)
        for (slot, listener) in server.listeners.enumerated() {
            let token = PollToken(slot: UInt32(slot), registration: 0)
            try poller.add(listener.number, token, trigger: .level)
        }
        let token = PollToken(slot: UInt32(server.listeners.count), registration: 0)
        try poller.add(signals.number, token, trigger: .level)
        self.server = server
        self.poller = poller
    }

    /// Accepts until SIGTERM or SIGINT.
    mutating func acceptUntilStopped(_ signals: borrowing SignalDescriptor) {
        while true {
            let timeout = pausedUntil.map { $0 - SystemClock.now() }
            let count = poller.wait(timeout: timeout)
            resumeIfDue()
            for index in 0..<count {
                let slot = Int(poller.event(index).token.slot)
                if slot < server.listeners.count {
                    accept(from: server.listeners[slot])
                } else if isStop(signals) {
                    return
                }
            }
        }
    }

    /// Waits for the reactors to end.
    ///
    /// - Returns: `false` when another signal asked not to wait.
    func waitForReactors(_ running: RunningCount, _ signals: borrowing SignalDescriptor) -> Bool {
        if pausedUntil == nil {
            for listener in server.listeners { poller.remove(listener.number) }
        }
        while !running.isZero {
            let count = poller.wait(timeout: nil)
            if count > 0, isStop(signals) { return false }
        }
        return true
    }

    private func isStop(_ signals: borrowing SignalDescriptor) -> Bool {
        while let signal = signals.next() {
            switch signal {
            case .stop: return true
            case .hangUp: server.log.info("signal ignored", ["signal": "SIGHUP"])
            }
        }
        return false
    }

    private mutating func accept(from listener: Listener) {
        var accepted: [AcceptedSocket] = []
        let outcome = listener.accept(upTo: Limits.acceptCountPerTurn, spare: &spare) { socket in
            accepted.append(socket)
        }
        for socket in accepted { assign(socket) }
        guard case .exhausted(let closedCount, let error) = outcome else { return }
        if let heldBack = exhaustions.admit(at: SystemClock.now()) {
            let facts: LogFacts = [
                "listener": listener.address.description, "error": error.description,
                "refused": "\(closedCount)",
            ]
            server.log.error("cannot accept connections", facts.afterHoldingBack(heldBack))
        }
        if closedCount == 0 { pause() }
    }

    /// Gives a connection to the next reactor, unless there are too many.
    private mutating func assign(_ socket: AcceptedSocket) {
        guard server.connectionCount.value < server.connectionMax else {
            Syscalls.close(socket.descriptor)
            if let heldBack = refusals.admit(at: SystemClock.now()) {
                let facts: LogFacts = [
                    "peer": socket.peer.description, "max": "\(server.connectionMax)",
                ]
                server.log.warning("connection refused: too many", facts.afterHoldingBack(heldBack))
            }
            return
        }
        server.connectionCount.add()
        server.reactors[nextReactor].post(.adopt(socket, id: nextConnection))
        nextConnection += 1
        nextReactor = (nextReactor + 1) % server.reactors.count
    }

    private mutating func pause() {
        guard pausedUntil == nil else { return }
        for listener in server.listeners { poller.remove(listener.number) }
        pausedUntil = SystemClock.now() + Self.pauseTime
    }

    private mutating func resumeIfDue() {
        guard let until = pausedUntil, SystemClock.now() >= until else { return }
        do throws(SystemError) {
            for (slot, listener) in server.listeners.enumerated() {
                let token = PollToken(slot: UInt32(slot), registration: 0)
                try poller.add(listener.number, token, trigger: .level)
            }
            pausedUntil = nil
            spare.restore()
        } catch {
            preconditionFailure("\(error), though it was watched before")
        }
    }
}
