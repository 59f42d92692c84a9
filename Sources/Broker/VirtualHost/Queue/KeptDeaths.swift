import Wire

/// Dead messages that stay in their quorum queue until every target has the dead letter
/// (x-dead-letter-strategy `at-least-once`).
///
/// A dead-letter exchange that does not exist, or routes nowhere, and a full queue that refuses
/// keep them. They are tried again when the topology has changed, or a target was full; where
/// they were refused before, once a second (RabbitMQ: rabbit_fifo_dlx_worker, every 3 minutes).
struct KeptDeaths: ~Copyable {
    private var deaths: [UInt64: Death] = [:]
    /// Their positions, in the order in which they are tried.
    private var order = Ring<UInt64>()
    /// Octets of all bodies.
    private(set) var bodyBytes = 0
    /// Queues that have the dead letter of a message although others have not.
    var reached: [UInt64: [[UInt8]]] = [:]

    var timer = TimerWheel<TimerEvent>.ID.none
    /// What the topology was when they were tried last.
    var topologyVersion: UInt64 = 0
    /// One was refused by a full queue since.
    var isRefused = false
    /// How many are left to try before there is a pause.
    var leftCount = 0
    /// How many were tried last, and how many of them came back.
    var triedCount = 0
    var failedCount = 0

    init() {}

    /// Tried at once; the next ones follow after `breath`.
    static let triedCountMax = 1_024
    static let breath = Duration.milliseconds(10)
    static let pause = Duration.seconds(1)

    var count: Int { deaths.count }

    mutating func add(_ death: Death) {
        deaths[death.entry.position] = death
        order.append(death.entry.position)
        bodyBytes += Int(death.entry.bodySize)
    }

    /// Takes the one to be tried next.
    mutating func popFirst() -> Death? {
        guard let position = order.popFirst(), let death = deaths.removeValue(forKey: position)
        else { return nil }
        bodyBytes -= Int(death.entry.bodySize)
        return death
    }

    /// The dead message at a position.
    func death(at position: UInt64) -> Death? { deaths[position] }

    /// Lets `body` change the entry at a position.
    ///
    /// - Returns: Whether there is one.
    mutating func update(at position: UInt64, _ body: (inout QueueEntry) -> Void) -> Bool {
        guard var death = deaths[position] else { return false }
        body(&death.entry)
        deaths[position] = death
        return true
    }
}

extension Handle where State == QueueState {
    /// Dead messages that wait for their targets.
    var keptCount: Int { state.kept?.state.count ?? 0 }

    /// Keeps a dead message whose dead letter has not reached every target.
    func keep(_ death: Death, reached: [[UInt8]], isRefused: Bool) {
        let kept = makeKept()
        var death = death
        if !reached.isEmpty { kept.state.reached[death.entry.position] = reached }
        journalDeath(&death)
        letGo(&death.entry)
        kept.state.add(death)
        kept.state.isRefused = kept.state.isRefused || isRefused
        kept.state.failedCount += 1
        kept.state.topologyVersion = state.virtualHost.state.topologyVersion
        applyLimits()
        if kept.state.timer == .none { setRetry(after: KeptDeaths.pause, kept) }
    }

    private func makeKept() -> Handle<KeptDeaths> {
        if let kept = state.kept { return kept }
        let kept = Handle<KeptDeaths>(KeptDeaths())
        state.kept = kept
        return kept
    }

    /// Has the journal say that a message is dead, and who has its dead letter, if it does not.
    func journalDeath(_ death: inout Death) {
        let position = death.entry.position
        let reached = state.kept?.state.reached[position] ?? []
        guard state.journalID != 0, death.entry.journalLSN != nil,
            death.journaledCount != reached.count
        else { return }
        death.journaledCount = reached.count
        state.virtualHost.journal(.died(record(of: death, reached)))
    }

    private func record(of death: Death, _ reached: [[UInt8]]) -> DeathRecord {
        DeathRecord(
            queue: state.journalID,
            position: death.entry.position,
            reason: death.reason,
            reached: reached.map { ShortString(bytes: $0) ?? "" }
        )
    }

    /// Has the journal say again what it says of a death: the message's record is copied.
    func repeatDeath(at position: UInt64) {
        let kept = state.kept?.state.death(at: position)
        guard let death = kept ?? dying(at: position), death.journaledCount >= 0 else { return }
        let reached = state.kept?.state.reached[position] ?? []
        state.virtualHost.journal(.died(record(of: death, reached)))
    }

    /// Keeps a message that was dead before the restart.
    func restoreKept(_ entry: QueueEntry, _ record: DeathRecord) {
        let kept = makeKept()
        var death = Death(queue: self, entry: entry, reason: record.reason, wasStored: true)
        death.journaledCount = record.reached.count
        kept.state.add(death)
        if !record.reached.isEmpty {
            kept.state.reached[entry.position] = record.reached.map(\.bytes)
        }
        kept.state.isRefused = true
        state.dyingCount += 1
    }

    /// The journal goes on after a restart: what was dead before it goes on its way.
    func resumeKept() {
        guard let kept = state.kept, kept.state.timer == .none else { return }
        applyLimits()
        setRetry(after: .zero, kept)
    }

    /// Nobody asks for it for a second at least, so it may as well be on disk only.
    private func letGo(_ entry: inout QueueEntry) {
        let virtualHost = state.virtualHost
        guard !entry.isPaged, state.journalID != 0 else { return }
        let lsn = entry.message.header.lsn
        guard lsn != 0, lsn < virtualHost.state.journal.durableLSN,
            virtualHost.state.paging.budget != Int.max
        else { return }
        moveOut(&entry, to: .journal(lsn))
    }

    private func setRetry(after pause: Duration, _ kept: Handle<KeptDeaths>) {
        let virtualHost = state.virtualHost
        kept.state.timer = virtualHost.state.timers.add(
            .retryDeaths(self),
            at: virtualHost.state.now + pause
        )
    }

    /// Tries some of those that are kept again, if there is hope.
    func retryDeaths() {
        guard let kept = state.kept else { return }
        kept.state.timer = .none
        guard kept.state.count > 0 else { return }
        // What is being read from disk comes first.
        guard state.dying.isEmpty else { return setRetry(after: KeptDeaths.breath, kept) }
        let version = state.virtualHost.state.topologyVersion
        if kept.state.leftCount > 0 {
            // When nothing at all got through, the rest would not either.
            if kept.state.failedCount >= kept.state.triedCount { kept.state.leftCount = 0 }
        } else if kept.state.isRefused || kept.state.topologyVersion != version {
            kept.state.leftCount = kept.state.count
            kept.state.isRefused = false
            kept.state.topologyVersion = version
        }
        let count = min(kept.state.leftCount, kept.state.count, KeptDeaths.triedCountMax)
        kept.state.leftCount -= count
        kept.state.triedCount = count
        kept.state.failedCount = 0
        for _ in 0..<count {
            guard let death = kept.state.popFirst() else { break }
            pass(on: death)
        }
        applyLimits()
        let isPaused = kept.state.leftCount == 0
        setRetry(after: isPaused ? KeptDeaths.pause : KeptDeaths.breath, kept)
    }

    /// The queue is being deleted: what is kept goes with it.
    func dropKept() {
        guard let kept = state.kept else { return }
        if kept.state.timer != .none {
            state.virtualHost.state.timers.cancel(kept.state.timer)
            kept.state.timer = .none
        }
        while let death = kept.state.popFirst() {
            discard(death.entry)
            state.dyingCount -= 1
        }
        kept.state.reached = [:]
    }

    /// What is kept takes room in the queue (RabbitMQ: rabbit_fifo, is_over_limit).
    func applyLimits() {
        let count = state.settings.readyCountMax ?? Int.max
        let bytes = state.settings.readyBytesMax ?? Int.max
        state.readyCountMax = max(0, count - keptCount)
        state.readyBytesMax = max(0, bytes - (state.kept?.state.bodyBytes ?? 0))
    }
}

extension QueueSettings {
    /// Whether a dead message stays until every target has the dead letter.
    ///
    /// Only where publishes can be refused, since the queue may fill up with them; otherwise
    /// at-most-once it is (RabbitMQ: rabbit_quorum_queue, dead_letter_handler).
    var keepsDeadLetters: Bool {
        wantsEveryDeadLetter && type == .quorum && overflow == .rejectPublish
            && deadLetterExchange != nil
    }

    /// Whether that was asked for in vain.
    var losesDeadLetters: Bool {
        wantsEveryDeadLetter && type == .quorum && overflow != .rejectPublish
            && deadLetterExchange != nil
    }
}
