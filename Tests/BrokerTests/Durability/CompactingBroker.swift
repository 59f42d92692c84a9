import TestSupport
import Testing
import Wire

@testable import Broker

/// A broker on a memory disk whose journal is written, compacted and cut in steps, with small
/// segments so that a little traffic fills many.
final class CompactingBroker {
    static let segmentSize = 4096

    let broker: DialogueBroker
    let report: RecoveryReport
    private let disk: MemoryDisk
    private let journal: Journal
    private var cycle: JournalCycle
    private let compactor: Compactor
    private let pager: Pager

    static let limits: Limits = {
        var limits = Limits()
        limits.journalSegmentSize = segmentSize
        limits.journalStretchShift = 8
        limits.journalDescriptionInterval = 4096
        return limits
    }()

    /// Starts a broker on what the disk holds.
    ///
    /// - Parameters:
    ///   - disk: Its data directory.
    ///   - budget: Octets of messages kept in memory.
    /// - Throws: What the disk refuses.
    init(_ disk: MemoryDisk, budget: Int = Int.max) throws(StorageError) {
        try disk.makeDirectory(VirtualHostDirectory.parent)
        let opened = try DurableVirtualHost.open(
            Array("/".utf8),
            on: disk,
            limits: Self.limits,
            seed: DialogueBroker.seed,
            at: .zero + .seconds(1_000),
            wallTime: { WallTime(milliseconds: 1_800_000_000_000) }
        )
        self.disk = disk
        report = opened.report
        journal = opened.journal
        cycle = JournalCycle(opened.virtualHost, journal, opened.streams)
        broker = DialogueBroker(limits: Self.limits, opened.virtualHost)
        compactor = Compactor(disk, journal.options, log: nil) { [journal] in
            journal.segments.map(\.base)
        }
        pager = try Pager(
            disk,
            directory: VirtualHostDirectory.spillPath(Array("/".utf8)),
            journal: journal.options,
            catalog: journal.catalog,
            log: Logger(level: .error, clock: { WallTime(milliseconds: 0) }) { _ in true }
        )
        broker.batch { opened.virtualHost.startPaging(budget: budget) }
    }

    var virtualHost: VirtualHost { broker.virtualHost }

    /// Writes and syncs what has collected, and removes the segments that nothing needs.
    ///
    /// - Parameters:
    ///   - meanwhile: Happens while the disk syncs.
    ///   - beforeRemoval: Happens when it has, and the segments are still there.
    /// - Throws: What the disk refuses.
    func sync(
        _ meanwhile: () -> Void = {},
        beforeRemoval: () -> Void = {}
    ) throws(StorageError) {
        broker.batch { _ = cycle.take() }
        try cycle.write()
        meanwhile()
        broker.batch { _ = cycle.publish() }
        beforeRemoval()
        try cycle.remove()
    }

    /// The compactor does a little.
    func compact() -> Compactor.Outcome {
        compactor.step { body in broker.batch { body(virtualHost) } }
    }

    /// The compactor works until nothing is to gain.
    func compactAll() throws(StorageError) {
        while true {
            switch compact() {
            case .idle: return
            case .worked: break
            case .waiting: try sync()
            }
        }
    }

    /// The pager reads and writes until nothing is asked for.
    func page() {
        while pager.step({ body in broker.batch { _ = body(virtualHost) } }) == .worked {}
        broker.batch { for peer in broker.peers { peer.process() } }
    }

    /// Octets the journal has on the disk.
    var size: Int { journal.segments.reduce(0) { $0 + $1.size } }

    /// Octets of the copies made so far.
    var copiedSize: UInt64 { virtualHost.state.journal.compaction.copiedSize }

    /// Where its segments begin, oldest first.
    var segmentBases: [UInt64] { journal.segments.map(\.base) }

    var journalOptions: JournalOptions { journal.options }

    /// Where the journal begins.
    var firstLSN: UInt64 { journal.segments.first?.base ?? 0 }

    /// What a restart should find in a queue, in order: what waits, has come back or is out.
    func live(in queue: Queue) throws -> [Waiting] {
        var entries = waitingEntries(of: queue)
        virtualHost.forEachConnection { connection in
            connection.state.channels.forEach { channel in
                channel.state.unacked.updateUnsettled { delivery in
                    if delivery.queue == queue { entries.append(delivery.entry) }
                }
            }
        }
        return try entries.sorted { $0.position < $1.position }.map { entry in
            let wasDelivered = entry.position < queue.state.deliveredThrough
            return Waiting(
                position: entry.position,
                deliveryCount: wasDelivered ? max(1, entry.deliveryCount) : entry.deliveryCount,
                priority: entry.terms.priority,
                text: try text(at: try #require(entry.journalLSN))
            )
        }
    }

    /// What waits in a queue, each read from where its record stands now.
    func waiting(in queue: Queue) throws -> [Waiting] {
        try waitingEntries(of: queue).map { entry in
            let lsn = try #require(entry.journalLSN)
            return Waiting(
                position: entry.position,
                deliveryCount: entry.deliveryCount,
                priority: entry.terms.priority,
                text: try text(at: lsn)
            )
        }
    }

    private func waitingEntries(of queue: Queue) -> [QueueEntry] {
        var entries: [QueueEntry] = []
        var priority: UInt8? = queue.state.ready.highestPriority
        while let level = priority {
            for number in queue.state.ready[level].numbers {
                entries.append(queue.state.ready[level].entry(number))
            }
            queue.state.ready[level].forEachReturned { entry in
                entries.append(entry)
                return true
            }
            priority = queue.state.ready.priority(below: level)
        }
        return entries.sorted { $0.position < $1.position }
    }

    struct Waiting: Equatable {
        let position: UInt64
        let deliveryCount: UInt32
        var priority: UInt8 = 0
        let text: String
    }

    private func text(at lsn: UInt64) throws -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        let count = try journal.readFrames(from: lsn, into: buffer)
        return try ByteView.with(Array(buffer[..<count])) { view in
            let payload = try #require(JournalFrame.payload(in: view, at: 0, lsn: lsn))
            return try #require(MessageRecord.Parts(payload)).body.string
        }
    }

    /// Ends the scene as a process ends that is killed: nothing more reaches the disk.
    func end() {
        for peer in broker.peers { peer.hangUp() }
        broker.batch { virtualHost.queueList().forEach { virtualHost.delete($0) } }
        page()
        broker.batch { virtualHost.stopPaging() }
        while let batch = virtualHost.takeJournal() {
            broker.batch { virtualHost.becomeDurable(batch) }
        }
        broker.end()
    }
}
