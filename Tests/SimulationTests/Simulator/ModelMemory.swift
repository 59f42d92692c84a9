import Wire

@testable import Broker

/// The values that one life of an exchange remembers (x-message-deduplication).
final class ModelMemory {
    /// A value, from when the exchange saw it first.
    struct Event {
        let digest: ValueDigest
        /// When it is forgotten.
        let end: Instant?
        /// What came with it; `nil` after a restart.
        let message: ModelMessage?
        /// The batch that says so.
        let epoch: Int
        /// Its place in the journal.
        let sequence: Int

        func isOver(at now: Instant) -> Bool { end.map { $0 <= now } ?? false }
    }

    let life: Int
    private let countMax: Int
    private let timeToLive: Int?
    /// Whether a restart brings values back.
    private let isKept: Bool
    /// All that were added since the exchange was declared or the last restart, oldest first.
    private var events: [Event] = []
    /// Those from before.
    ///
    /// Some that were forgotten for want of room may be back when newer ones are over.
    private var former: [Event] = []
    /// Those it remembers, oldest first.
    private var known: [Event] = []

    init(_ declare: ExchangeDeclare, life: Int) {
        self.life = life
        countMax = declare.arguments.number("x-cache-size") ?? 0
        timeToLive = declare.arguments.number("x-cache-ttl")
        isKept = declare.durable && declare.remembersOnDisk
    }

    /// Asks for the value of a message, and adds it if it is new.
    ///
    /// - Returns: What came with it first, if it is known.
    func take(
        _ message: ModelMessage,
        at now: Instant,
        epoch: Int,
        sequence: Int
    ) -> Event? {
        guard let digest = message.digest else { return nil }
        known.removeAll { $0.isOver(at: now) }
        if let first = known.first(where: { $0.digest == digest }) { return first }
        let time = message.headers.number("x-cache-ttl") ?? timeToLive
        if let time, time <= 0 { return nil }
        if known.count == countMax { known.removeFirst() }
        let event = Event(
            digest: digest,
            end: time.map { now + .milliseconds($0) },
            message: message,
            epoch: epoch,
            sequence: sequence
        )
        known.append(event)
        events.append(event)
        return nil
    }

    /// What it remembers, as the broker must.
    func digests(at now: Instant) -> [ValueDigest] {
        known.removeAll { $0.isOver(at: now) }
        return known.map(\.digest)
    }

    // MARK: Restarts

    /// Checks what a restart found: what the journal has, or could have, as far as it is not over.
    ///
    /// Values that were forgotten for want of room may be back.
    func check(
        _ found: [RememberedValue],
        at now: Instant,
        durableEpoch: Int,
        _ cut: inout JournalCut
    ) throws(Violation) {
        let digests = Set(found.map(\.digest))
        try insist(
            digests.count == found.count && found.count <= countMax,
            "\(found.count) values are remembered, \(digests.count) of them different"
        )
        try insist(isKept || found.isEmpty, "values outlived the process that were in memory only")
        guard isKept else { return }
        for value in found {
            let alike = events.indices.filter { events[$0].digest == value.digest }
            if former.contains(where: { $0.digest == value.digest && $0.isLike(value) }) {
                continue
            }
            let same = alike.filter { events[$0].isLike(value) }
            guard let first = same.first, let last = same.last else {
                throw Violation("a value is remembered that never was, or for another time")
            }
            cut.isBehind(events[first].sequence, "a value that is remembered")
            let later = alike.first { $0 > last && !events[$0].isOver(at: now) }
            guard let later else { continue }
            try noteAbsence(of: events[later], durableEpoch, &cut)
        }
        for (index, event) in events.enumerated()
        where !event.isOver(at: now) && !digests.contains(event.digest) {
            // With so many behind it, it may have had to go.
            guard events.count - index <= countMax else { continue }
            try noteAbsence(of: event, durableEpoch, &cut)
        }
    }

    private func noteAbsence(
        of event: Event,
        _ durableEpoch: Int,
        _ cut: inout JournalCut
    ) throws(Violation) {
        let name = "the value of message \(event.message?.id ?? 0)"
        try insist(
            event.epoch > durableEpoch,
            "\(name) is forgotten; the disk had it (batch \(event.epoch) of \(durableEpoch))"
        )
        cut.isBefore(event.sequence, name)
    }

    /// Goes on with what a restart found.
    func restore(_ found: [RememberedValue], at now: Instant) {
        former += events
        known = found.map { value in
            let like = former.last { $0.digest == value.digest && $0.isLike(value) }
            return Event(
                digest: value.digest,
                end: like?.end,
                message: nil,
                epoch: 0,
                sequence: 0
            )
        }
        events = known
    }
}

extension ModelMemory.Event {
    fileprivate func isLike(_ value: RememberedValue) -> Bool {
        value.end == end.map { SimulatedMachine.wallTime($0) }
    }
}

extension ExchangeDeclare {
    var isDeduplicating: Bool { type == "x-message-deduplication" }

    var remembersOnDisk: Bool {
        isDeduplicating && arguments.text("x-cache-persistence") == "disk"
    }
}

extension ModelMessage {
    /// What is remembered of its value; `nil` without one.
    var digest: ValueDigest? {
        guard let key = headers["x-deduplication-header"]?.comparedOctets else { return nil }
        return ByteView.with(key) { ValueDigest(of: $0) }
    }
}
