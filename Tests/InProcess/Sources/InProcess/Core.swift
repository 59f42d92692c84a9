import Wire

@testable import Broker

/// A virtual host without a daemon around it: virtual time, no sockets, one thread.
///
/// Plays the shell: takes in octets for its peers, ends each batch, and takes what is to be sent.
public final class Core {
    let virtualHost: VirtualHost
    let context: ConnectionContext
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    /// Connected clients by the number of their connection.
    private var peers: [UInt64: Peer] = [:]
    private var flushes: [Connection] = []
    private var resumable: [Peer] = []
    private var nextID: UInt64 = 1

    /// A virtual host whose randomness is all from `seed`.
    ///
    /// - Parameters:
    ///   - seed: Where names and hash seeds come from.
    ///   - isChecked: Makes bounds small, so that they are met, and reuses no block, so that
    ///     AddressSanitizer sees every use after free.
    public init(seed: UInt64, isChecked: Bool) {
        var limits = Limits()
        if isChecked {
            limits.outboundSizeHigh = 8 * 1024
            limits.outboundSizeMax = 64 * 1024
            limits.messageSizeMax = 256 * 1024
        }
        context = ConnectionContext(
            limits: limits,
            serverProperties: [:],
            authenticator: OpenDoor(),
            log: NoLog()
        )
        virtualHost = VirtualHost.make(
            name: Array("/".utf8),
            limits: limits,
            seed: RandomSource.Seed(words: (seed, 1, 2, 3))
        )
        if isChecked { virtualHost.state.pool = BlockPool(hasRuns: false) }
    }

    /// Messages handed to consumers of the queues that are there.
    public var deliveredCount: Int {
        virtualHost.queueList().reduce(0) { sum, queue in
            sum + Int(queue.state.counters.delivered + queue.state.counters.deliveredNoAck)
        }
    }

    /// Bytes in messages and outbound buffers.
    public var liveBytes: Int { virtualHost.state.pool.liveBytes }

    /// Opens a connection up to where the client has to speak.
    public func connect() -> Peer {
        let connection = Connection.make(
            id: nextID,
            peer: ConnectionPeer(
                host: "127.0.0.1",
                port: UInt16(truncatingIfNeeded: 10_000 + nextID),
                localHost: "127.0.0.1",
                localPort: 5672,
                isLoopback: true
            ),
            context: context,
            at: now,
            wallTime: WallTime(milliseconds: 0)
        )
        let peer = Peer(connection)
        peers[nextID] = peer
        nextID += 1
        return peer
    }

    /// Takes the socket away: the client gets nothing more, what it held is given back.
    public func disconnect(_ peer: Peer) {
        guard !peer.isGone else { return }
        virtualHost.begin(at: now)
        if peer.hasEntered { peer.connection.leave() }
        finish()
        peer.isGone = true
        peers[peer.connection.state.id] = nil
        peer.connection.destroyConnection()
    }

    /// Lets time pass, as a reactor's tick does.
    public func advance(by duration: Duration) {
        now += duration
        virtualHost.begin(at: now)
        for peer in peers.values { peer.connection.handleTimeouts(at: now) }
        finish()
    }

    /// Takes in octets of a client and ends the batch.
    public func receive(_ bytes: ByteView, from peer: Peer) {
        guard !peer.isGone else { return }
        if peer.leftover.isEmpty {
            let used = take(bytes, from: peer)
            if used < bytes.count {
                peer.leftover = bytes.slice(from: used, count: bytes.count - used).bytes
            }
        } else {
            let all = peer.leftover + bytes.bytes
            let used = ByteView.with(all) { take($0, from: peer) }
            peer.leftover = Array(all[used...])
        }
        finish()
    }

    /// The client's socket takes `room` octets more, and the connection hears of it.
    public func makeWritable(_ peer: Peer, room: Int) {
        guard !peer.isGone else { return }
        peer.socketRoom = room
        virtualHost.begin(at: now)
        if peer.hasEntered { virtualHost.socketIsWritable(peer.connection) }
        finish()
    }

    /// Deletes every queue, and says how many bytes of messages are left, which should be none.
    ///
    /// Only when all peers are gone.
    public func drain() -> Int {
        virtualHost.begin(at: now)
        for queue in virtualHost.queueList() { virtualHost.delete(queue) }
        finish()
        for exchange in virtualHost.exchangeList() { virtualHost.forgetHistory(of: exchange) }
        return liveBytes
    }

    /// Frees the virtual host; nothing may be called any more.
    public func tearDown() { virtualHost.tearDown() }

    private func take(_ bytes: ByteView, from peer: Peer) -> Int {
        virtualHost.begin(at: now)
        let connection = peer.connection
        var offset = 0
        if !peer.hasEntered {
            offset = connection.receive(bytes)
            if let name = connection.state.requestedVirtualHost {
                if name.bytes == virtualHost.state.name {
                    connection.enter(virtualHost)
                    peer.hasEntered = true
                } else {
                    connection.refuseVirtualHost()
                }
            }
            if peer.records { peer.received += connection.state.greeting }
            connection.state.greeting = []
        }
        guard peer.hasEntered else { return offset }
        let rest = bytes.slice(from: offset, count: bytes.count - offset)
        let used = connection.receive(rest)
        if connection.isReadingPaused { connection.state.isReadingHeld = true }
        return offset + used
    }

    /// Ends the batch: queues are pumped, confirms leave, sockets take what there is for them.
    private func finish() {
        virtualHost.finishBatch()
        repeat {
            flushes.removeAll(keepingCapacity: true)
            virtualHost.takeDirty(into: &flushes)
            for connection in flushes { send(connection) }
            virtualHost.finishBatch()
        } while !flushes.isEmpty
        resumeReading()
    }

    private func send(_ connection: Connection) {
        guard let peer = peers[connection.state.id] else {
            preconditionFailure("a connection nobody opened has something to send")
        }
        var total = 0
        for index in 0..<connection.state.outbound.sending.count {
            let segment = connection.state.outbound.sending[index]
            let count = min(segment.end - segment.start, peer.socketRoom - total)
            if peer.records {
                let start = UnsafeRawPointer(segment.base + segment.start)
                peer.received += UnsafeRawBufferPointer(start: start, count: count)
            }
            total += count
            if count < segment.end - segment.start { break }
        }
        let isFull = total < connection.state.outbound.byteCount && total == peer.socketRoom
        if peer.socketRoom != Int.max { peer.socketRoom -= total }
        if virtualHost.finishSending(connection, count: total, outcome: isFull ? .full : .sent) {
            resumable.append(peer)
        }
    }

    /// Reads on where reading was held back until the client took what waited for it.
    private func resumeReading() {
        while let peer = resumable.popLast() {
            guard !peer.isGone, !peer.leftover.isEmpty else { continue }
            receive(.empty, from: peer)
        }
    }
}
