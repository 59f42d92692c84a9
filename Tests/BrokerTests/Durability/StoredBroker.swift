import TestSupport
import Testing
import Wire

@testable import Broker

/// A broker whose journal and pager work on a disk in memory, a step at a time.
final class StoredBroker {
    let broker: DialogueBroker
    let disk: MemoryDisk
    let journal: Journal
    let pager: Pager
    /// What the pager had to complain about.
    let complaints = LogLines()

    /// Begins an empty journal.
    ///
    /// - Parameters:
    ///   - broker: Without a journal so far.
    ///   - disk: Empty.
    ///   - budget: Octets of messages kept in memory.
    /// - Throws: What the disk refuses.
    init(_ broker: DialogueBroker, on disk: MemoryDisk = MemoryDisk(), budget: Int) throws {
        self.broker = broker
        self.disk = disk
        try disk.makeDirectory(VirtualHostDirectory.parent)
        var options = JournalOptions(
            directory: VirtualHostDirectory.path(Array("/".utf8)),
            nameHash: nil,
            now: { WallTime(milliseconds: 0) }
        )
        options.segmentSize = 1 << 20
        (journal, _) = try Journal.open(disk, options) { _, _, _ in }
        pager = try Pager(
            disk,
            directory: VirtualHostDirectory.spillPath(Array("/".utf8)),
            journal: options,
            catalog: journal.catalog,
            log: Logger(level: .info, clock: { WallTime(milliseconds: 0) }) { [complaints] line in
                complaints.add(String(decoding: line, as: UTF8.self))
                return true
            }
        )
        broker.batch {
            broker.virtualHost.startJournal(at: journal.endLSN)
            broker.virtualHost.startPaging(budget: budget)
        }
        try sync()
    }

    /// What was journaled so far is written and synced.
    func sync() throws {
        guard let batch = broker.virtualHost.takeJournal() else { return }
        let frames = UnsafeMutableRawBufferPointer(start: batch.base, count: batch.count)
        try journal.append(frames, firstLSN: batch.firstLSN)
        try journal.sync()
        broker.batch { broker.virtualHost.becomeDurable(batch) }
    }

    /// The pager does what there is to do, once.
    @discardableResult
    func page() -> Pager.Outcome { pager.step { body in enter(body) } }

    /// The pager works until nothing is left to do.
    func pageAll() { while page() == .worked {} }

    private func enter(_ body: (VirtualHost) -> [ShellAddress]) {
        broker.batch { _ = body(broker.virtualHost) }
        broker.batch { for peer in broker.peers { peer.process() } }
    }

    /// Octets of messages in memory.
    var messageBytes: Int { broker.virtualHost.state.pool.messageBytes }

    /// Ends the scene: nothing refers to the queues any more.
    ///
    /// - Parameter isLossy: Whether records could not be read, which then still count as live.
    /// - Throws: What the disk refuses.
    func end(isLossy: Bool = false) throws {
        broker.batch { broker.virtualHost.queueList().forEach { broker.virtualHost.delete($0) } }
        pageAll()
        broker.batch { broker.virtualHost.stopPaging() }
        try sync()
        pageAll()
        #expect(broker.virtualHost.state.paging.spillingBytes == 0)
        #expect(broker.virtualHost.state.paging.readerCount == 0)
        let isSpillDead = broker.virtualHost.state.paging.spillLedger.isDead(0)
        #expect(isSpillDead)
        let oldestLive = broker.virtualHost.state.journal.ledger.oldestLive
        #expect((oldestLive == nil) != isLossy)
    }
}

/// Lines a logger wrote.
final class LogLines: @unchecked Sendable {
    private let lock = Lock()
    private var lines: [String] = []

    func add(_ line: String) { lock.withLock { lines.append(line) } }

    var all: [String] { lock.withLock { lines } }
}
