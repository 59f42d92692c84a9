/// Readings of each kind of object; all under the lock of its virtual host.
extension RateSampler {
    func sample(_ queue: Queue) {
        let now = queue.state.counters
        let before = queue.state.reading.counters
        if now != before { queue.state.lastUsed = lastSample }
        queue.state.reading.note(now, rates(from: before, to: now))
    }

    func sample(_ exchange: Exchange) {
        let now = exchange.state.counters
        let before = exchange.state.sampled
        exchange.state.publishInRate = rate(from: before.publishedIn, to: now.publishedIn)
        exchange.state.publishOutRate = rate(from: before.publishedOut, to: now.publishedOut)
        exchange.state.sampled = now
    }

    /// The connection and its channels, whose counters the virtual host gets, too.
    func sample(_ connection: Connection) {
        let now = connection.state.counters
        let before = connection.state.sampled
        connection.state.receiveRate = rate(from: before.receivedBytes, to: now.receivedBytes)
        connection.state.sendRate = rate(from: before.sentBytes, to: now.sentBytes)
        connection.state.sampled = now
        connection.state.channels.forEach { sample($0) }
    }

    private func sample(_ channel: Channel) {
        channel.foldCounters()
        let now = channel.state.counters
        channel.state.reading.note(now, rates(from: channel.state.reading.counters, to: now))
    }

    /// The sums of a virtual host.
    ///
    /// - Returns: Whether anything has happened in the last two intervals; if not, its queues
    ///   and exchanges have nothing new to read.
    func sample(_ virtualHost: VirtualHost) -> Bool {
        let now = virtualHost.state.counters
        let before = virtualHost.state.sampled
        let hadRates = virtualHost.state.rates != MessageRates()
        guard now != before || hadRates else { return false }
        virtualHost.state.rates = rates(from: before, to: now)
        virtualHost.state.sampled = now
        return true
    }

    private func rates(from before: MessageCounters, to now: MessageCounters) -> MessageRates {
        MessageRates(
            published: rate(from: before.published, to: now.published),
            confirmed: rate(from: before.confirmed, to: now.confirmed),
            returned: rate(from: before.returned, to: now.returned),
            unroutableDropped: rate(from: before.unroutableDropped, to: now.unroutableDropped),
            delivered: rate(from: before.delivered, to: now.delivered),
            deliveredNoAck: rate(from: before.deliveredNoAck, to: now.deliveredNoAck),
            got: rate(from: before.got, to: now.got),
            gotNoAck: rate(from: before.gotNoAck, to: now.gotNoAck),
            getEmpty: rate(from: before.getEmpty, to: now.getEmpty),
            acked: rate(from: before.acked, to: now.acked),
            redelivered: rate(from: before.redelivered, to: now.redelivered),
            overflowed: rate(from: before.overflowed, to: now.overflowed),
            lost: rate(from: before.lost, to: now.lost)
        )
    }
}
