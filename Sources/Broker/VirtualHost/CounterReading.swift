/// What an object's counters were when they were last read, and how fast they were growing.
///
/// Takes no memory before anything has been counted.
struct CounterReading: ~Copyable {
    private struct Reading: BitwiseCopyable {
        var counters: MessageCounters
        var rates: MessageRates
    }

    private var last: Handle<Reading>?

    init() {}

    deinit { last?.destroy() }

    /// As they were.
    var counters: MessageCounters { last?.state.counters ?? MessageCounters() }

    /// What they grew by since the reading before, per second.
    var rates: MessageRates { last?.state.rates ?? MessageRates() }

    /// Takes a new reading.
    mutating func note(_ counters: MessageCounters, _ rates: MessageRates) {
        if let last {
            last.state = Reading(counters: counters, rates: rates)
        } else if counters != MessageCounters() {
            last = Handle(Reading(counters: counters, rates: rates))
        }
    }
}
