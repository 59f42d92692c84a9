import Wire

/// Which part of the journal is still needed.
extension Handle where State == VirtualHostState {
    /// Writes the whole topology again, so that older declarations are no longer needed.
    func describeTopology() {
        let begins = state.journal.buffer.nextLSN
        journal(.topologyBegins)
        for exchange in exchangeList()
        where exchange.state.isDurable && !exchange.isPredefined {
            journal(.exchangeDeclared(exchange.record))
        }
        for queue in queueList() where queue.state.journalID != 0 {
            journal(.queueDeclared(queue.record))
        }
        for exchange in exchangeList() {
            for binding in exchange.state.bindings.all {
                if let record = binding.record { journal(.bound(record)) }
            }
        }
        journal(.topologyEnds)
        state.journal.topologyLSN = begins
        state.journal.topologySize = state.journal.buffer.nextLSN - begins
    }

    /// How far behind the newest record a description may begin, in octets.
    var descriptionAgeMax: UInt64 {
        max(state.limits.journalDescriptionInterval, state.journal.topologySize * 4)
    }

    /// Everything below is needed no more: no live message, no declaration.
    ///
    /// Called after a batch has become durable. Describes the topology anew when the last
    /// description alone keeps much of the journal.
    var removableLSN: UInt64 {
        let oldestMessage = state.journal.ledger.oldestLive ?? state.journal.durableLSN
        let space =
            state.journal.durableLSN
            - min(
                state.journal.topologyLSN,
                state.journal.durableLSN
            )
        if oldestMessage > state.journal.topologyLSN,
            space > descriptionAgeMax
        {
            describeTopology()
        }
        return min(oldestMessage, state.journal.describedLSN)
    }
}

extension Handle where State == ExchangeState {
    /// Whether every virtual host has it from the start.
    var isPredefined: Bool {
        state.kind == .default || state.kind == .management
            || state.name.starts(with: Array("amq.".utf8))
    }
}

/// How many live messages each stretch of the journal holds.
///
/// Counts by stretches (1 MiB in a broker): enough to know which segments are dead, and cheap.
/// Invariant: the first stretch holds a live message, so the list is empty when there is none.
struct JournalLedger: ~Copyable {
    /// A stretch has 2 to this power octets.
    private let stretchShift: UInt64
    private var counts = Ring<UInt32>()
    private var firstStretch: UInt64 = 0

    init(stretchShift: UInt64) { self.stretchShift = stretchShift }

    /// Counts a message's places at this LSN.
    mutating func add(_ lsn: UInt64, count: Int) {
        let stretch = lsn >> stretchShift
        if counts.count == 0 { firstStretch = stretch }
        guard stretch >= firstStretch else { return addBefore(stretch, count: count) }
        while UInt64(counts.count) <= stretch - firstStretch { counts.append(0) }
        counts[Int(stretch - firstStretch)] += UInt32(count)
    }

    private mutating func addBefore(_ stretch: UInt64, count: Int) {
        while firstStretch > stretch {
            counts.prepend(0)
            firstStretch -= 1
        }
        counts[0] += UInt32(count)
    }

    /// Counts one place less.
    @inline(__always)
    mutating func remove(_ lsn: UInt64) {
        let stretch = lsn >> stretchShift
        precondition(stretch >= firstStretch, "a live message in a forgotten stretch")
        counts[Int(stretch - firstStretch)] -= 1
        while let first = counts.first, first == 0 {
            _ = counts.popFirst()
            firstStretch += 1
        }
    }

    /// An LSN at or below that of the oldest live message; `nil` when there is none.
    var oldestLive: UInt64? {
        counts.count == 0 ? nil : firstStretch << stretchShift
    }
}
