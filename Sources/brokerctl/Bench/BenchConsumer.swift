import BrokerClient
import Synchronization
import Wire

/// One consumer of a benchmark, on a connection of its own.
struct BenchConsumer: Sendable {
    let plan: BenchPlan
    let channel: Channel
    let tally: BenchTally

    /// Starts consuming; nothing may be published before it returns.
    func start(_ queue: ShortString) async throws(ClientError) -> Deliveries {
        try await channel.setPrefetch(UInt16(plan.prefetch))
        var options = Channel.ConsumeOptions()
        options.isNoAck = plan.acknowledgement == .none
        return try await channel.consume(queue, options: options)
    }

    /// Takes deliveries until the task is cancelled.
    func run(_ deliveries: Deliveries) async throws(ClientError) {
        var histogram = LatencyHistogram()
        var unacked = 0
        let batch = plan.prefetch == 0 ? 500 : max(1, plan.prefetch / 2)
        var iterator = deliveries.makeAsyncIterator()
        while let delivery = try await iterator.next() {
            if delivery.message.body.count >= BenchPublisher.stampBytes {
                let now = BenchClock.now
                let sent = BenchClock.time(in: delivery.message.body)
                // A message of another origin carries no time.
                if sent <= now, now - sent < 3_600_000_000_000 { histogram.record(now - sent) }
            }
            switch plan.acknowledgement {
            case .none: break
            case .each: try channel.ack(delivery.tag)
            case .multiple:
                unacked += 1
                if unacked == batch {
                    try channel.ack(delivery.tag, isMultiple: true)
                    unacked = 0
                }
            }
            tally.consumed.add(1, ordering: .relaxed)
            if Task.isCancelled { break }
        }
        tally.addDelivery(histogram)
    }
}
