import Wire

/// The streams of a virtual host and their way to the disk and back.
extension Handle where State == VirtualHostState {
    /// The stream of a queue by its number in the journal.
    private func stream(_ id: UInt32) -> Stream? {
        guard let queue = state.journal.queues[id], !queue.state.isDeleted else { return nil }
        return queue.state.stream
    }

    /// Makes the stream of a new queue.
    func makeStream(_ queue: Queue) -> Stream {
        let settings = queue.state.settings
        let sizeMax = settings.readyBytesMax ?? Int.max
        let usual = min(state.limits.streamSegmentSize, max(sizeMax / 8, Stream.segmentSizeMin))
        return Stream(
            StreamState(
                queue: queue,
                sizeMax: sizeMax,
                ageMax: settings.ageMax,
                segmentSize: max(settings.segmentSize ?? usual, Stream.segmentSizeMin)
            )
        )
    }

    /// Forgets that a stream has something to write.
    func unlist(_ stream: Stream) {
        guard stream.state.isListed else { return }
        stream.state.isListed = false
        defer { stream.state.nextListed = nil }
        guard state.streams.firstListed != stream else {
            state.streams.firstListed = stream.state.nextListed
            return
        }
        var before = state.streams.firstListed
        while let other = before {
            if other.state.nextListed == stream {
                other.state.nextListed = stream.state.nextListed
                return
            }
            before = other.state.nextListed
        }
    }

    /// Has the journal say how far each stream goes, at the end of what belongs together.
    func journalStreamEnds() {
        var next = state.streams.firstListed
        while let stream = next {
            stream.journalEnd()
            next = stream.state.nextListed
        }
    }

    /// Takes the chunks that go with the batch the journal takes now.
    func takeStreams() {
        journalStreamEnds()
        while let stream = state.streams.firstListed {
            unlist(stream)
            if let batch = stream.takeBatch() { state.streams.taken.append(batch) }
        }
        state.streams.pendingSize = 0
    }

    /// What was taken with the journal's batch, and what goes when that is durable.
    func takeStreamWork() -> (batches: [StreamBatch], removals: [StreamRemoval]) {
        defer {
            state.streams.taken = []
            state.streams.removals = []
        }
        return (state.streams.taken, state.streams.removals)
    }

    /// Chunks have reached the disk.
    ///
    /// - Parameters:
    ///   - batches: Of which streams.
    ///   - segments: For each, where in it files begin.
    func streamsBecomeDurable(_ batches: [StreamBatch], segments: [[UInt64]]) {
        for (batch, bases) in zip(batches, segments) {
            stream(batch.stream)?.becomeDurable(batch.block, segments: bases)
        }
    }

    /// Takes what is to be read for consumers of streams.
    func takeStreamReads() -> [StreamRead] {
        defer { state.streams.reads = [] }
        return state.streams.reads
    }

    /// A stream is what its files say, once the queue has been declared again.
    ///
    /// - Parameters:
    ///   - queue: Of type stream.
    ///   - recovered: What is in the files.
    /// - Returns: What the journal promised and the files do not have; `nil` when all is there.
    func restoreStream(_ queue: Queue, _ recovered: RecoveredStream) -> RestoreLoss? {
        guard let stream = queue.state.stream else { return nil }
        stream.state.index = recovered.index
        stream.state.buffer = JournalBuffer(nextLSN: recovered.endLSN)
        stream.state.durableLSN = recovered.endLSN
        stream.state.lastTime = recovered.index.segments.last?.lastTime ?? stream.state.lastTime
        let promised = queue.state.nextPosition
        // An offset is never given twice, whatever became of the message that had it.
        stream.state.nextOffset = max(recovered.endOffset, promised)
        stream.state.journaledOffset = stream.state.nextOffset
        stream.state.durableOffset = stream.state.nextOffset
        stream.removeOld()
        guard recovered.endOffset < promised else { return nil }
        return .stream(
            ShortString(bytes: queue.state.name) ?? "",
            offsets: recovered.endOffset..<promised
        )
    }
}

/// What the files of a stream hold.
struct RecoveredStream {
    var index = StreamIndex()
    /// Behind the last message.
    var endOffset: UInt64 = 0
    /// Behind the last chunk.
    var endLSN: UInt64 = 0
}

extension Handle where State == StreamState {
    /// Files are not made smaller than this, in octets, whatever a client asks for.
    static var segmentSizeMin: Int { 1 << 10 }
}
