import BrokerClient
import Glibc
import Synchronization
import Wire

/// One publisher of a benchmark, on a connection of its own.
struct BenchPublisher: Sendable {
    /// Octets at the start of a body that hold the time of publishing.
    static let stampBytes = 8

    let plan: BenchPlan
    let channel: Channel
    let key: ShortString
    /// Its number among the publishers.
    let index: Int
    let tally: BenchTally

    /// Publishes until the plan or the task's cancellation ends it, then awaits the confirms.
    func run(until deadline: UInt64) async throws(ClientError) {
        let times = PublishTimes()
        var listener: Task<Void, Never>?
        if let window = plan.confirmWindow {
            let confirmations = channel.confirmations
            try await channel.enableConfirms(windowMax: window)
            listener = Task { [tally] in
                for await confirmation in confirmations { times.settle(confirmation, tally) }
            }
        }
        do throws(ClientError) {
            try await publish(until: deadline, times)
            if plan.confirmWindow != nil { try await channel.waitForConfirms() }
        } catch .cancelled {
            // Time is up; what is confirmed so far counts.
        }
        await channel.close()
        await listener?.value
        tally.addConfirm(times.histogram)
        if let end = channel.end, end != .closed { throw end }
    }

    private func publish(until deadline: UInt64, _ times: PublishTimes) async throws(ClientError) {
        let countMax = plan.share(ofPublisher: index)
        var body = [UInt8](repeating: UInt8(ascii: "x"), count: plan.size)
        var properties = BasicProperties()
        if plan.isPersistent { properties.deliveryMode = 2 }
        let pace = BenchPace(plan: plan)
        var count = 0
        while count != countMax {
            try await pace.wait(before: count)
            let now = BenchClock.now
            if now >= deadline { return }
            if body.count >= Self.stampBytes { BenchClock.stamp(&body, now) }
            if plan.confirmWindow != nil { times.expect(at: now) }
            try await channel.publish(
                Message(body, properties: properties),
                to: plan.exchange,
                routingKey: key
            )
            count += 1
            tally.published.add(1, ordering: .relaxed)
            // Publishing seldom suspends, and the consumers need a thread as well.
            if count.isMultiple(of: 64) {
                await Task.yield()
                if Task.isCancelled { return }
            }
        }
    }
}

/// When each unconfirmed message was published.
final class PublishTimes: Sendable {
    private struct State {
        /// Times of the messages from number `first` on, starting at `head`; 0 once confirmed.
        var sent: [UInt64] = []
        var head = 0
        var first: UInt64 = 1
        var histogram = LatencyHistogram()

        /// Records the latency of one message, unless it was recorded before.
        mutating func settle(_ number: UInt64, at now: UInt64) -> Int {
            let index = head + Int(number - first)
            guard number >= first, index < sent.count, sent[index] != 0 else { return 0 }
            histogram.record(now - min(now, sent[index]))
            sent[index] = 0
            return 1
        }

        /// Moves past the confirmed front; compacts once it is the larger half.
        mutating func dropSettled() {
            while head < sent.count, sent[head] == 0 {
                head += 1
                first += 1
            }
            if head > 1024, head > sent.count / 2 {
                sent.removeFirst(head)
                head = 0
            }
        }
    }

    private let state = Mutex(State())

    var histogram: LatencyHistogram { state.withLock { $0.histogram } }

    /// Notes that the next message is published at `time`.
    func expect(at time: UInt64) {
        state.withLock { $0.sent.append(time) }
    }

    /// Takes in a confirm.
    func settle(_ confirmation: Confirmation, _ tally: BenchTally) {
        let now = BenchClock.now
        let last = confirmation.sequenceNumber.value
        let count = state.withLock { state in
            let start = confirmation.isMultiple ? state.first : last
            guard start <= last else { return 0 }
            var count = 0
            for number in start...last { count += state.settle(number, at: now) }
            state.dropSettled()
            return count
        }
        if confirmation.isAccepted {
            tally.confirmed.add(count, ordering: .relaxed)
        } else {
            tally.refused.add(count, ordering: .relaxed)
        }
    }
}

/// Spreads messages evenly over time.
struct BenchPace {
    private let interval: Double?
    private let start = BenchClock.now
    /// How far ahead of its time a message may go, in nanoseconds: timers are not finer.
    private static let leeway: UInt64 = 1_000_000

    init(plan: BenchPlan) {
        interval = plan.rate.map { 1e9 * Double(plan.publishers) / Double($0) }
    }

    /// Waits until it is time for message `index`.
    func wait(before index: Int) async throws(ClientError) {
        guard let interval else { return }
        let due = start + UInt64(Double(index) * interval)
        let now = BenchClock.now
        guard due > now + Self.leeway else { return }
        do {
            try await Task.sleep(for: .nanoseconds(Int64(due - now)))
        } catch {
            throw .cancelled
        }
    }
}

/// The clock all processes of a machine share.
enum BenchClock {
    /// Nanoseconds since the machine was started.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Writes `time` into the first eight octets.
    static func stamp(_ body: inout [UInt8], _ time: UInt64) {
        for index in 0..<8 {
            body[index] = UInt8(truncatingIfNeeded: time >> (56 - 8 * UInt64(index)))
        }
    }

    /// Reads what `stamp` wrote.
    static func time(in body: [UInt8]) -> UInt64 {
        body.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
