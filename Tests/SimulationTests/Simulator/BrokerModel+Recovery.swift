import Wire

@testable import Broker

/// What a restart found.
struct Recovered {
    /// As declared.
    let durable: ModelTopology.Durable
    /// Each queue's messages.
    let contents: [ShortString: Contents]
    /// What each exchange delays.
    let delays: [ShortString: Contents]
    /// What each exchange remembers, oldest first.
    let values: [ShortString: [RememberedValue]]
    /// How far each stream goes.
    let streams: [ShortString: RecoveredOffsets]

    struct Contents {
        /// Of the queue, in the journal.
        let number: UInt32
        let nextPosition: Int
        let items: [Item]
    }

    /// One message; what it says shows when somebody gets it.
    struct Item {
        let position: Int
        let priority: UInt8
        let deliveryCount: Int
        let deadline: Instant?
    }
}

extension Recovered {
    /// The contents of every queue, delaying exchanges' included, by its life.
    fileprivate func lives(of durable: ModelTopology.Durable) -> [(Int, Contents)] {
        let visible = durable.queues.compactMap { name, queue in
            contents[name].map { (queue.life, $0) }
        }
        let hidden = durable.exchangeLives.compactMap { name, life in
            delays[name].map { (life, $0) }
        }
        return (visible + hidden).sorted { $0.0 < $1.0 }
    }
}

/// Checking what a restart brought back.
///
/// The journal keeps everything up to some point: all of what was durable, and of what came after
/// as much as the crash let through, but never something later without what was before it.
extension BrokerModel {
    /// The durable topology after a change.
    struct Snapshot {
        let epoch: Int
        let sequence: Int
        let durable: ModelTopology.Durable
    }

    /// Takes over what a restart found, if it is one of the states that may be.
    func recover(_ recovered: Recovered, at now: Instant) throws(Violation) {
        self.now = now
        let base = snapshots.lastIndex { $0.epoch <= durableEpoch } ?? 0
        var violation: Violation?
        for index in (base..<snapshots.count).reversed()
        where isSame(snapshots[index].durable, recovered.durable) {
            let next = index + 1 < snapshots.count ? snapshots[index + 1].sequence : Int.max
            do throws(Violation) {
                let survivors = try self.survivors(recovered, of: snapshots[index], before: next)
                return adopt(snapshots[index].durable, survivors, recovered)
            } catch {
                violation = error
            }
        }
        throw violation ?? Violation("other topology than ever: \(recovered.durable)")
    }

    /// Whether declarations are the same; lives of queues cannot be told from outside.
    private func isSame(
        _ durable: ModelTopology.Durable,
        _ found: ModelTopology.Durable
    ) -> Bool {
        durable.exchanges == found.exchanges && durable.bindings == found.bindings
            && durable.queues.mapValues(\.declare) == found.queues.mapValues(\.declare)
            && durable.policies == found.policies
    }

    /// The copies that came back, if these are ones that may.
    private func survivors(
        _ recovered: Recovered,
        of snapshot: Snapshot,
        before end: Int
    ) throws(Violation) -> [Int: [ModelCopy]] {
        var survivors: [Int: [ModelCopy]] = [:]
        var cut = JournalCut(
            low: snapshot.sequence,
            lowName: "a change of the topology",
            high: end,
            highName: "the next change of the topology"
        )
        var settled: [ModelCopy] = []
        var back = Survivors(lives: Set(recovered.lives(of: snapshot.durable).map(\.0)))
        for (number, contents) in recovered.lives(of: snapshot.durable) {
            guard let life = lives[number] else { continue }
            let copies = try self.survivors(contents, in: life)
            survivors[number] = copies
            let found = Set(copies.map(ObjectIdentifier.init))
            back.copies.formUnion(found)
            for copy in life.copies.values.joined() where copy.journalEpoch != nil {
                if found.contains(ObjectIdentifier(copy)) {
                    cut.isBehind(copy.sequence, "\(copy.name), which is there")
                    guard let settled = copy.settledWith else { continue }
                    cut.isBefore(settled, "\(copy.name), settled by a lost commit")
                    continue
                }
                if copy.settledWith != nil || copy.lastLetter(in: back) != nil {
                    settled.append(copy)
                } else {
                    try noteAbsence(of: copy, &cut)
                }
            }
        }
        for (name, memory) in memories(of: snapshot.durable) {
            let found = recovered.values[name] ?? []
            try memory.check(found, at: now, durableEpoch: durableEpoch, &cut)
        }
        for (name, stream) in streams(of: snapshot.durable) {
            guard let found = recovered.streams[name] else { continue }
            try stream.check(
                found,
                durableEpoch: durableEpoch,
                syncedEpoch: streamEpoch,
                name.string,
                &cut
            )
        }
        // A copy settled by a commit is gone with it, or never got as far; one that died went on
        // before it was settled.
        settled.sort { $0.sequence < $1.sequence }
        for copy in settled + settled { try noteSettlement(of: copy, back, &cut) }
        try insist(
            cut.low < cut.high,
            "\(cut.highName) is lost (\(cut.high)), and what came after is not: \(cut.lowName) "
                + "(\(cut.low))"
        )
        return survivors
    }

    private func noteAbsence(of copy: ModelCopy, _ cut: inout JournalCut) throws(Violation) {
        guard copy.settledEpoch == nil, copy.wasStored || copy.place != .dying else { return }
        try insist(
            copy.journalEpoch ?? 0 > durableEpoch,
            "\(copy.name) is lost; the disk had it (batch \(copy.journalEpoch ?? 0) of "
                + "\(durableEpoch))"
        )
        cut.isBefore(copy.lastSequence ?? copy.sequence, copy.name)
    }

    private func noteSettlement(
        of copy: ModelCopy,
        _ back: Survivors,
        _ cut: inout JournalCut
    ) throws(Violation) {
        guard let settled = copy.settledWith ?? copy.lastLetter(in: back) else { return }
        let isDurable = copy.journalEpoch ?? 0 <= durableEpoch
        let last = copy.lastSequence ?? copy.sequence
        if isDurable || cut.low >= last {
            cut.isBehind(settled, "the end of \(copy.name)")
            for letter in copy.lastLetters(in: back)
            where letter.settledEpoch == nil && back.lives.contains(letter.queue.life) {
                try insist(
                    back.copies.contains(ObjectIdentifier(letter)) || letter.place == .gone,
                    "\(copy.name) died and is gone, and so is what became of it, \(letter.name)"
                )
            }
        } else if cut.high <= settled {
            cut.isBefore(last, copy.name)
        }
    }

    private func survivors(
        _ contents: Recovered.Contents,
        in life: ModelQueue
    ) throws(Violation) -> [ModelCopy] {
        let known = Dictionary(
            life.copies.values.joined().filter { $0.journalEpoch != nil }.map { ($0.position, $0) }
        ) { _, last in last }
        try insist(
            contents.number == life.number,
            "\(life.name.string) is number \(contents.number), not \(life.number)"
        )
        var copies: [ModelCopy] = []
        for item in contents.items {
            guard let copy = known[item.position] else {
                throw Violation(
                    "what survived at \(item.position) of \(life.name.string)/\(life.life) is not "
                        + "durable"
                )
            }
            if let settled = copy.settledEpoch {
                try insist(
                    settled > durableEpoch,
                    "\(copy.name) is back; the disk had its settlement (batch \(settled) of "
                        + "\(durableEpoch))"
                )
            }
            try insist(
                item.priority == copy.priority && item.deadline == copy.deadline,
                "\(copy.name) is on other terms: priority \(item.priority), end "
                    + "\(item.deadline as Any), not \(copy.priority), \(copy.deadline as Any)"
            )
            try insist(
                copy.position < contents.nextPosition,
                "\(copy.name) stands behind the end of its queue"
            )
            try check(item.deliveryCount, of: copy)
            copies.append(copy)
        }
        try checkValues(of: copies, in: life)
        return copies
    }

    /// Of two with one value, one had left when the other came.
    private func checkValues(of copies: [ModelCopy], in life: ModelQueue) throws(Violation) {
        guard life.isUnique else { return }
        var live: Set<ValueDigest> = []
        for copy in copies where copy.isIn {
            guard let value = copy.value else { continue }
            try insist(live.insert(value).inserted, "\(copy.name) came with a value known before")
        }
    }

    /// Checks what is known of how often a copy was handed out.
    private func check(_ count: Int, of copy: ModelCopy) throws(Violation) {
        let returned = copy.returnEpochs.count { $0 <= durableEpoch } + copy.restoredCount
        let wasDelivered = copy.deliveredEpoch.map { $0 <= durableEpoch } ?? false
        try insist(
            count >= max(returned, wasDelivered ? 1 : 0),
            "\(copy.name) forgot that it was handed out: \(count), \(returned) times back"
        )
        // One that came later may have been handed out before: a more urgent one, one of another
        // group, or one that stood behind a message that died.
        let hasLeft = copy.place == .dying || copy.place == .gone
        let isOvertaken = copy.queue.priorityMax > 0 || copy.queue.groupHeader != nil
        let mayBeMarked = copy.deliveredEpoch != nil || isOvertaken || hasLeft
        try insist(
            count <= max(copy.deliveryCount, mayBeMarked ? 1 : 0),
            "\(copy.name) was handed out \(copy.deliveryCount) times, not \(count)"
        )
    }

    /// Goes on from there, all of it durable.
    private func adopt(
        _ durable: ModelTopology.Durable,
        _ survivors: [Int: [ModelCopy]],
        _ recovered: Recovered
    ) {
        for life in lives.values { life.cutTies() }
        topology = ModelTopology(durable)
        snapshots = [Snapshot(epoch: 0, sequence: nextSequence(), durable: durable)]
        var kept: [Int: ModelQueue] = [:]
        for (number, contents) in recovered.lives(of: durable) {
            guard let life = lives[number] else { continue }
            let copies = survivors[number] ?? []
            for (copy, item) in zip(copies, contents.items) {
                copy.deliveryCount = item.deliveryCount
                copy.deliveredEpoch = item.deliveryCount > 0 ? 0 : nil
            }
            if let queue = durable.queues.values.first(where: { $0.life == number }) {
                life.policies = durable.policies.applied(to: queue.declare)
                life.read(durable.policies.arguments(of: queue.declare))
            }
            life.restore(copies, nextPosition: contents.nextPosition, at: now)
            kept[number] = life
        }
        for (name, stream) in streams(of: durable) {
            if let found = recovered.streams[name] { stream.restore(found) }
        }
        for (number, life) in lives where kept[number] == nil { life.end() }
        lives = kept
        var keptMemories: [Int: ModelMemory] = [:]
        for (name, memory) in memories(of: durable) {
            memory.restore(recovered.values[name] ?? [], at: now)
            keptMemories[memory.life] = memory
        }
        memories = keptMemories
        messages = messages.filter { id, _ in kept.values.contains { $0.copies[id] != nil } }
        connections = [:]
        deaths = []
        forgetEpochs()
    }
}

extension ModelCopy {
    /// The place of the last of what it became, as far as the journal has it; `nil` when that is
    /// nothing, or when it may never have been in its queue.
    fileprivate func lastLetter(in back: Survivors) -> Int? {
        lastLetters(in: back).map(\.sequence).max()
    }

    /// What the journal has of what became of it.
    fileprivate func lastLetters(in back: Survivors) -> [ModelCopy] {
        wasStored ? leaves(in: back) : []
    }

    /// What dies later, where the journal does not have it, is written later as well.
    ///
    /// A queue may have had it for a moment, until another one pushed it out; then it is back, or
    /// gone with the queue if that was deleted.
    private func leaves(in back: Survivors) -> [ModelCopy] {
        letters.flatMap { letter in
            guard !letter.wasStored, !back.copies.contains(ObjectIdentifier(letter)) else {
                return [letter].filter { $0.journalEpoch != nil }
            }
            return back.lives.contains(letter.queue.life) ? letter.leaves(in: back) : []
        }
    }
}

/// What a restart has brought back.
private struct Survivors {
    /// Of durable queues.
    let lives: Set<Int>
    var copies: Set<ObjectIdentifier> = []
}
