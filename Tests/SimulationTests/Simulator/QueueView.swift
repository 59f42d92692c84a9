import Wire

@testable import Broker

/// What the broker holds in one queue, looked at from inside.
struct QueueView {
    let queue: Queue
    /// In the order they are to be handed out.
    let ready: [QueueEntry]

    init(_ queue: Queue) {
        self.queue = queue
        var entries: [QueueEntry] = []
        var priority: UInt8? = queue.state.ready.highestPriority
        while let level = priority {
            var some: [QueueEntry] = []
            for number in queue.state.ready[level].numbers {
                let entry = queue.state.ready[level].entry(number)
                if entry.place != .gone { some.append(entry) }
            }
            some += queue.entriesBack(level)
            entries += some.sorted { $0.position < $1.position }
            priority = queue.state.ready.priority(below: level)
        }
        ready = entries
    }

    var nextPosition: Int { Int(queue.state.nextPosition) }

    /// Positions of what nobody can have before the disk has been read: messages that are there
    /// only, and the next ones of groups that are being read.
    var awaited: Set<Int> {
        let reading = queue.state.groups?.state.reading ?? []
        return Set(
            (ready.filter(\.isPaged).map(\.position) + reading.compactMap(\.head)).map(Int.init)
        )
    }

    /// When the time of an entry is over.
    func deadline(of entry: QueueEntry) -> Instant? {
        entry.terms.timer.map { queue.state.virtualHost.state.timers.deadline(of: $0) }
            ?? entry.terms.deadline
    }
}

extension QueueEntry {
    /// Whether it stands for a message with this content; one on disk only may be any.
    func holds(_ message: ModelMessage) -> Bool {
        guard !isPaged else { return true }
        return self.message.holds(message)
    }
}

extension Message {
    /// Whether this is its content.
    func holds(_ message: ModelMessage) -> Bool {
        guard ModelMessage.id(in: body.bytes) == message.id else { return false }
        do throws(WireError) {
            let own = try BasicProperties(decoding: properties)
            return own.isLike(message.properties())
        } catch {
            return false
        }
    }
}

extension Handle where State == VirtualHostState {
    /// Those that have died and are not sent on yet.
    var unburied: [Death] {
        var list: [Death] = []
        for index in 0..<state.deaths.count { list.append(state.deaths[index]) }
        for index in 0..<state.refusedLetters.count { list.append(state.refusedLetters[index]) }
        return list
    }

    /// The same with those that wait to be read before; a queue that has gone stays for them.
    var pendingDeaths: [Death] {
        let gone = state.journal.queues.values.filter { $0.state.isDeleted }
        return unburied + (queueList() + gone).flatMap(\.unread)
    }
}

extension Handle where State == ExchangeState {
    /// What it remembers, oldest first.
    var remembered: [RememberedValue] {
        var list: [RememberedValue] = []
        state.values.forEach { list.append($0) }
        return list
    }
}

extension Handle where State == QueueState {
    /// Those of this queue that wait to be read before they are sent on.
    var unread: [Death] { (0..<state.dying.count).map { state.dying[$0] } }
}

extension Handle where State == QueueState {
    /// What has come back, of one priority.
    fileprivate func entriesBack(_ priority: UInt8) -> [QueueEntry] {
        var entries: [QueueEntry] = []
        state.ready[priority].forEachReturned { entry in
            entries.append(entry)
            return true
        }
        return entries
    }

    /// What has come back and waits.
    var entriesBack: [QueueEntry] {
        var entries: [QueueEntry] = []
        var priority: UInt8? = state.ready.highestPriority
        while let level = priority {
            entries += entriesBack(level)
            priority = state.ready.priority(below: level)
        }
        return entries
    }

    /// What is handed out and not settled.
    var entriesOut: [QueueEntry] {
        var entries: [QueueEntry] = []
        state.virtualHost.forEachConnection { connection in
            connection.state.channels.forEach { channel in
                channel.state.unacked.updateUnsettled { delivery in
                    if delivery.queue == self { entries.append(delivery.entry) }
                }
            }
        }
        return entries.sorted { $0.position < $1.position }
    }
}
