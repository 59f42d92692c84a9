import Synchronization

/// What all workers of a benchmark have done so far.
final class BenchTally: Sendable {
    let published = Atomic<Int>(0)
    let confirmed = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let returned = Atomic<Int>(0)
    let consumed = Atomic<Int>(0)
    private let delivery = Mutex(LatencyHistogram())
    private let confirm = Mutex(LatencyHistogram())

    /// From publishing to delivery.
    var deliveryLatency: LatencyHistogram { delivery.withLock { $0 } }
    /// From publishing to its confirm.
    var confirmLatency: LatencyHistogram { confirm.withLock { $0 } }

    func addDelivery(_ histogram: LatencyHistogram) { delivery.withLock { $0.merge(histogram) } }
    func addConfirm(_ histogram: LatencyHistogram) { confirm.withLock { $0.merge(histogram) } }

}
