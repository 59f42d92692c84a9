/// A number for each thing that can happen to a message at a queue, a channel or a virtual host.
///
/// One shape for all of them; what does not concern an object stays zero.
struct MessageNumbers<Number: AdditiveArithmetic & BitwiseCopyable>: BitwiseCopyable, Equatable {
    var published = Number.zero
    var confirmed = Number.zero
    /// Went nowhere and back to its publisher (basic.return).
    var returned = Number.zero
    /// Went nowhere, and nobody wanted to know.
    var unroutableDropped = Number.zero
    var delivered = Number.zero
    var deliveredNoAck = Number.zero
    var got = Number.zero
    var gotNoAck = Number.zero
    var getEmpty = Number.zero
    var acked = Number.zero
    var redelivered = Number.zero
    /// Dropped from the front of a full queue.
    var overflowed = Number.zero
    /// Could not be read back from disk.
    var lost = Number.zero
}

/// Plain sums since the object came to be; read by inspection, never reset.
typealias MessageCounters = MessageNumbers<UInt64>

/// Per second, as last sampled.
typealias MessageRates = MessageNumbers<Double>

extension MessageCounters {
    /// Adds what a channel was handed and what it settled between two readings of its counters.
    mutating func addConsumption(from before: Self, to now: Self) {
        delivered &+= now.delivered &- before.delivered
        deliveredNoAck &+= now.deliveredNoAck &- before.deliveredNoAck
        got &+= now.got &- before.got
        gotNoAck &+= now.gotNoAck &- before.gotNoAck
        getEmpty &+= now.getEmpty &- before.getEmpty
        acked &+= now.acked &- before.acked
        redelivered &+= now.redelivered &- before.redelivered
    }
}
