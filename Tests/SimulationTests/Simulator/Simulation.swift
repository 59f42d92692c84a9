@testable import TestSupport
import Wire

@testable import Broker

/// A broker with its clients and its disk, all from one seed: run twice, it does the same twice.
///
/// A run is a row of lives of the process. In each, clients say what chance has them say, the
/// journal takes its steps in between, and then the process or the machine stops in some way. What
/// comes back is looked at, or goes down once more before anybody could.
final class Simulation {
    let seed: UInt64
    var random: Seed
    let choices: SimulationChoices
    let machine: SimulatedMachine
    let model = BrokerModel()
    var peers: [Int: SimulatedPeer] = [:] {
        didSet { peersInOrder = peers.values.sorted { $0.id < $1.id } }
    }
    private(set) var peersInOrder: [SimulatedPeer] = []
    /// What clients believe of their channels.
    var sessions: [Int: [UInt16: ClientChannel]] = [:]
    var now = Instant.zero + .seconds(1_000)
    /// What went wrong while the broker or the pager was at work.
    var failure: (any Error)?
    /// Whether the broker has taken steps of which nobody outside has heard.
    var hasStepped = false
    /// Whether the model knows of the operation that the broker is taking in.
    var isApplied = false
    private(set) var statistics = SimulationStatistics()
    private(set) var messageCount = 0
    private(set) var consumerCount = 0
    private var connectionCount = 0
    /// Commits that wait until what dies with them has been read.
    var waitingCommits: [(peer: Int, channel: UInt16)] = []
    private let trace: ((String) -> Void)?

    /// The journal cannot be written: the process ends itself.
    struct ProcessEnded: Error {}

    init(seed: UInt64, trace: ((String) -> Void)? = nil) {
        self.seed = seed
        self.trace = trace
        random = Seed(seed)
        choices = SimulationChoices(&random)
        machine = SimulatedMachine(seed: random.next(), limits: choices.limits)
    }

    /// Plays it all.
    ///
    /// - Returns: What happened, in numbers.
    /// - Throws: `Violation`.
    func run() throws -> SimulationStatistics {
        defer { model.end() }
        try machine.start(at: now)
        virtualHost.state.observer = self
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let wasOrderly = try live()
            try restart(wasOrderly: wasOrderly)
        }
        try quiesce()
        try leave()
        virtualHost.state.observer = nil
        try machine.end()
        return statistics
    }

    func note(_ text: @autoclosure () -> String) { trace?(text()) }

    var virtualHost: VirtualHost {
        guard let process = machine.process else { preconditionFailure("no broker runs") }
        return process.virtualHost
    }

    func count(_ path: WritableKeyPath<SimulationStatistics, Int>, _ number: Int = 1) {
        statistics[keyPath: path] += number
    }

    func nextMessageID() -> Int {
        messageCount += 1
        return messageCount
    }

    func nextConsumerTag() -> ShortString {
        consumerCount += 1
        return ShortString(shortening: "c\(consumerCount)")
    }

    // MARK: Turns

    /// One turn of the shell, and those that follow from it.
    func turn(_ body: () throws -> Void) throws {
        model.beginTurn(at: now)
        hasStepped = false
        virtualHost.begin(at: now)
        try throwFailure()
        try model.checkTime()
        if hasStepped { try observe() }
        try body()
        try endBatch()
        while let peer = resumable { try turn { try self.feed(peer) } }
        try model.compare(virtualHost)
        for queue in virtualHost.queueList() where queue.state.pagedCount > 0 {
            count(\.pagedDeliveries, queue.entriesOut.count { $0.isPaged })
            count(\.pagedReturns, queue.entriesBack.count { $0.isPaged })
        }
    }

    private var resumable: SimulatedPeer? {
        let peer = peersInOrder.first(where: \.wantsToGoOn)
        peer?.wantsToGoOn = false
        return peer
    }

    /// Queues are pumped, again for those whose consumers got room when something was sent.
    private func endBatch() throws {
        repeat {
            model.beginOperation()
            virtualHost.finishBatch()
            try throwFailure()
            try observe()
        } while virtualHost.state.scheduledFirst != nil
    }

    /// Hands the broker what has arrived from a client.
    func feed(_ peer: SimulatedPeer) throws {
        while true {
            model.beginOperation()
            model.dying = []
            isApplied = false
            let batch = choices.isPlain ? max(1, peer.plainPublishCount) : 1
            guard let done = peer.hand(batch) else { return }
            try throwFailure()
            model.dying = virtualHost.pendingDeaths
            for (number, operation) in done {
                note("\(peer.id)/\(number): \(operation.text)")
                count(\.operations)
                let channel = model.channel(peer.id, number)
                if isApplied {
                    isApplied = false
                } else if case .method(.txCommit) = operation, isCommitting(peer.id, number) {
                    waitingCommits.append((peer.id, number))
                } else {
                    channel.isCommitRefused = true
                    model.apply(operation, on: channel)
                }
            }
            try observe()
        }
    }

    /// Sends what there is; the model has been told before.
    func observe() throws {
        try listen()
        try flush()
    }

    /// Tells the model what the broker has written, and has it look at what became of the rest.
    func listen() throws {
        model.isBlocked = virtualHost.state.journal.blockReason != nil
        if model.isBlocked { model.noteBlocked() }
        var arrivals: [Arrival] = []
        for peer in peersInOrder {
            peer.overhear()
            try hear(peer, &arrivals)
        }
        try model.observe(arrivals, virtualHost)
    }

    /// What went wrong while the broker was called goes wrong now.
    func throwFailure() throws {
        guard let failure = failure.take() else { return }
        throw failure
    }

    /// Whether a commit waits for the disk.
    private func isCommitting(_ peer: Int, _ channel: UInt16) -> Bool {
        let state = peers[peer]?.connection.state.channels[channel]
        return state.map { $0.state.commitReadCount > 0 } ?? false
    }

    private func flush() throws {
        while true {
            var flushes: [Connection] = []
            virtualHost.takeDirty(into: &flushes)
            if flushes.isEmpty { return }
            for connection in flushes {
                guard let peer = peers[Int(connection.state.id)] else {
                    throw Violation("a connection that is gone wants to send")
                }
                try send(to: peer)
            }
        }
    }

    /// The socket takes it all, or a part and the rest a moment later.
    private func send(to peer: SimulatedPeer) throws {
        let all = peer.sendingCount
        let count = random.oneIn(4) ? Int.random(in: 0...all, using: &random) : all
        try peer.takeFromSocket(count)
        // It may say that it takes more before it is known that it did not.
        let isEarly = random.oneIn(2)
        if count < all, isEarly { virtualHost.socketIsWritable(peer.connection) }
        let outcome = count < all ? SendOutcome.full : .sent
        if virtualHost.finishSending(peer.connection, count: count, outcome: outcome) {
            peer.isParked = false
            peer.wantsToGoOn = true
        }
        if count < all, !isEarly { virtualHost.socketIsWritable(peer.connection) }
    }

    private func hear(_ peer: SimulatedPeer, _ arrivals: inout [Arrival]) throws {
        for (number, heard) in try peer.heard() {
            note("  -> \(peer.id)/\(number): \(heard.method.name) \(heard.summary)")
            if case .connectionClose(let close) = heard.method {
                throw Violation("connection closed: \(close.replyText.string)")
            }
            if number == 0 { continue }
            arrivals.append(Arrival(heard: heard, channel: model.channel(peer.id, number)))
            if case .channelClose = heard.method {
                count(\.channelErrors)
                peer.say(.method(.channelCloseOk(ChannelCloseOk())), on: number, frameMax: 4_096)
                sessions[peer.id]?[number]?.isOpen = false
            }
        }
    }

    // MARK: Connections

    /// A client connects; nothing is said on a channel yet.
    @discardableResult
    func connect() throws -> SimulatedPeer {
        connectionCount += 1
        let id = connectionCount
        let connection = Connection.make(
            id: UInt64(id),
            peer: ConnectionPeer(
                host: "192.0.2.1",
                port: 40_000,
                localHost: "192.0.2.200",
                localPort: 5672,
                isLoopback: false
            ),
            context: ConnectionContext(
                limits: choices.limits,
                serverProperties: [:],
                authenticator: OpenDoor(),
                log: SilentLog()
            ),
            at: now,
            wallTime: WallTime(milliseconds: 0)
        )
        connection.state.address.slot = UInt32(id)
        let peer = SimulatedPeer(id: id, connection: connection)
        peers[id] = peer
        sessions[id] = [:]
        note("\(id) connects")
        peer.say(handshake)
        peer.transmit(peer.untransmittedCount)
        try turn {
            while peer.hand(0) != nil {}
            guard connection.state.requestedVirtualHost != nil else {
                throw Violation("the handshake failed")
            }
            peer.takeGreeting()
            connection.enter(self.virtualHost)
            while peer.hand(0) != nil {}
        }
        return peer
    }

    private var handshake: [UInt8] {
        var encoder = FrameEncoder()
        encoder.appendMethod(
            ConnectionStartOk(
                clientProperties: [
                    "capabilities": .table([
                        "consumer_cancel_notify": .bool(true), "connection.blocked": .bool(true),
                    ])
                ],
                mechanism: "PLAIN",
                response: [0, 97, 0, 98],
                locale: "en_US"
            ),
            channel: 0
        )
        encoder.appendMethod(
            ConnectionTuneOk(
                channelMax: 20,
                frameMax: UInt32(choices.frameMax),
                heartbeat: 0
            ),
            channel: 0
        )
        encoder.appendMethod(ConnectionOpen(virtualHost: "/"), channel: 0)
        return ProtocolHeader.bytes + encoder.bytes
    }

    /// The socket of a client goes without a word.
    func hangUp(_ peer: SimulatedPeer) throws {
        note("\(peer.id) is gone")
        try turn {
            self.model.beginOperation()
            self.forget(peer)
            self.model.dying = self.virtualHost.pendingDeaths
            self.model.disconnect(peer.id)
            try self.observe()
        }
    }

    private func forget(_ peer: SimulatedPeer) {
        peer.connection.leave()
        peer.connection.destroyConnection()
        waitingCommits.removeAll { $0.peer == peer.id }
        peers[peer.id] = nil
        sessions[peer.id] = nil
    }

    /// Everybody hangs up.
    func leave() throws {
        for peer in peersInOrder { try hangUp(peer) }
    }

    /// The process is gone, and every connection with it.
    func dropPeers() {
        for peer in peersInOrder { forget(peer) }
    }
}

extension Heard {
    /// In short, for a trace.
    var summary: String {
        let id = ModelMessage.id(in: body).map { " message \($0)" } ?? ""
        switch method {
        case .basicDeliver(let deliver):
            return "\(deliver.consumerTag.string) tag \(deliver.deliveryTag)"
                + (deliver.redelivered ? " redelivered" : "") + id
        case .basicGetOk(let getOk):
            return "tag \(getOk.deliveryTag)" + (getOk.redelivered ? " redelivered" : "") + id
        case .basicAck(let ack): return "\(ack.deliveryTag)\(ack.multiple ? " and before" : "")"
        case .basicNack(let nack): return "\(nack.deliveryTag)\(nack.multiple ? " and before" : "")"
        case .channelClose(let close): return close.replyText.string
        default: return id
        }
    }
}

/// Lets everybody in.
private struct OpenDoor: Authenticator {
    let mechanisms = ["PLAIN"]

    func authenticate(mechanism: String, response: [UInt8], peer: ConnectionPeer) -> LoginOutcome {
        .accepted(user: "guest")
    }
}

/// Says nothing.
private struct SilentLog: ConnectionLog {
    func opened(peer: ConnectionPeer, user: String, virtualHost: String) {}
    func closed(peer: ConnectionPeer, user: String) {}
    func clientError(_ error: ProtocolError, peer: ConnectionPeer, user: String, channel: UInt16) {}
    func refusedLogin(user: String, reason: String, peer: ConnectionPeer, mechanism: String) {}
    func timedOut(_ wait: ConnectionWait, peer: ConnectionPeer, user: String) {}
}
