/// The publish sequence numbers of a channel in confirm mode (RabbitMQ: confirm.select).
///
/// Numbers are answered in order. What needs no disk and follows nothing that does is answered
/// when the batch ends; the rest waits in runs that become durable together, one for each batch
/// the journal takes, so the list stays as short as the journal's pipeline.
struct ConfirmTracker {
    var isSelected = false
    /// Publishes seen since confirm.select.
    private(set) var published: UInt64 = 0
    /// The last sequence number answered.
    private(set) var answered: UInt64 = 0
    /// What waits for the disk, or behind what does, in order; the last run ends at `published`.
    private var runs: [Run] = []
    /// The next channel that owes confirms when the batch ends.
    var nextConfirming: Channel?
    /// On the virtual host's list of channels that owe confirms.
    var isConfirming = false

    /// Sequence numbers that are answered together.
    private struct Run {
        /// The last of them.
        var last: UInt64
        /// What must be durable first.
        var lsn: UInt64
        let isRefused: Bool
    }

    /// One answer to send.
    struct Answer: Equatable {
        /// The sequence number it names.
        let number: UInt64
        /// How many publishes it covers.
        let count: UInt64
        let isRefused: Bool
    }

    /// Publishes not yet answered.
    var unconfirmedCount: UInt64 { published - answered }

    /// Whether something waits for the disk.
    var isPending: Bool { !runs.isEmpty }

    /// Counts a publish.
    ///
    /// - Parameters:
    ///   - lsn: What must be durable before it is answered; 0 for what needs no disk.
    ///   - isRefused: Whether a full queue refused it.
    ///   - takenLSN: What the journal has taken; what comes after becomes durable together.
    @inline(__always)
    mutating func publish(lsn: UInt64, isRefused: Bool, takenLSN: UInt64) {
        published &+= 1
        if lsn == 0, !isRefused, runs.isEmpty { return }
        add(lsn: lsn, isRefused: isRefused, takenLSN: takenLSN)
    }

    private mutating func add(lsn: UInt64, isRefused: Bool, takenLSN: UInt64) {
        let before = published - 1
        if runs.isEmpty, before > answered {
            runs.append(Run(last: before, lsn: 0, isRefused: false))
        }
        guard !isRefused, let last = runs.last, !last.isRefused,
            lsn == 0 || last.lsn > takenLSN
        else {
            let needed = max(lsn, runs.last?.lsn ?? 0)
            runs.append(Run(last: published, lsn: needed, isRefused: isRefused))
            return
        }
        runs[runs.count - 1].last = published
        runs[runs.count - 1].lsn = max(last.lsn, lsn)
    }

    /// Gives up on everything that waits.
    ///
    /// - Returns: The last number given up, all before it included; `nil` when nothing waits.
    mutating func refusePending() -> UInt64? {
        guard let last = runs.last else { return nil }
        runs = []
        answered = last.last
        return last.last
    }

    /// Takes the next answer that can be given.
    ///
    /// - Parameter durableLSN: What has reached the disk.
    /// - Returns: An answer for one refused publish or a run of accepted ones; `nil` when the
    ///   rest must wait.
    mutating func nextAnswer(durableLSN: UInt64) -> Answer? {
        var last = answered
        var taken = 0
        for run in runs {
            guard run.lsn <= durableLSN else { break }
            if run.isRefused {
                guard last == answered else { break }
                runs.removeFirst(taken + 1)
                answered = run.last
                return Answer(number: run.last, count: 1, isRefused: true)
            }
            last = run.last
            taken += 1
        }
        runs.removeFirst(taken)
        if runs.isEmpty { last = published }
        guard last > answered else { return nil }
        let answer = Answer(number: last, count: last - answered, isRefused: false)
        answered = last
        return answer
    }
}
