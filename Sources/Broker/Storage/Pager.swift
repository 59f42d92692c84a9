import Wire

/// Moves messages of one virtual host out of memory and back, one step at a time.
///
/// The daemon runs it on a thread of its own (`PagerThread`), so that no reactor waits for a file;
/// tests call `step` when they like.
final class Pager {
    private let spill: SpillLog
    private let reader: PageReader
    private let streamReader: StreamReader
    private let log: Logger
    /// What is not written yet, and how far it is.
    private var pending: (batch: JournalBatch, items: [SpillItem], written: Int)?
    /// What is not read yet, and which message is next.
    private var unread: [(request: PageRequest, next: Int)] = []
    /// Octets of bodies read for one queue before others, and what is pending, have their turn.
    private static let turnSize = 4 << 20
    /// Octets written before those who wait for a message are looked after again.
    private static let pieceSize = 1 << 20
    /// Publishers are held back until it could be.
    private var isBlocking = false

    enum Outcome {
        /// There was nothing to do.
        case idle
        case worked
        /// The disk is full: worth another try after a while.
        case full
    }

    /// Runs something on the core and ends the batch; in the daemon, under its lock.
    ///
    /// What is returned are connections whose reactors must look at them.
    typealias Enter = ((VirtualHost) -> [ShellAddress]) -> Void

    /// Readies everything on disk.
    ///
    /// - Parameters:
    ///   - disk: The data directory; not shared with another thread.
    ///   - directory: Of the spill log; its parent exists.
    ///   - journal: Whose messages are read back.
    ///   - catalog: The segments of that journal.
    ///   - log: Told of what cannot be written or read.
    /// - Throws: When the spill log cannot be begun.
    init(
        _ disk: any Disk,
        directory: String,
        journal: JournalOptions,
        catalog: SegmentCatalog,
        log: Logger
    ) throws(StorageError) {
        spill = try SpillLog(disk, directory: directory)
        streamReader = StreamReader(
            disk,
            directory: StreamDirectory.path(besideJournal: journal.directory)
        )
        reader = PageReader(disk, journal: journal, catalog: catalog, spill: spill)
        self.log = log
    }

    /// Writes and reads what the core wants.
    ///
    /// - Parameter enter: The way to the core.
    /// - Returns: Whether there was anything to do, and whether all of it could be done.
    func step(_ enter: Enter) -> Outcome {
        var work: PagingWork?
        var reads: [StreamRead] = []
        enter { virtualHost in
            reads = virtualHost.takeStreamReads()
            work = virtualHost.takePaging(withSpill: pending == nil)
            return []
        }
        if let batch = work?.spill { pending = (batch, work?.spillItems ?? [], 0) }
        unread += (work?.requests ?? []).map { ($0, 0) }
        guard pending != nil || !unread.isEmpty || !reads.isEmpty else { return .idle }
        var readCount = 0
        for index in unread.indices { readCount += serve(&unread[index], enter) }
        unread.removeAll { $0.next == $0.request.items.count }
        for read in reads { serve(read, enter) }
        // As much as was read: a consumer that settles nothing must not fill the memory.
        let isWritten = writePending(atLeast: readCount, enter)
        reader.closeFiles()
        streamReader.closeFiles()
        removeDeadSegments(enter)
        return isWritten ? .worked : .full
    }

    /// Writes a piece of what is pending, or several.
    ///
    /// - Parameters:
    ///   - count: Octets to be written, unless fewer are pending.
    ///   - enter: The way to the core.
    /// - Returns: `false` when the disk is full.
    private func writePending(atLeast count: Int, _ enter: Enter) -> Bool {
        guard let (batch, items, start) = pending else { return true }
        var isWritten = true
        do throws(StorageError) {
            var end = start
            repeat {
                end = try spill.write(batch, from: end, atMost: Self.pieceSize)
                pending?.written = end
            } while end < batch.count && end - start < count
            guard end == batch.count else { return true }
        } catch .diskFull(let path) {
            guard !isBlocking else { return false }
            isBlocking = true
            let reason = "no space left on the disk of \(path)"
            log.error("publishers held back", ["reason": reason])
            enter { virtualHost in
                virtualHost.blockPublishers(reason)
                return []
            }
            return false
        } catch {
            log.error("messages cannot leave memory any more", ["error": "\(error)"])
            isWritten = false
        }
        pending = nil
        let wasBlocking = isBlocking
        isBlocking = false
        enter { virtualHost in
            virtualHost.finishSpilling(items, batch, isWritten: isWritten)
            return wasBlocking ? virtualHost.unblockPublishers() : []
        }
        return true
    }

    /// Reads what one queue wants, a piece at a time, as long as it is its turn.
    ///
    /// - Returns: The octets of bodies that were read.
    private func serve(_ turn: inout (request: PageRequest, next: Int), _ enter: Enter) -> Int {
        let request = turn.request
        var readCount = 0
        var hint: UInt64 = 0
        while turn.next < request.items.count, readCount < Self.turnSize {
            let extent = reader.read(request.items, from: turn.next)
            turn.next = extent.items.upperBound
            let isLast = turn.next == request.items.count
            readCount += request.items[extent.items].reduce(0) { $0 + Int($1.bodySize) }
            var lost: [PageRequest.Item] = []
            var name: [UInt8] = []
            var id: UInt32 = 0
            enter { _ in
                name = request.queue.state.name
                id = request.queue.state.journalID
                for (payload, index) in zip(extent.payloads, extent.items) {
                    let isThere = request.take(index, payload: payload, hint: &hint)
                    if !isThere { lost.append(request.items[index]) }
                }
                request.goOn(isLast: isLast)
                return []
            }
            if let failure = extent.failure, !lost.isEmpty {
                report(lost, of: name, failure)
                if failure.isDamage { giveUp(lost, of: id, enter) }
            }
        }
        return readCount
    }

    private func report(_ lost: [PageRequest.Item], of name: [UInt8], _ failure: StorageError) {
        log.error(
            "messages cannot be read back",
            [
                "queue": String(decoding: name, as: UTF8.self), "count": "\(lost.count)",
                "error": "\(failure)",
            ]
        )
    }

    /// Settles messages whose octets are damaged, once the octets are kept elsewhere.
    ///
    /// They would keep their segments for ever. What only could not be read may be another day.
    private func giveUp(_ lost: [PageRequest.Item], of queue: UInt32, _ enter: Enter) {
        for item in lost where !item.place.isSpilled {
            if case .notSetAside(let error) = reader.setAside(item) {
                log.warning("damaged octets not set aside", ["error": "\(error)"])
                continue
            }
            enter { virtualHost in
                let lsn = item.place.lsn
                virtualHost.settleLost(queue: queue, position: item.position, lsn: lsn)
                return []
            }
        }
    }

    /// Reads what one consumer of a stream wants.
    private func serve(_ read: StreamRead, _ enter: Enter) {
        let block = streamReader.read(read)
        if let failure = streamReader.takeFailure() {
            log.error(
                "messages of a stream cannot be read",
                [
                    "queue": String(decoding: read.queue, as: UTF8.self),
                    "error": "\(failure)",
                ]
            )
        }
        enter { _ in
            read.cursor.resume(with: block)
            return []
        }
    }

    private func removeDeadSegments(_ enter: Enter) {
        let sealed = spill.sealedSegments
        guard !sealed.isEmpty else { return }
        var dead: [UInt64] = []
        enter { virtualHost in
            dead = sealed.filter { virtualHost.state.paging.spillLedger.isDead($0) }
            return []
        }
        for segment in dead {
            do throws(StorageError) {
                try spill.remove(segment)
            } catch {
                log.warning("old spill files stay", ["error": "\(error)"])
            }
        }
    }
}
