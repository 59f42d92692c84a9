import Wire

/// Handing the messages of a stream to its consumers, each at its own pace.
///
/// The queue's turn list holds the consumers that are to be looked at. One leaves it when it has
/// no credit (`blocked`), or when there is nothing for it in memory (`waiting`): it is at the end,
/// or what comes next is being read.
extension Handle where State == StreamState {
    /// Where a new consumer begins.
    ///
    /// - Parameters:
    ///   - start: What it asked for.
    ///   - filter: Which messages it wants.
    /// - Returns: A cursor whose consumer is still to be said.
    func cursor(at start: StreamOffset, filter: StreamFilter?) -> StreamCursor {
        state.queue.state.virtualHost.state.streams.cursorCount += 1
        var offset: UInt64 = 0
        var time: WallTime?
        switch start {
        case .first: break
        case .last: offset = max(state.nextOffset, 1) - 1
        case .next: offset = state.nextOffset
        case .offset(let number): offset = number
        case .time(let begin) where begin > state.lastTime: offset = state.nextOffset
        case .time(let begin): time = begin
        }
        let lsn: UInt64?
        if let time {
            lsn = state.index.lsn(of: time)
        } else {
            lsn = offset >= state.durableOffset ? nil : state.index.lsn(of: offset)
        }
        return StreamCursor(
            at: lsn ?? state.durableLSN,
            firstOffset: offset,
            firstTime: time,
            filter: filter
        )
    }

    /// Gives consumers what they can take.
    func pump() {
        let virtualHost = state.queue.state.virtualHost
        if state.isListed, !virtualHost.state.journal.isOn { settleInMemory(virtualHost) }
        while let consumer = state.queue.state.turnFirst { serve(consumer) }
        guard virtualHost.state.journal.isOn else { return }
        let room =
            StreamsState.allResidentSizeMax - virtualHost.state.streams.residentSize
            + state.residentSize
        let isWanted = !state.queue.state.consumers.isEmpty && room > 0
        dropResident(downTo: isWanted ? min(room, StreamsState.residentSizeMax) : 0)
    }

    /// Without a journal memory is all there is.
    private func settleInMemory(_ virtualHost: VirtualHost) {
        virtualHost.unlist(self)
        state.openChunk = nil
        virtualHost.state.streams.pendingSize -= state.buffer.count
        guard let batch = state.buffer.take() else { return }
        let begins =
            state.index.segments.last.map { batch.endLSN - $0.base > UInt64(state.segmentSize) }
            ?? true
        becomeDurable(StreamBlock(batch), segments: begins ? [batch.firstLSN] : [])
    }

    /// Gives one consumer what it can take now, and takes it off the turn list.
    private func serve(_ consumer: Consumer) {
        guard let cursor = consumer.state.cursor else {
            preconditionFailure("a consumer of a stream has a cursor")
        }
        let virtualHost = state.queue.state.virtualHost
        virtualHost.state.streams.stalled.remove(cursor)
        serve(consumer, cursor)
        virtualHost.noteBlocks(of: cursor, isStalled: consumer.state.standing == .blocked)
    }

    private func serve(_ consumer: Consumer, _ cursor: StreamCursor) {
        while true {
            guard consumer.canTake else { return state.queue.block(consumer) }
            guard let block = block(for: cursor) else { return state.queue.wait(consumer) }
            while block.contains(cursor.lsn) {
                let payload = block.payload(at: cursor.lsn)
                guard deliver(payload, to: consumer, cursor) else {
                    return state.queue.block(consumer)
                }
                cursor.move(
                    to: cursor.lsn &+ UInt64(JournalFrame.headerSize &+ payload.count)
                )
            }
        }
    }

    /// Delivers what a consumer wants of a chunk.
    ///
    /// - Returns: `false` when it could not take all of it.
    private func deliver(
        _ payload: ByteView,
        to consumer: Consumer,
        _ cursor: StreamCursor
    ) -> Bool {
        if cursor.position == 0 {
            guard let chunk = StreamChunk(payload) else {
                preconditionFailure("a block consists of chunks")
            }
            if chunk.endOffset <= cursor.firstOffset { return true }
            if let first = cursor.firstTime, chunk.time < first { return true }
            cursor.offset = chunk.firstOffset
            cursor.position = StreamChunk.prefixSize
        }
        while cursor.position < payload.count {
            let entry = StreamEntry(payload, at: cursor.position)
            if cursor.offset >= cursor.firstOffset,
                cursor.filter?.matches(entry.filterValue) ?? true
            {
                guard consumer.canTake else { return false }
                deliver(entry, cursor.offset, to: consumer)
            }
            cursor.offset &+= 1
            cursor.position &+= entry.size
        }
        return true
    }

    private func deliver(_ entry: StreamEntry, _ offset: UInt64, to consumer: Consumer) {
        let channel = consumer.state.channel
        let deliveryTag = channel.state.nextDeliveryTag
        channel.state.nextDeliveryTag = deliveryTag &+ 1
        channel.state.connection.writeDelivery(entry, deliveryTag: deliveryTag, consumer: consumer)
        state.queue.noteDelivered(
            QueueEntry(
                place: .streamed,
                position: offset,
                bodySize: UInt32(truncatingIfNeeded: entry.bodySize),
                deliveryCount: 0,
                terms: .none
            ),
            deliveryTag,
            to: consumer
        )
    }

    // MARK: - Where octets come from

    /// The block with a consumer's next chunk; `nil` when there is none yet, and it may be read.
    private func block(for cursor: StreamCursor) -> StreamBlock? {
        if let first = state.index.firstLSN, cursor.lsn < first { cursor.move(to: first) }
        let read = cursor.currentBlock()
        guard cursor.lsn < state.durableLSN else {
            cursor.releaseBlocks()
            return nil
        }
        if let read {
            if cursor.ahead == nil { requestRead(from: read.endLSN, for: cursor) }
            return read
        }
        if let block = residentBlock(with: cursor.lsn) { return block }
        requestRead(from: cursor.lsn, for: cursor)
        return nil
    }

    private func residentBlock(with lsn: UInt64) -> StreamBlock? {
        guard let first = state.resident.first, lsn >= first.firstLSN else { return nil }
        return state.resident.last { lsn >= $0.firstLSN }
    }

    /// Asks for what stands from `lsn` on, unless it is in memory or not there.
    private func requestRead(from lsn: UInt64, for cursor: StreamCursor) {
        guard !cursor.isReading, lsn < state.durableLSN, residentBlock(with: lsn) == nil,
            let segment = state.index.segment(with: lsn), segment.base <= lsn
        else { return }
        cursor.isReading = true
        state.queue.state.virtualHost.state.streams.reads.append(
            StreamRead(
                cursor: cursor,
                stream: state.queue.state.journalID,
                queue: state.queue.state.name,
                lsn: lsn,
                base: segment.base,
                end: segment.next ?? state.durableLSN,
                size: state.queue.state.virtualHost.state.streams.blockSize,
                spare: cursor.takeSpare()
            )
        )
    }

    // MARK: - What becomes durable

    /// Chunks have reached the disk: they can be delivered.
    ///
    /// - Parameters:
    ///   - block: They, behind all others.
    ///   - segments: Where in them files begin.
    func becomeDurable(_ block: StreamBlock, segments: [UInt64]) {
        var lsn = block.firstLSN
        var base = state.index.segments.last?.base ?? lsn
        while lsn < block.endLSN {
            let payload = block.payload(at: lsn)
            guard let chunk = StreamChunk(payload) else {
                preconditionFailure("a block consists of chunks")
            }
            if segments.contains(lsn) { base = lsn }
            state.index.add(chunk, at: lsn, segment: base)
            state.durableOffset = chunk.endOffset
            lsn += UInt64(JournalFrame.headerSize + payload.count)
        }
        state.durableLSN = lsn
        state.resident.append(block)
        state.residentSize += block.count
        let virtualHost = state.queue.state.virtualHost
        virtualHost.state.streams.residentSize += block.count
        removeOld()
        for consumer in state.queue.state.consumers where consumer.state.standing == .waiting {
            if consumer.state.cursor?.isReading == false { state.queue.addToTurns(consumer) }
        }
        virtualHost.schedule(state.queue)
    }
}

extension StreamCursor {
    /// Goes on with a block that was read for it, unless its consumer has left.
    func resume(with block: StreamBlock) {
        guard let consumer else { return }
        take(block)
        let queue = consumer.state.queue
        let virtualHost = queue.state.virtualHost
        let isWaiting = consumer.state.standing == .waiting
        virtualHost.noteBlocks(of: self, isStalled: consumer.state.standing == .blocked)
        guard isWaiting else { return }
        queue.addToTurns(consumer)
        virtualHost.schedule(queue)
    }
}
