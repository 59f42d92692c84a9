import Wire

/// A virtual host: exchanges, queues and bindings, and everything that happens between them.
///
/// This is the deterministic core. Octets, time and randomness come in as arguments; out come
/// octets in the connections' outbound buffers and a list of the connections that have some. The
/// same inputs give the same outputs, so a whole broker runs in a test.
///
/// A virtual host is a monitor: whoever calls into it, or into a connection, channel, queue or
/// consumer that belongs to it, holds its one lock. The lock lives outside, in the shell, and is
/// taken once for each received batch:
///
///     begin(at:)                      the turn's one clock reading; timers that are due fire
///     connection.receive(octets)      any number of frames, from one or more connections
///     finishBatch()                   queues with new credit are pumped, confirms are sent
///     takeDirty(into:)                what must be sent once the lock is released
///     nextDeadline                    when to begin a batch although nobody has sent anything
typealias VirtualHost = Handle<VirtualHostState>

/// The state behind a `VirtualHost` handle.
struct VirtualHostState: ~Copyable {
    let name: [UInt8]
    let limits: Limits
    var now = Instant(nanoseconds: 0)
    /// The same in whole milliseconds; wraps after 49 days.
    var tick: UInt32 = 0
    var random: RandomSource

    var exchanges: ByteKeyTable<Exchange>
    var queues: ByteKeyTable<Queue>
    /// Every binding, to find one by its whole identity.
    var bindings: Set<Binding> = []
    /// Open connections, newest first.
    var firstConnection: Connection?
    var connectionCount = 0
    /// The connection inspection looks at next; moves on when that one leaves.
    var inspectionCursor: Connection?
    /// Channels that wait for direct replies, by the token in the address.
    var replyAddresses: ByteKeyTable<Channel>
    /// Grows with every change that may alter a route; older routes are void.
    var topologyVersion: UInt64 = 1
    /// Grows whenever a remembered route was freed; channels drop their last route.
    var routeGeneration: UInt64 = 1
    /// Numbers the routings, so that a queue gets one copy of each message.
    var routeMark: UInt64 = 0
    /// Numbers the walks over exchanges, so that each is visited once.
    var routeSerial: UInt64 = 0
    var routeScratch = RouteScratch()

    var pool = BlockPool()
    /// Queues to pump when the batch ends, in the order they asked.
    var scheduledFirst: Queue?
    var scheduledLast: Queue?
    /// Channels that owe confirms when the batch ends.
    var confirmingFirst: Channel?
    /// Connections with something to send, in the order they got it.
    var dirty = Ring<Connection>()
    /// Where messages to the management exchange go; `nil` drops them.
    var management: (any ManagementReceiver)?
    /// Is told of queues that cannot do all they were asked to.
    var queueLog: (any QueueLog)?
    /// Is told of each step of a call that does several things.
    var observer: (any TurnObserver)?
    var defaultExchange: Exchange?
    var policies = PolicyTable()

    /// What the calendar says at instant zero, in milliseconds since 1970.
    var wallOrigin: Int64 = 0
    /// Messages that have died and are yet to be dealt with, in that order.
    var deaths = Ring<Death>()
    /// A message is being buried, and dead letters of it that found no room on the way: they must
    /// be in the journal somewhere before it is settled where it died.
    var isBurying = false
    var refusedLetters = Ring<Death>()
    /// What must be durable for the dead letters to be that were made last.
    var lettersLSN: UInt64 = 0
    /// Queues that hold more than they may since the start.
    var overfullQueues: [Queue] = []
    var timers = TimerWheel<TimerEvent>()
    var journal: JournalState
    var paging = PagingState()
    var streams = StreamsState()
    /// What channels were handed and what they settled is added by `Channel.foldCounters`, so that
    /// the message path counts it once only.
    var counters = MessageCounters()
    var sampled = MessageCounters()
    var rates = MessageRates()
}

extension Handle where State == VirtualHostState {
    /// Makes a virtual host with the exchanges every one has from the start.
    ///
    /// - Parameters:
    ///   - name: As clients say it in connection.open; "/" by default.
    ///   - limits: The bounds of every table and buffer.
    ///   - seed: Where all randomness comes from: generated names, reply addresses, hash seeds.
    /// - Returns: The virtual host; whoever made it destroys it when all connections are gone.
    static func make(
        name: [UInt8],
        limits: Limits,
        seed: RandomSource.Seed
    ) -> VirtualHost {
        var random = RandomSource(seed: seed)
        let virtualHost = VirtualHost(
            VirtualHostState(
                name: name,
                limits: limits,
                random: random,
                exchanges: ByteKeyTable(hash: ByteHash(seed: random.next())),
                queues: ByteKeyTable(hash: ByteHash(seed: random.next())),
                replyAddresses: ByteKeyTable(hash: ByteHash(seed: random.next())),
                journal: JournalState(limits)
            )
        )
        virtualHost.state.random = random
        virtualHost.declarePredefinedExchanges()
        return virtualHost
    }

    /// Starts a batch: all that follows happens at this instant, timers that are due first.
    @inline(__always)
    func begin(at now: Instant) {
        state.now = now
        state.tick = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        if now >= state.timers.nextDeadline { fireTimers() }
    }

    /// Ends a batch: hands queued messages to consumers that got credit, sends owed confirms.
    func finishBatch() {
        pumpScheduled()
        while !state.deaths.isEmpty {
            buryDead()
            pumpScheduled()
        }
        while let channel = state.confirmingFirst {
            state.confirmingFirst = channel.state.confirms.nextConfirming
            channel.state.confirms.nextConfirming = nil
            channel.state.confirms.isConfirming = false
            channel.sendConfirms()
        }
        watchMemory()
    }

    @inline(__always)
    private func pumpScheduled() {
        while let queue = state.scheduledFirst {
            state.scheduledFirst = queue.state.nextScheduled
            if state.scheduledFirst == nil { state.scheduledLast = nil }
            queue.state.nextScheduled = nil
            queue.state.isScheduled = false
            queue.pump()
        }
    }

    /// Remembers to pump a queue when the batch ends.
    @inline(__always)
    func schedule(_ queue: Queue) {
        guard !queue.state.isScheduled else { return }
        queue.state.isScheduled = true
        if let last = state.scheduledLast {
            last.state.nextScheduled = queue
        } else {
            state.scheduledFirst = queue
        }
        state.scheduledLast = queue
    }

    /// Gives up one reference to a message.
    @inline(__always)
    func release(_ message: Message) { message.release(to: &state.pool) }

    /// Destroys a virtual host without connections: every queue with its messages, every exchange.
    func tearDown() {
        precondition(state.connectionCount == 0, "a virtual host with open connections")
        for queue in queueList() { delete(queue) }
        for exchange in exchangeList() { destroy(exchange) }
        state.routeScratch.list?.destroy()
        destroy()
    }

    func queueList() -> [Queue] {
        var list: [Queue] = []
        list.reserveCapacity(state.queues.count)
        var cursor = ByteKeyTable<Queue>.Cursor()
        while let (_, queue) = state.queues.next(&cursor) { list.append(queue) }
        return list
    }

    func exchangeList() -> [Exchange] {
        var list: [Exchange] = []
        var cursor = ByteKeyTable<Exchange>.Cursor()
        while let (_, exchange) = state.exchanges.next(&cursor) { list.append(exchange) }
        return list
    }
}

/// Where requests to the management exchange are handed over, still under the lock.
protocol ManagementReceiver: AnyObject {
    /// Takes a request; it must return at once and may not call back into the virtual host.
    func receive(_ request: ManagementMessage)
}

/// A message published to the management exchange, copied out of the core.
struct ManagementMessage: Sendable {
    /// Method and path, the routing key: `GET /api/queues/%2F`.
    let target: [UInt8]
    let body: [UInt8]
    let properties: BasicProperties
    let user: String
    let virtualHost: [UInt8]
    /// The rewritten reply address, token included; empty when none was asked for.
    let replyTo: [UInt8]
}
