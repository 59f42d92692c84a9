@testable import TestSupport
import Wire

@testable import Broker

/// How a life of the process goes, ends, and what comes after.
extension Simulation {
    /// Lets clients and journal work until the process ends.
    ///
    /// - Returns: Whether it ended in good order.
    func live() throws -> Bool {
        let plan = Int.random(in: 0..<10, using: &random)
        switch plan {
        case 0..<4:
            machine.disk.stopsAt =
                machine.disk.operationCount + Int.random(in: 1...80, using: &random)
        case 4:
            machine.disk.failingSync =
                machine.disk.syncCount + Int.random(in: 1...12, using: &random)
        default: break
        }
        do {
            try open()
            for _ in 0..<Int.random(in: 5...150, using: &random) { try act() }
            machine.disk.capacity = Int.max
            guard plan > 7 else { return false }
            try stop()
            return true
        } catch is ProcessEnded {
            note("the process ends itself")
            return false
        }
    }

    /// One thing that happens.
    private func act() throws {
        if choices.hasPolicies, random.oneIn(12) { return try changePolicy() }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<58: try choices.isPlain || !random.oneIn(10) ? actAsClients() : passTime()
        case 58..<82: try journalStep()
        case 82..<88: try pagerStep()
        case 88..<92: try compactorStep()
        case 92..<94: try passTime()
        case 94: if peers.count < choices.connectionMax { try connect() }
        case 95:
            if let peer = anyPeer { try hangUp(peer) }
        case 96: fillOrEmptyDisk()
        case 97: try quiesce()
        default:
            for _ in 0..<4 { try journalStep() }
        }
    }

    /// Time goes on, mostly to when something is due.
    private func passTime() throws {
        let next = virtualHost.nextDeadline
        let last = now + .seconds(10)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: now += .milliseconds(Int64.random(in: 1...5_000, using: &random))
        case 1: now += .milliseconds(Int64.random(in: 1...50, using: &random))
        case 2 where next > now && next < last: now = next - .milliseconds(1)
        case 3..<6 where next > now && next < last: now = next
        default: return
        }
        note("it is \(now)")
        try turn {}
    }

    private func fillOrEmptyDisk() {
        if machine.disk.capacity < Int.max {
            note("the disk has room again")
            machine.disk.capacity = Int.max
        } else if random.oneIn(2) {
            note("the disk is full soon")
            machine.disk.capacity =
                machine.disk.usedSize + Int.random(in: 0...3_000, using: &random)
        }
    }

    // MARK: The journal

    /// Does the next step of the journal thread.
    func journalStep() throws {
        guard let process = machine.process else { return }
        count(\.journalSteps)
        switch process.cycle.step {
        case .take:
            guard process.cycle.take() else { return }
            model.noteTaken()
            model.takenEpoch += 1
            note("journal takes batch \(model.takenEpoch)")
        case .write: try write(process)
        case .publish:
            note("journal publishes batch \(model.takenEpoch)")
            try turn { self.resume(process.cycle.publish()) }
            if random.oneIn(4) { try syncOwed(process) }
        case .remove:
            let before = process.journal.segments.count
            do throws(StorageError) {
                try process.cycle.remove()
            } catch {
                note("\(error)")
                // Whoever writes next to what could not be synced ends the process.
                let isUnusable = if case .unusable = error { true } else { false }
                guard isUnusable || machine.disk.isAtFault else { throw Violation("\(error)") }
            }
            for _ in process.journal.segments.count..<max(before, process.journal.segments.count) {
                count(\.removedSegments)
            }
            noteSynced(process)
        }
    }

    /// What earlier answers have promised to be synced by and by.
    private func syncOwed(_ process: SimulatedMachine.Process) throws {
        guard choices.limits.sync == .interval else { return }
        if process.cycle.owesSync {
            note("journal syncs what it owes")
            do throws(StorageError) {
                try process.cycle.sync()
            } catch {
                note("journal: \(error)")
                throw ProcessEnded()
            }
        }
        // Nothing more is owed: so all of it is on the disk.
        model.noteAllDurable()
    }

    /// The journal is synced as far as it goes; of streams that says something only if confirms
    /// wait for the disk.
    private func noteSynced(_ process: SimulatedMachine.Process) {
        guard process.journal.syncedLSN == process.journal.endLSN else { return }
        model.durableEpoch = model.promisedEpoch
        if choices.limits.sync == .confirm { model.noteAllDurable() }
    }

    private func write(_ process: SimulatedMachine.Process) throws {
        do throws(StorageError) {
            try process.cycle.write()
        } catch .diskFull {
            guard !process.isBlocked else { return }
            note("the disk is full")
            count(\.fullDisks)
            process.isBlocked = true
            try turn {
                self.model.beginOperation()
                self.virtualHost.blockPublishers("no room")
            }
            return
        } catch {
            note("journal: \(error)")
            throw ProcessEnded()
        }
        note("journal wrote batch \(model.takenEpoch)")
        model.promisedEpoch = model.takenEpoch
        noteSynced(process)
        guard process.isBlocked else { return }
        process.isBlocked = false
        try turn { self.resume(self.virtualHost.unblockPublishers()) }
    }

    // MARK: Pager and compactor

    /// Does the pager's next piece of work, with others at work whenever it does not hold the lock.
    func pagerStep() throws {
        guard let process = machine.process else { return }
        let outcome = process.pager.step { body in
            self.enter { body(process.virtualHost) + process.virtualHost.releaseHeldPublishers() }
        }
        _ = process.virtualHost.takeShrinkage()
        if outcome == .worked { count(\.pages) }
        if outcome != .idle { note("pager: \(outcome)") }
        try endStep(of: process)
    }

    /// Does the compactor's next piece of work, in the same way.
    func compactorStep() throws {
        guard let process = machine.process else { return }
        let outcome = process.compactor.step { body in
            self.enter {
                body(process.virtualHost)
                return []
            }
        }
        if outcome != .idle { count(\.compactions) }
        if outcome != .idle { note("compactor: \(outcome)") }
        try endStep(of: process)
    }

    private func endStep(of process: SimulatedMachine.Process) throws {
        if let failure {
            self.failure = nil
            throw failure
        }
        try process.checkReading(machine.disk)
    }

    private func enter(_ body: () -> [ShellAddress]) {
        guard failure == nil else {
            _ = body()
            return
        }
        do {
            if random.oneIn(4) { try actBetween() }
        } catch {
            failure = error
        }
        var isDone = false
        do {
            try turn {
                self.model.beginOperation()
                isDone = true
                self.resume(body())
                try self.observe()
            }
        } catch {
            failure = failure ?? error
            if !isDone { _ = body() }
        }
    }

    /// Something that happens while the pager is reading or writing.
    func actBetween() throws {
        if random.oneIn(3) { try journalStep() } else { try actAsClients() }
    }

    private func resume(_ addresses: [ShellAddress]) {
        for address in addresses {
            peers[Int(address.slot)]?.isParked = false
            peers[Int(address.slot)]?.wantsToGoOn = true
        }
    }

    /// Everything said arrives, the disk has room, the journal catches up: nobody waits any more.
    func quiesce() throws {
        machine.disk.capacity = Int.max
        guard let process = machine.process else { return }
        for _ in 0..<3 {
            for peer in peersInOrder {
                peer.transmit(peer.untransmittedCount)
                try turn { try self.feed(peer) }
            }
            try workOff(process)
        }
        for _ in 0..<200 where model.hasOverdue {
            now += .milliseconds(6)
            try turn {}
            try workOff(process)
        }
        try insist(!model.hasOverdue, "messages wait that are long due")
        try insist(waitingCommits.isEmpty, "a commit is not carried out")
        try model.checkAnswered()
        for peer in peers.values where peer.untransmittedCount == 0 && peer.hasUntaken {
            throw Violation("connection \(peer.id) is read no more")
        }
    }

    /// Journal and pager do what there is to do.
    private func workOff(_ process: SimulatedMachine.Process) throws {
        repeat {
            try journalStep()
            try pagerStep()
            if random.oneIn(3) { try compactorStep() }
        } while !process.isIdle
    }

    /// An orderly stop.
    private func stop() throws {
        note("the broker stops")
        try quiesce()
        try leave()
        guard let process = machine.process else { return }
        try workOff(process)
        do throws(StorageError) {
            try process.cycle.close()
            model.noteAllDurable()
        } catch {
            note("\(error)")
        }
    }

    // MARK: Starting again

    /// Ends the process, loses what the machine loses, and starts it again.
    func restart(wasOrderly: Bool) throws {
        var isLast = wasOrderly
        var isAllThere = true
        repeat {
            let isKill = random.oneIn(3)
            isAllThere = isAllThere && isKill
            try goDown(isKill: isKill)
            if try !goUp() { continue }
            // What was written outlives the process, synced or not.
            if isAllThere { model.noteAllDurable() }
            isAllThere = true
            try model.recover(virtualHost.recovered(machine.process?.losses ?? []), at: now)
            for queue in model.liveQueues + model.delayQueues {
                let items = queue.ready.map { "\($0.message.id) at \($0.position)" }
                note("\(queue.name.string): \(items.joined(separator: ", "))")
            }
            // Or it goes down again before anybody has asked for anything.
            isLast = isLast || !random.oneIn(4)
            guard !isLast else { break }
            do {
                for _ in 0..<Int.random(in: 0...6, using: &random) { try journalStep() }
            } catch is ProcessEnded {
                note("the process ends itself")
            }
        } while true
        if random.oneIn(4) { return }
        try lookAround()
    }

    private func goDown(isKill: Bool) throws {
        count(\.crashes)
        machine.process?.virtualHost.state.observer = nil
        dropPeers()
        // What the pager holds can only be let go of where it finds room.
        machine.disk.capacity = Int.max
        try machine.end()
        machine.disk.failingSync = nil
        if isKill {
            note("the process is killed")
            machine.disk.kill()
        } else {
            note("the machine loses power")
            machine.disk.crash()
        }
    }

    /// Starts the broker, which may be cut short.
    private func goUp() throws -> Bool {
        if random.oneIn(4) {
            machine.disk.stopsAt =
                machine.disk.operationCount + Int.random(in: 1...12, using: &random)
        }
        do throws(StorageError) {
            try machine.start(at: now)
        } catch {
            note("the machine stops during recovery: \(error)")
            guard machine.disk.stopsAt != nil else { throw Violation("does not start: \(error)") }
            count(\.crashesInRecovery)
            return false
        }
        machine.disk.stopsAt = nil
        if let process = machine.process, choices.limits.sync == .confirm {
            try insist(!process.report.hasLostRecords, "lost records: \(process.report.losses)")
            for case .stream(let name, let offsets) in process.losses {
                throw Violation("lost offsets \(offsets) of \(name.string)")
            }
        }
        note("the broker is up again: \(virtualHost.summary)")
        virtualHost.state.observer = self
        return true
    }

    /// Fetches all there is, and puts it back.
    ///
    /// Of a stream a consumer gets all there is.
    private func lookAround() throws {
        let peer = try connect()
        // Clients speak on others in between.
        let own: UInt16 = 4
        var said: [Method] = [.channelOpen(ChannelOpen())]
        for queue in model.liveQueues {
            count(\.recoveredMessages, queue.readyCount)
            if queue.stream != nil {
                said += read(queue.name)
                continue
            }
            for _ in 0...queue.ready.count { said.append(.basicGet(BasicGet(queue: queue.name))) }
        }
        sessions[peer.id]?[own] = ClientChannel(isOpen: true)
        for method in said {
            guard sessions[peer.id]?[own]?.isOpen == true else { break }
            peer.say(.method(method), on: own, frameMax: choices.frameMax)
            peer.transmit(peer.untransmittedCount)
            try turn { try self.feed(peer) }
            while peer.hasUntaken || model.channel(peer.id, own).expected.count > 0 {
                guard virtualHost.hasPagingWork else { break }
                try pagerStep()
            }
        }
        for _ in 0..<200 where virtualHost.hasPagingWork { try pagerStep() }
        try model.checkReaders(through: 0)
        try hangUp(peer)
    }

    private func read(_ stream: ShortString) -> [Method] {
        [
            .basicQos(BasicQos(prefetchCount: 60_000)),
            .basicConsume(
                BasicConsume(
                    queue: stream,
                    consumerTag: nextConsumerTag(),
                    arguments: ["x-stream-offset": "first"]
                )
            ),
        ]
    }
}

extension SimulatedMachine.Process {
    /// Whether the journal has nothing to do.
    var isIdle: Bool {
        guard case .take = cycle.step else { return false }
        return !virtualHost.hasJournalWork && !virtualHost.hasPagingWork
    }
}
