import Wire

@testable import Broker

/// One life of a stream: every message that ever got an offset in it.
final class ModelStream {
    /// A message with an offset.
    final class Entry {
        let message: ModelMessage
        let time: WallTime
        /// The batch that says that it is there.
        var epoch: Int
        /// The first place in the journal that may be the one behind which it counts.
        var sequence: Int
        /// The last such place; `nil` while its batch has not been taken.
        var lastSequence: Int?
        /// Only the journal outlived a loss of power, which the sync policy allows.
        var isLost = false

        init(
            _ message: ModelMessage,
            time: WallTime,
            epoch: Int,
            sequence: Int,
            lastSequence: Int?
        ) {
            self.message = message
            self.time = time
            self.epoch = epoch
            self.sequence = sequence
            self.lastSequence = lastSequence
        }

        var filterValue: ShortString? { message.headers.text("x-stream-filter-value") }
    }

    private var sizeMax: Int?
    private var ageMax: Duration?
    /// By offset, from 0 on.
    private(set) var entries: [Entry] = []
    /// Messages below have been forgotten.
    private(set) var first = 0

    var next: Int { entries.count }

    /// `nil` for a queue of another type.
    init?(_ arguments: FieldTable) {
        guard arguments["x-queue-type"] == .string("stream") else { return nil }
    }

    /// Reads its limits, which policies can change.
    func read(_ arguments: FieldTable) {
        sizeMax = arguments.number("x-max-length-bytes")
        ageMax = arguments.text("x-max-age").flatMap { StreamAge.parse($0.string) }
    }

    /// Adds a message.
    ///
    /// - Parameters:
    ///   - message: What comes.
    ///   - sequence: Its place in the journal if it is part of a transaction.
    ///   - earliest: The place it cannot be before.
    ///   - moment: When.
    func append(
        _ message: ModelMessage,
        sequence: Int?,
        from earliest: Int,
        _ moment: ModelMoment
    ) {
        let now = SimulatedMachine.wallTime(moment.now)
        let entry = Entry(
            message,
            time: max(now, entries.last?.time ?? now),
            epoch: moment.epoch,
            sequence: sequence ?? earliest,
            lastSequence: sequence
        )
        entries.append(entry)
        message.streamed.append(entry)
    }

    /// The journal takes what has collected.
    func noteTaken(at sequence: Int) {
        for entry in entries.reversed() {
            guard entry.lastSequence == nil || entry.epoch > 0 else { return }
            entry.lastSequence = entry.lastSequence ?? sequence
        }
    }

    /// Where a consumer begins that asks for this.
    func start(_ value: FieldValue?, at now: Instant) -> Int {
        guard let value, let start = StreamOffset(value, now: SimulatedMachine.wallTime(now)) else {
            return next
        }
        switch start {
        case .first: return 0
        case .last: return max(0, next - 1)
        case .next: return next
        case .offset(let number): return Int(clamping: number)
        case .time(let time):
            guard time <= entries.last?.time ?? WallTime(milliseconds: .min) else { return next }
            return entries.firstIndex { $0.time >= time } ?? next
        }
    }

    // MARK: Limits

    /// The broker says that messages are forgotten.
    func forget(before first: Int, at now: Instant, _ name: String) throws(Violation) {
        guard first > self.first else { return }
        try insist(first < next, "\(name) has forgotten all up to \(first) of \(next)")
        let gone = entries[self.first..<first].filter { !$0.isLost }
        let now = SimulatedMachine.wallTime(now).milliseconds
        let isOld = ageMax.map { ageMax in
            let age = Int64(ageMax / .milliseconds(1))
            return gone.allSatisfy { $0.time.milliseconds + age <= now }
        }
        // What is left and the file that went were too much; a message takes a little more
        // than its body.
        let size = entries[self.first...].reduce(0) {
            $1.isLost ? $0 : $0 + $1.message.body.count + 1_200
        }
        let isLarge = sizeMax.map { size > $0 } ?? false
        try insist(
            isOld ?? false || isLarge,
            "\(name) has forgotten messages \(self.first) to \(first - 1) for no reason"
        )
        self.first = first
    }

    // MARK: Restarts

    /// Checks what a restart found: the journal says how far it goes, and of that only the end may
    /// be missing, as far as it was not synced.
    func check(
        _ found: RecoveredOffsets,
        durableEpoch: Int,
        syncedEpoch: Int,
        _ name: String,
        _ cut: inout JournalCut
    ) throws(Violation) {
        let end = Int(found.end)
        try insist(end <= next, "\(name) goes to \(end), and only \(next) were published")
        if end > 0 {
            cut.isBehind(entries[end - 1].sequence, "offset \(end - 1) of \(name)")
        }
        try insist(found.lost.upperBound == found.end, "\(name) lost \(found.lost) of \(end)")
        for offset in found.lost where !entries[Int(offset)].isLost {
            let epoch = entries[Int(offset)].epoch
            try insist(
                epoch > syncedEpoch,
                "offset \(offset) of \(name) is lost; its file had it (batch \(epoch) of "
                    + "\(syncedEpoch))"
            )
        }
        guard end < next else { return }
        let lost = entries[end]
        try insist(
            lost.epoch > durableEpoch,
            "offset \(end) of \(name) is lost; the disk had it (batch \(lost.epoch) of "
                + "\(durableEpoch))"
        )
        if let last = lost.lastSequence { cut.isBefore(last, "offset \(end) of \(name)") }
    }

    /// Lets go of what points back to its entries.
    func cutTies() {
        for entry in entries { entry.message.streamed = [] }
    }

    /// Goes on from there.
    func restore(_ found: RecoveredOffsets) {
        entries = Array(entries.prefix(Int(found.end)))
        for offset in found.lost { entries[Int(offset)].isLost = true }
        // Files that were to go may be back.
        first = min(first, Int(found.first))
        while first < Int(found.first), entries[first].isLost { first += 1 }
        for entry in entries {
            entry.epoch = 0
            entry.sequence = 0
            entry.lastSequence = 0
        }
    }
}

/// Which messages of a stream a restart has found.
struct RecoveredOffsets {
    let first: UInt64
    /// Behind the last.
    let end: UInt64
    /// Those the journal knows of and the files do not have, the last ones.
    let lost: Range<UInt64>
}
