import Wire

/// What a restart found.
struct Recovered {
    /// As declared.
    let durable: ModelTopology.Durable
    /// Each queue's messages in order.
    let contents: [ShortString: [Item]]

    struct Item {
        let heard: Heard
        let isRedelivered: Bool
    }
}

/// Checking what a restart brought back.
///
/// The journal keeps everything up to some point: all of what was durable, and of what came after
/// as much as the crash let through, but never something later without what was before it.
extension BrokerModel {
    /// Takes over what a restart found, if it is one of the states that may be.
    func recover(_ recovered: Recovered) throws(Violation) {
        let base = snapshots.lastIndex { $0.epoch <= durableEpoch } ?? 0
        var violation = Violation("other topology than ever: \(recovered.durable)")
        for index in (base..<snapshots.count).reversed()
        where isSame(snapshots[index].durable, recovered.durable) {
            let next = index + 1 < snapshots.count ? snapshots[index + 1].sequence : Int.max
            do throws(Violation) {
                let survivors = try self.survivors(recovered, of: snapshots[index], before: next)
                adopt(snapshots[index].durable, survivors, recovered)
                return
            } catch {
                violation = error
            }
        }
        throw violation
    }

    /// Whether declarations are the same; lives of queues cannot be told from outside.
    private func isSame(
        _ durable: ModelTopology.Durable,
        _ found: ModelTopology.Durable
    ) -> Bool {
        durable.exchanges == found.exchanges && durable.bindings == found.bindings
            && durable.queues.mapValues(\.declare) == found.queues.mapValues(\.declare)
    }

    /// Where the journal can have ended: behind `low`, before `high`.
    private struct Cut {
        var low: Int
        var lowName: String
        var high: Int
        var highName: String

        mutating func isBehind(_ sequence: Int, _ name: @autoclosure () -> String) {
            guard sequence > low else { return }
            low = sequence
            lowName = name()
        }

        mutating func isBefore(_ sequence: Int, _ name: @autoclosure () -> String) {
            guard sequence < high else { return }
            high = sequence
            highName = name()
        }
    }

    /// The copies that came back, if these are ones that may.
    private func survivors(
        _ recovered: Recovered,
        of snapshot: Snapshot,
        before end: Int
    ) throws(Violation) -> [ShortString: [ModelCopy]] {
        var survivors: [ShortString: [ModelCopy]] = [:]
        var cut = Cut(
            low: snapshot.sequence,
            lowName: "a change of the topology",
            high: end,
            highName: "the next change of the topology"
        )
        var settled: [ModelCopy] = []
        for (name, queue) in snapshot.durable.queues {
            guard let life = lives[queue.life] else { continue }
            let copies = try self.survivors(recovered.contents[name] ?? [], in: life)
            survivors[name] = copies
            let found = Set(copies.map(ObjectIdentifier.init))
            for copy in life.copies.values where copy.journalEpoch != nil {
                if found.contains(ObjectIdentifier(copy)) {
                    cut.isBehind(copy.sequence, "\(copy.name), which is there")
                    guard let settled = copy.settledWith else { continue }
                    cut.isBefore(settled, "\(copy.name), settled by a lost commit")
                    continue
                }
                if copy.settledWith != nil {
                    settled.append(copy)
                } else {
                    try noteAbsence(of: copy, &cut)
                }
            }
        }
        // A copy settled by a commit is gone with it, or never got as far.
        settled.sort { $0.sequence < $1.sequence }
        for copy in settled + settled { noteSettlement(of: copy, &cut) }
        try insist(
            cut.low < cut.high,
            "\(cut.highName), is lost, and what came after is not: \(cut.lowName)"
        )
        return survivors
    }

    private func noteAbsence(of copy: ModelCopy, _ cut: inout Cut) throws(Violation) {
        guard copy.settledEpoch == nil else { return }
        try insist(
            copy.journalEpoch ?? 0 > durableEpoch,
            "\(copy.name) is lost; the disk had it (batch \(copy.journalEpoch ?? 0) of "
                + "\(durableEpoch))"
        )
        cut.isBefore(copy.sequence, copy.name)
    }

    private func noteSettlement(of copy: ModelCopy, _ cut: inout Cut) {
        guard let settled = copy.settledWith else { return }
        let isDurable = copy.journalEpoch ?? 0 <= durableEpoch
        if isDurable || cut.low >= copy.sequence {
            cut.isBehind(settled, "\(copy.name), settled by a commit")
        } else if cut.high <= settled {
            cut.isBefore(copy.sequence, copy.name)
        }
    }

    private func survivors(
        _ items: [Recovered.Item],
        in life: ModelQueue
    ) throws(Violation) -> [ModelCopy] {
        var copies: [ModelCopy] = []
        for item in items {
            let copy = try copy(of: item.heard, in: life)
            try insist(copy.journalEpoch != nil, "\(copy.name) survived, and is not durable")
            if let settled = copy.settledEpoch {
                try insist(
                    settled > durableEpoch,
                    "\(copy.name) is back; the disk had its settlement (batch \(settled) of "
                        + "\(durableEpoch))"
                )
            }
            if let before = copies.last {
                try insist(
                    before.position < copy.position,
                    "\(copy.name) comes after \(before.name)"
                )
            }
            if let delivered = copy.deliveredEpoch, delivered <= durableEpoch {
                try insist(item.isRedelivered, "\(copy.name) forgot that it was handed out")
            }
            if item.isRedelivered {
                try insist(copy.deliveredEpoch != nil, "\(copy.name) was never handed out")
            }
            copies.append(copy)
        }
        return copies
    }

    /// Goes on from there, all of it durable and handed out once, to look at it.
    private func adopt(
        _ durable: ModelTopology.Durable,
        _ survivors: [ShortString: [ModelCopy]],
        _ recovered: Recovered
    ) {
        topology = ModelTopology(durable)
        snapshots = [Snapshot(epoch: 0, sequence: nextSequence(), durable: durable)]
        var kept: [Int: ModelQueue] = [:]
        for (name, queue) in durable.queues {
            guard let life = lives[queue.life] else { continue }
            life.restore(survivors[name] ?? [])
            life.isDeleted = false
            for (copy, item) in zip(life.ready, recovered.contents[name] ?? []) {
                copy.deliveredEpoch = item.isRedelivered ? 0 : epoch
                copy.isRedelivered = true
            }
            kept[queue.life] = life
        }
        lives = kept
        messages = [:]
        for life in kept.values {
            for copy in life.ready { messages[copy.message.id] = copy.message }
        }
        connections = [:]
        forgetEpochs()
    }
}
