import Wire

/// Letting messages leave memory.
extension Handle where State == VirtualHostState {
    /// Starts keeping messages in memory only up to a budget.
    ///
    /// - Parameter budget: In octets; whoever reads and writes pages is there from now on.
    func startPaging(budget: Int) { state.paging.budget = budget }

    /// Keeps everything in memory from now on; what is paged stays so until it is needed.
    func stopPaging() {
        state.paging.budget = Int.max
        if state.paging.isActive { stopWatchingQueues() }
    }

    /// Looks after memory at the end of a batch.
    @inline(__always)
    func watchMemory() {
        let bytes = state.pool.messageBytes
        if state.paging.isActive {
            if bytes > state.paging.budget {
                pageOut()
            } else if bytes < state.paging.budget / 4 {
                stopWatchingQueues()
            }
        } else if bytes > state.paging.budget / 2 {
            watchQueues()
        }
    }

    @inline(never)
    private func watchQueues() {
        state.paging.isActive = true
        for queue in queueList() where !queue.state.ready.isEmpty { queue.noteForPaging() }
        for exchange in exchangeList() { exchange.state.delayQueue?.noteForPaging() }
        forEachConnection { connection in
            connection.state.channels.forEach { channel in
                if channel.state.unacked.count > 0 { channel.noteForPaging() }
            }
        }
    }

    @inline(never)
    private func stopWatchingQueues() {
        state.paging.isActive = false
        state.paging.hasShrunk = true
        while let queue = state.paging.candidates.popFirst() { queue.forgetForPaging() }
        while state.paging.holders.takeCandidate() != nil {}
    }

    /// Pages out until memory is a little below its budget, or nothing more can go now.
    ///
    /// What a queue with consumers would hand out next goes last: it would be read again at once.
    @inline(never)
    private func pageOut() {
        let goal = state.paging.budget / 16 * 15
        pageOutQueues(downTo: goal, withNext: false)
        pageOutDeliveries(downTo: goal)
        pageOutQueues(downTo: goal, withNext: true)
    }

    private func pageOutQueues(downTo goal: Int, withNext: Bool) {
        var left = min(state.paging.candidates.count, PagingState.candidateCountMax)
        while left > 0, isMemoryAbove(goal), let queue = state.paging.candidates.popFirst() {
            left -= 1
            guard !queue.state.isDeleted, queue.pageOut(downTo: goal, withNext: withNext) else {
                queue.forgetForPaging()
                continue
            }
            state.paging.candidates.append(queue)
        }
    }

    /// Takes what is to be written to the spill log, and what is to be read.
    ///
    /// - Parameter withSpill: `false` while what was taken before is not written yet.
    /// - Returns: `nil` when there is nothing to do.
    func takePaging(withSpill: Bool) -> PagingWork? {
        let spill = withSpill ? state.paging.spillBuffer.take() : nil
        guard spill != nil || !state.paging.requests.isEmpty else { return nil }
        var items: [SpillItem] = []
        if spill != nil { swap(&items, &state.paging.spillItems) }
        let work = PagingWork(spill: spill, spillItems: items, requests: state.paging.requests)
        state.paging.requests = []
        return work
    }

    /// Whether there is something to read or write.
    @inline(__always)
    var hasPagingWork: Bool {
        !state.paging.requests.isEmpty || state.paging.spillBuffer.count > 0
            || state.paging.hasShrunk || !state.streams.reads.isEmpty
    }

    /// What the backlog took besides its messages, once much memory has become free.
    ///
    /// - Returns: Memory whose end gives it back; `nil` when nothing has become free since this
    ///   was asked last.
    func takeShrinkage() -> JournalBuffer? {
        guard state.paging.hasShrunk else { return nil }
        state.paging.hasShrunk = false
        return state.paging.spillBuffer.takeUnused()
    }

    /// Messages are in the spill log: their queues let go of them.
    ///
    /// - Parameters:
    ///   - items: What was to be written.
    ///   - batch: The octets of it.
    ///   - isWritten: `false` when it could not be, and nothing will be any more.
    func finishSpilling(_ items: [SpillItem], _ batch: JournalBatch, isWritten: Bool) {
        state.paging.spillBuffer.reuse(batch)
        if !isWritten { state.paging.isSpillBroken = true }
        var hint: UInt64 = 0
        for item in items {
            state.paging.spillingBytes -= item.size
            let queue = item.queue
            queue.state.spillingCount -= 1
            queue.state.leaving.remove(item.position)
            if isWritten, letGo(item, hint: &hint) { continue }
            state.paging.spillLedger.remove(item.lsn)
            queue.destroyIfUnused()
        }
    }
}

/// What the thread that pages has to do.
struct PagingWork {
    let spill: JournalBatch?
    let spillItems: [SpillItem]
    let requests: [PageRequest]
}

extension Handle where State == QueueState {
    /// Remembers that the queue may have messages to page.
    func noteForPaging() {
        guard !state.isPagingCandidate else { return }
        state.isPagingCandidate = true
        state.virtualHost.state.paging.candidates.append(self)
    }

    fileprivate func forgetForPaging() {
        state.isPagingCandidate = false
        if state.isDeleted { destroyIfUnused() }
    }

    /// Pages out the newest messages, and then, if nobody takes any, also the oldest.
    ///
    /// - Parameters:
    ///   - goal: Octets of messages that may stay in memory.
    ///   - withNext: Whether this holds for a queue with consumers, too.
    /// - Returns: Whether the queue may have more to page, now or later.
    fileprivate func pageOut(downTo goal: Int, withNext: Bool) -> Bool {
        guard state.delayed == nil else { return pageOutDelayed(downTo: goal) }
        let mayTakeNext =
            state.turnFirst == nil && !state.isReading && (withNext || state.consumers.isEmpty)
        var mayHaveMore = pageOut(0, downTo: goal, withNext: mayTakeNext)
        var priority = state.ready.highestPriority
        while priority > 0 {
            if pageOut(priority, downTo: goal, withNext: mayTakeNext) { mayHaveMore = true }
            priority = state.ready.priority(below: priority) ?? 0
        }
        return mayHaveMore
    }

    /// The same for the messages of one priority.
    private func pageOut(_ priority: UInt8, downTo goal: Int, withNext: Bool) -> Bool {
        let virtualHost = state.virtualHost
        if !state.ready[priority].hasPagedStretch {
            state.ready[priority].pagedStretch = stretchToBegin(priority)
        }
        var stretch = state.ready[priority].pagedStretch
        let end = state.ready[priority].numbers.upperBound
        var isHeldUp = false
        while stretch.upperBound < end, !isHeldUp, virtualHost.isMemoryAbove(goal) {
            isHeldUp = !pageOut(stretch.upperBound, of: priority)
            if !isHeldUp { stretch = stretch.lowerBound..<stretch.upperBound + 1 }
        }
        if withNext {
            let first = state.ready[priority].numbers.lowerBound
            while stretch.lowerBound > first, !isHeldUp, virtualHost.isMemoryAbove(goal) {
                isHeldUp = !pageOut(stretch.lowerBound - 1, of: priority)
                if !isHeldUp { stretch = stretch.lowerBound - 1..<stretch.upperBound }
            }
        }
        state.ready[priority].pagedStretch = stretch
        guard state.ready[priority].hasResidentReturned else {
            return stretch != state.ready[priority].numbers
        }
        if virtualHost.isMemoryAbove(goal) {
            pageOutReturned(priority, downTo: goal, withNext: withNext)
        }
        return true
    }

    /// Pages out what has come back, the last one first.
    private func pageOutReturned(_ priority: UInt8, downTo goal: Int, withNext: Bool) {
        // What groups have asked for stands anywhere.
        guard state.groups == nil || !state.isReading else { return }
        let virtualHost = state.virtualHost
        state.ready[priority].pageOutReturned(withAsked: withNext || state.groups != nil) { entry in
            guard virtualHost.isMemoryAbove(goal) else { return false }
            return state.leaving.contains(entry.position) || pageOutAnywhere(&entry)
        }
    }

    /// Where the first paged stretch begins: behind what is read ahead at most.
    private func stretchToBegin(_ priority: UInt8) -> Range<UInt64> {
        let numbers = state.ready[priority].numbers
        let windowMin = state.virtualHost.state.paging.windowMin
        var start = numbers.lowerBound
        var bytes = 0
        while start < numbers.upperBound, bytes < windowMin {
            bytes += Int(state.ready[priority].entry(start).bodySize) + PagingState.messageOverhead
            start += 1
        }
        return start..<start
    }

    /// Lets go of one message of the list, or sends it on its way to the spill log.
    ///
    /// - Returns: `false` when it must stay for now.
    private func pageOut(_ number: UInt64, of priority: UInt8) -> Bool {
        state.ready[priority].update(number) { pageOut(&$0) }
    }

    /// Lets go of the message of an entry, or sends it on its way to the spill log.
    ///
    /// - Parameters:
    ///   - entry: Of this queue.
    ///   - delivery: Who has it, if it is handed out.
    /// - Returns: `false` when it must stay for now.
    func pageOut(_ entry: inout QueueEntry, of delivery: SpillItem.Delivery? = nil) -> Bool {
        if entry.isPaged { return true }
        let virtualHost = state.virtualHost
        let lsn = entry.message.header.lsn
        guard state.journalID != 0, lsn != 0 else {
            return virtualHost.spill(entry, of: self, delivery)
        }
        guard lsn < virtualHost.state.journal.durableLSN else { return false }
        moveOut(&entry, to: .journal(lsn))
        return true
    }

    /// The same for a message that may come back or be handed out on its way to the spill log.
    func pageOutAnywhere(
        _ entry: inout QueueEntry,
        of delivery: SpillItem.Delivery? = nil
    ) -> Bool {
        guard !state.leaving.contains(entry.position), pageOut(&entry, of: delivery) else {
            return false
        }
        if !entry.isPaged { state.leaving.insert(entry.position) }
        return true
    }

    /// Lets go of a message that is in the spill log now, if it is still there and not needed.
    fileprivate func letGo(_ item: SpillItem, hint: inout UInt64) -> Bool {
        guard state.delayed == nil else { return letGoDelayed(item) }
        guard !state.isDeleted, state.ready.hasLevel(item.priority) else { return false }
        var isOut = false
        state.ready[item.priority].updateUnneeded(at: item.position, hint: &hint) { entry in
            guard !entry.isPaged else { return }
            moveOut(&entry, to: .spill(item.lsn))
            isOut = true
        }
        return isOut
    }
}

extension Handle where State == VirtualHostState {
    func isMemoryAbove(_ goal: Int) -> Bool {
        state.pool.messageBytes - state.paging.spillingBytes > goal
    }

    /// Lets go of a message that is in the spill log now, wherever it is by now.
    private func letGo(_ item: SpillItem, hint: inout UInt64) -> Bool {
        if let delivery = item.delivery,
            let channel = state.paging.holders.channel(delivery.holder),
            channel.letGo(item, of: delivery.tag)
        {
            return true
        }
        return item.queue.letGo(item, hint: &hint)
    }

    /// Copies a message's block into the spill log.
    ///
    /// - Parameters:
    ///   - entry: Of the message.
    ///   - queue: Whose it is.
    ///   - delivery: Who has it, if it is handed out.
    /// - Returns: `false` when too much waits to be written already.
    func spill(
        _ entry: QueueEntry,
        of queue: Queue,
        _ delivery: SpillItem.Delivery? = nil
    ) -> Bool {
        guard state.paging.spillBuffer.count < PagingState.spillBacklogMax,
            !state.paging.isSpillBroken
        else { return false }
        let message = entry.message
        let item = SpillItem(
            queue: queue,
            position: entry.position,
            priority: entry.terms.priority,
            lsn: state.paging.spillBuffer.nextLSN,
            size: Int(message.header.blockSize),
            delivery: delivery
        )
        let size = message.usedSize
        unsafe state.paging.spillBuffer.addFrame(payloadSize: size)
            .copyMemory(from: message.block, byteCount: size)
        state.paging.spillItems.append(item)
        state.paging.spillLedger.add(item.lsn)
        state.paging.spillingBytes += item.size
        queue.state.spillingCount += 1
        return true
    }

    /// Stops reading from a publisher whose messages cannot leave memory as fast as they come.
    @inline(__always)
    func holdIfSpillIsBehind(_ connection: Connection) {
        guard state.paging.spillBuffer.count >= PagingState.spillBacklogMax else { return }
        connection.state.pauses.insert(.disk)
        state.journal.hasHeldPublishers = true
    }
}
