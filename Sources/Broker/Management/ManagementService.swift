import Wire

/// Answers management requests and takes the readings for rates, on a thread of its own.
///
/// The core hands requests over under a virtual host's lock: that is an append to a bounded line
/// and a wake-up. Order of locks: a virtual host's before the line's, never the other way round.
final class ManagementService: ManagementReceiver, @unchecked Sendable {
    /// Requests that may wait; more are refused with 503.
    static let requestCountMax = 64
    /// Refusals that may wait to be told; beyond that the request is dropped without a word.
    static let refusalCountMax = 1_024

    private let handler: ManagementHandler
    private let poller: EpollPoller
    private let lock = Lock()
    private var requests: [ManagementMessage] = []
    private var refusals: [ManagementMessage] = []
    private var isStopping = false
    private var sampler: RateSampler

    /// Readies the service; it does nothing until `run` is called on some thread.
    ///
    /// - Parameters:
    ///   - handler: Answers requests; used by the thread that runs the service alone.
    ///   - now: When the first interval for rates begins.
    /// - Throws: When there are no descriptors left.
    init(_ handler: ManagementHandler, startingAt now: Instant) throws(SystemError) {
        self.handler = handler
        poller = try EpollPoller(eventCountMax: 1)
        sampler = RateSampler(startingAt: now)
    }

    /// Takes a request; called under a virtual host's lock.
    func receive(_ request: ManagementMessage) {
        lock.withLock {
            if requests.count < Self.requestCountMax {
                requests.append(request)
            } else if refusals.count < Self.refusalCountMax {
                refusals.append(request)
            }
        }
        poller.waker.wake()
    }

    /// Ends `run`; callable from every thread.
    func stop() {
        lock.withLock { isStopping = true }
        poller.waker.wake()
    }

    /// Serves until `stop`.
    func run() {
        while true {
            let timeout = sampler.nextSample - SystemClock.now()
            _ = poller.wait(timeout: max(.zero, timeout))
            if lock.withLock({ isStopping }) { return }
            answerWaiting()
            takeReadings(at: SystemClock.now())
        }
    }

    /// Answers everything in the line, refusals too.
    func answerWaiting() {
        while let request = nextRequest() {
            let now = SystemClock.now()
            let response = handler.respond(to: request, at: now, wallTime: SystemClock.wallTime())
            handler.send(response, for: request, at: now)
        }
        let refused = lock.withLock {
            let refused = refusals
            refusals = []
            return refused
        }
        for request in refused {
            handler.send(ManagementResponse(.overloaded), for: request, at: SystemClock.now())
        }
    }

    /// Reads the counters for rates, if it is time to.
    func takeReadings(at now: Instant) {
        guard sampler.begin(at: now) else { return }
        handler.sample(with: sampler)
    }

    private func nextRequest() -> ManagementMessage? {
        lock.withLock { requests.isEmpty ? nil : requests.removeFirst() }
    }
}

extension ManagementHandler {
    /// Sends an answer to whoever asked; nobody there is no error.
    ///
    /// That a change was made is said when the journal has it on the disk.
    func send(_ response: ManagementResponse, for request: ManagementMessage, at now: Instant) {
        guard !request.replyTo.isEmpty, let domain = registry.domain(named: request.virtualHost)
        else { return }
        var properties = BasicProperties()
        properties.contentType = "application/json"
        properties.headers = ["status": .int32(Int32(response.status))]
        properties.correlationID = request.properties.correlationID
        domain.lock.lock()
        domain.virtualHost.begin(at: now)
        let answer = ManagementAnswer(
            address: request.replyTo,
            properties: properties,
            body: response.body
        )
        let lsn = domain.virtualHost.lsnToAwait(response.tellsOfChange)
        domain.virtualHost.send(answer, whenDurable: lsn)
        finish(domain)
    }

    /// Takes a reading of every object; queues and exchanges only where something has happened.
    func sample(with sampler: RateSampler) {
        for domain in registry.all {
            walk(domain).forEachConnection { connection in
                sampler.sample(connection)
                return 1 + connection.state.channelCount
            }
            guard domain.lock.withLock({ sampler.sample(domain.virtualHost) }) else { continue }
            walk(domain).forEachQueue { queue in
                sampler.sample(queue)
                return 1
            }
            walk(domain).forEachExchange { exchange in
                sampler.sample(exchange)
                return 1
            }
        }
    }
}

/// Sends what management wrote, from its own thread.
final class ManagementSender: @unchecked Sendable {
    private var flusher = Flusher()
    private let notify: @Sendable (ShellAddress) -> Void

    /// - Parameter notify: Told of connections whose reactor must look at them.
    init(notify: @escaping @Sendable (ShellAddress) -> Void) { self.notify = notify }

    /// Ends a batch: the caller holds the lock, which is let go, and everything is sent.
    func finish(_ domain: VirtualHostDomain) {
        while flusher.finish(domain, notify: notify) { domain.lock.lock() }
    }
}
