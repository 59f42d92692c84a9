import Wire

@testable import Broker

/// Queues of type stream, and those who read them.
extension BrokerModel {
    /// A consumer got a message of a stream.
    func hearStreamed(
        _ deliver: BasicDeliver,
        _ heard: Heard,
        _ stream: ModelStream,
        to consumer: ModelConsumer,
        on channel: ModelChannel
    ) throws(Violation) {
        let queue = consumer.queue
        guard let number = heard.properties.headers?["x-stream-offset"]?.integer,
            stream.entries.indices.contains(Int(number))
        else { throw Violation("a delivery of \(queue.name.string) without an offset there is") }
        let offset = Int(number)
        let entry = stream.entries[offset]
        let name = "offset \(offset) of \(queue.name.string)/\(queue.life)"
        try insist(!entry.isLost, "\(name) was lost, and is back")
        var expected = entry.message.properties()
        var headers = expected.headers ?? [:]
        headers["x-stream-offset"] = .int64(number)
        expected.headers = headers
        try insist(
            heard.body == entry.message.body && heard.properties.isLike(expected)
                && deliver.exchange == entry.message.exchange
                && deliver.routingKey == entry.message.key && !deliver.redelivered,
            "\(name) is another message than \(entry.message.id): \(heard.summary)"
        )
        try insist(
            entry.epoch <= promisedEpoch,
            "\(name) handed out before the disk has it"
        )
        // What has been forgotten meanwhile may be missing.
        let first = Int(queue.handle?.state.stream?.firstOffset ?? 0)
        let from = max(consumer.nextOffset, first)
        if let skipped = stream.missing(from: from, before: offset, consumer.filter) {
            throw Violation("\(name) to \(consumer.tag.string), who never got \(skipped)")
        }
        try insist(
            offset >= consumer.nextOffset && entry.matches(consumer.filter),
            "\(name) to \(consumer.tag.string), who does not want it"
        )
        try insist(
            consumer.unackedCount < consumer.prefetchMax,
            "\(name) beyond the prefetch of \(consumer.prefetchMax)"
        )
        consumer.nextOffset = offset + 1
        consumer.unackedCount += 1
        let copy = ModelCopy(entry.message, in: queue, priority: 0, timeToLive: nil)
        queue.handOut(copy, to: consumer)
        channel.out[deliver.deliveryTag] = ModelChannel.Out(copy: copy, consumer: consumer)
    }

    /// The journal takes a batch: with it goes what streams have collected.
    func noteTaken() {
        let sequence = nextSequence()
        for queue in lives.values { queue.stream?.noteTaken(at: sequence) }
    }

    /// After each operation: the broker's streams go as far as they must.
    func checkStreams() throws(Violation) {
        for queue in liveQueues {
            guard let stream = queue.stream, let handle = queue.handle?.state.stream else {
                continue
            }
            let name = "\(queue.name.string)/\(queue.life)"
            try insist(
                Int(handle.state.nextOffset) == stream.next,
                "\(name) goes to \(handle.state.nextOffset), not \(stream.next)"
            )
            try stream.forget(before: Int(handle.firstOffset), at: now, name)
        }
    }

    /// The journal has caught up and nobody reads any more: whoever could take something has got
    /// all there was with a batch.
    func checkReaders(through epoch: Int) throws(Violation) {
        for queue in liveQueues {
            guard let stream = queue.stream else { continue }
            for consumer in queue.consumers where consumer.unackedCount < consumer.prefetchMax {
                let from = max(consumer.nextOffset, stream.first)
                let end = stream.entries.firstIndex { $0.epoch > epoch } ?? stream.next
                let next = stream.missing(from: from, before: end, consumer.filter)
                guard let next else { continue }
                throw Violation(
                    "\(consumer.tag.string) never got offset \(next) of \(queue.name.string)"
                )
            }
        }
    }

    /// What somebody is told to rely on is in its streams on the disk.
    func checkDurable(_ entries: [ModelStream.Entry], _ what: String) throws(Violation) {
        for entry in entries where entry.epoch > promisedEpoch && isLive(entry) {
            throw Violation(
                "message \(entry.message.id) \(what) before its stream is on the disk"
            )
        }
    }

    private func isLive(_ entry: ModelStream.Entry) -> Bool {
        liveQueues.contains { $0.stream?.entries.contains { $0 === entry } == true }
    }

    /// The streams of a topology, by name.
    func streams(of durable: ModelTopology.Durable) -> [(ShortString, ModelStream)] {
        durable.queues.values.sorted { $0.life < $1.life }.compactMap { queue in
            lives[queue.life]?.stream.map { (queue.declare.queue, $0) }
        }
    }
}

extension ModelStream {
    /// The first message in a stretch that somebody wants.
    fileprivate func missing(from: Int, before end: Int, _ filter: ShortString?) -> Int? {
        guard from < end else { return nil }
        return (from..<end).first { entries[$0].matches(filter) && !entries[$0].isLost }
    }
}

extension ModelStream.Entry {
    fileprivate func matches(_ filter: ShortString?) -> Bool {
        filter == nil || filterValue == filter
    }
}
