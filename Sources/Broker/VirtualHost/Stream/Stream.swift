import Wire

/// What a queue of type stream has in place of ready messages: a log that is only appended to.
///
/// A message is written into the open chunk when it is published; the journal thread takes the
/// chunks with the journal's batch and writes them into the stream's own files first. Consumers
/// get what is durable, so that an offset never means one message before a crash and another
/// after it. Each has a cursor of its own and takes nothing away.
typealias Stream = Handle<StreamState>

/// The state behind a `Stream` handle.
struct StreamState: ~Copyable {
    let queue: Queue
    /// Octets the stream may have, `Int.max` without a limit; whole files go when it has more.
    var sizeMax: Int
    /// How old messages may become.
    var ageMax: Duration?
    /// Octets of a file.
    let segmentSize: Int

    /// Chunks that the journal thread has not taken.
    var buffer = JournalBuffer(nextLSN: 0)
    /// The chunk that the next message may join.
    var openChunk: (lsn: UInt64, chunk: StreamChunk)?
    /// The offset of the next message.
    var nextOffset: UInt64 = 0
    /// Every offset below is covered by a record in the journal.
    var journaledOffset: UInt64 = 0
    /// Every offset below is durable, and so is every log sequence number below the other.
    var durableOffset: UInt64 = 0
    var durableLSN: UInt64 = 0
    /// When the newest message came; time does not go back within a stream.
    var lastTime = WallTime(milliseconds: .min)

    var index = StreamIndex()
    /// The newest chunks that are durable, oldest first; without a journal, all of them.
    var resident: [StreamBlock] = []
    var residentSize = 0

    var nextListed: Stream?
    /// On the virtual host's list of streams with something to write.
    var isListed = false
    var ageTimer = TimerWheel<TimerEvent>.ID.none
}

/// What all streams of a virtual host have to do with the disk.
struct StreamsState: ~Copyable {
    /// Streams with something to write.
    var firstListed: Stream?
    /// Octets of that.
    var pendingSize = 0
    /// What goes with the journal's next batch.
    var taken: [StreamBatch] = []
    /// Files that are not needed once that batch is durable.
    var removals: [StreamRemoval] = []
    /// Blocks to read.
    var reads: [StreamRead] = []
    /// Octets of durable chunks in memory.
    var residentSize = 0
    /// Consumers of streams.
    var cursorCount = 0
    /// Those that hold blocks and cannot go on, and what all of them hold.
    var stalled = StalledCursors()

    /// Octets that stay in memory for consumers that keep up: of one stream, and of all.
    static let residentSizeMax = 4 << 20
    static let allResidentSizeMax = 64 << 20
    /// Octets read at a time for a consumer, unless one chunk is larger.
    static let blockSizeMax = 512 << 10
    static let blockSizeMin = 64 << 10
    /// Octets that all consumers hold, two blocks each; beyond it those that cannot go on give up
    /// theirs.
    static let allBlocksSizeMax = 32 << 20

    /// Octets to read at a time: less when there are many who read.
    var blockSize: Int {
        let share = StreamsState.allBlocksSizeMax / 2 / max(1, cursorCount)
        return min(StreamsState.blockSizeMax, max(StreamsState.blockSizeMin, share))
    }
}

/// Chunks of one stream on their way to its files.
struct StreamBatch: Sendable {
    /// The number of its queue.
    let stream: UInt32
    /// The name of that queue.
    let queue: [UInt8]
    let block: StreamBlock
    /// Octets of a file.
    let segmentSize: Int
}

/// What of a stream is not needed any more.
enum StreamRemoval: Sendable {
    case segments(of: UInt32, before: UInt64)
    case stream(UInt32)
}

extension Handle where State == StreamState {
    /// The offset of the oldest message there is.
    var firstOffset: UInt64 { state.index.segments.first?.firstOffset ?? state.durableOffset }

    /// Messages in it.
    var count: Int { Int(clamping: state.nextOffset - min(state.nextOffset, firstOffset)) }

    /// Octets of its log that are durable.
    var size: Int { Int(clamping: state.durableLSN - (state.index.firstLSN ?? state.durableLSN)) }

    /// Adds a message at the end; its octets are copied.
    func append(_ message: Message) -> EnqueueOutcome {
        let virtualHost = state.queue.state.virtualHost
        state.queue.state.counters.published &+= 1
        if let writer = StreamEntryWriter(message) {
            append(writer)
        } else {
            appendUnusual(message, virtualHost)
        }
        list(virtualHost)
        return .streamed
    }

    private func append(_ writer: StreamEntryWriter) {
        let before = state.buffer.count
        let place = unsafe chunkRoom(for: writer.size)
        unsafe writer.write(to: place, offset: state.nextOffset)
        state.nextOffset &+= 1
        state.queue.state.virtualHost.state.streams.pendingSize += state.buffer.count - before
    }

    /// Adds a message whose properties are in an odd form; those that cannot be read stay as they
    /// are, with a table of headers that cannot be read either in place of theirs.
    private func appendUnusual(_ message: Message, _ virtualHost: VirtualHost) {
        var properties = BasicProperties()
        do throws(WireError) {
            properties = try BasicProperties(decoding: message.properties)
        } catch {
            // What nobody can read nobody can miss: the message comes without properties.
        }
        let copy = virtualHost.copy(message, with: properties)
        copy.retain()
        if let writer = StreamEntryWriter(copy) { append(writer) }
        virtualHost.release(copy)
    }

    /// Room for an entry in the open chunk, or in a new one.
    private func chunkRoom(for size: Int) -> UnsafeMutableRawPointer {
        let virtualHost = state.queue.state.virtualHost
        let now = max(state.lastTime, virtualHost.wallTime(virtualHost.state.now))
        if let open = state.openChunk, open.chunk.time == now,
            state.buffer.nextLSN - open.lsn < UInt64(StreamChunk.sizeMax)
        {
            let chunk = StreamChunk(
                firstOffset: open.chunk.firstOffset,
                count: open.chunk.count + 1,
                time: now
            )
            state.openChunk = (open.lsn, chunk)
            state.buffer.fill(chunk.count, at: open.lsn, offset: StreamChunk.countOffset)
            return unsafe state.buffer.extendFrame(at: open.lsn, by: size)
        }
        state.lastTime = now
        let chunk = StreamChunk(firstOffset: state.nextOffset, count: 1, time: now)
        let lsn = state.buffer.nextLSN
        state.openChunk = (lsn, chunk)
        state.buffer.append(chunk.prefix)
        return unsafe state.buffer.extendFrame(at: lsn, by: size)
    }

    /// Remembers that there is something to write.
    private func list(_ virtualHost: VirtualHost) {
        guard !state.isListed else { return }
        state.isListed = true
        state.nextListed = virtualHost.state.streams.firstListed
        virtualHost.state.streams.firstListed = self
        if virtualHost.state.journal.isOn {
            // Consumers wait for it even if no publisher does.
            virtualHost.state.journal.isUrgent = true
        } else {
            virtualHost.schedule(state.queue)
        }
    }

    /// Ends the open chunk, and has the journal say how far the stream goes.
    ///
    /// What a crash leaves behind that record is cut off, so it ends what belongs together.
    func journalEnd() {
        state.openChunk = nil
        guard state.journaledOffset < state.nextOffset, state.queue.state.journalID != 0 else {
            return
        }
        state.journaledOffset = state.nextOffset
        state.queue.state.virtualHost.journal(
            .appended(stream: state.queue.state.journalID, end: state.nextOffset)
        )
    }

    /// Takes what has collected; not to be called without a journal.
    func takeBatch() -> StreamBatch? {
        state.buffer.take().map { batch in
            StreamBatch(
                stream: state.queue.state.journalID,
                queue: state.queue.state.name,
                block: StreamBlock(batch),
                segmentSize: state.segmentSize
            )
        }
    }

    /// Everything goes, and so does the memory of it; the journal thread removes the files.
    func end() {
        let virtualHost = state.queue.state.virtualHost
        virtualHost.unlist(self)
        if state.ageTimer != .none { virtualHost.state.timers.cancel(state.ageTimer) }
        state.ageTimer = .none
        virtualHost.state.streams.pendingSize -= state.buffer.count
        state.openChunk = nil
        dropResident(downTo: 0)
        // A crash may keep what the journal's batch says of them, and take back the deletion.
        if state.queue.state.journalID != 0, let batch = takeBatch() {
            virtualHost.state.streams.taken.append(batch)
        }
        state.buffer = JournalBuffer(nextLSN: state.buffer.nextLSN)
        guard state.queue.state.journalID != 0 else { return }
        virtualHost.state.streams.removals.append(.stream(state.queue.state.journalID))
    }

    /// Lets go of the oldest chunks in memory until no more than so many octets are left.
    func dropResident(downTo size: Int) {
        var count = 0
        while state.residentSize > size, count < state.resident.count {
            state.residentSize -= state.resident[count].count
            state.queue.state.virtualHost.state.streams.residentSize -= state.resident[count].count
            count += 1
        }
        state.resident.removeFirst(count)
    }
}
