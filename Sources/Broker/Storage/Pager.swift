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
        guard pending != nil || work != nil || !reads.isEmpty else { return .idle }
        for request in work?.requests ?? [] { serve(request, enter) }
        for read in reads { serve(read, enter) }
        let isWritten = writePending(enter)
        reader.closeFiles()
        streamReader.closeFiles()
        removeDeadSegments(enter)
        return isWritten ? .worked : .full
    }

    /// Writes a piece of what is pending.
    ///
    /// - Returns: `false` when the disk is full.
    private func writePending(_ enter: Enter) -> Bool {
        guard let (batch, items, written) = pending else { return true }
        var isWritten = true
        do throws(StorageError) {
            let end = try spill.write(batch, from: written, atMost: Self.pieceSize)
            guard end == batch.count else {
                pending?.written = end
                return true
            }
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

    /// Reads what one queue wants, a piece at a time.
    private func serve(_ request: PageRequest, _ enter: Enter) {
        var next = 0
        var hint: UInt64 = 0
        while next < request.items.count {
            let extent = reader.read(request.items, from: next)
            next = extent.items.upperBound
            var lost: [PageRequest.Item] = []
            var name: [UInt8] = []
            var id: UInt32 = 0
            enter { _ in
                name = request.queue.state.name
                id = request.queue.state.journalID
                for (payload, index) in zip(extent.payloads, extent.items) {
                    let item = request.items[index]
                    let isThere =
                        request.isForDying
                        ? request.queue.takeDying(item, payload: payload)
                        : request.queue.pageIn(item, payload: payload, hint: &hint)
                    if !isThere { lost.append(item) }
                }
                if !request.isForDying {
                    request.queue.goOn(isLast: next == request.items.count)
                }
                return []
            }
            if let failure = extent.failure, !lost.isEmpty {
                report(lost, of: name, failure)
                if failure.isDamage { giveUp(lost, of: id, enter) }
            }
        }
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
