@testable import TestSupport

@testable import Broker

/// A process with a broker in it, and the disk that outlives it.
///
/// Plays every part of the shell on one thread: the journal's steps are taken one at a time.
final class SimulatedMachine {
    let disk: MemoryDisk
    let limits: Limits
    private(set) var process: Process?
    /// Processes begun so far.
    private(set) var startCount = 0

    /// What goes with the process.
    final class Process {
        let root: StorageRoot
        let virtualHost: VirtualHost
        let journal: Journal
        let pager: Pager
        let compactor: Compactor
        var cycle: JournalCycle
        var isBlocked = false
        /// What it found on the disk.
        let report: RecoveryReport
        let losses: [RestoreLoss]
        /// What pager and compactor have complained of.
        private let complaints = Complaints()

        init(
            _ root: StorageRoot,
            _ durable: DurableVirtualHost,
            budget: Int
        ) throws(StorageError) {
            self.root = root
            report = durable.report
            losses = durable.losses
            let log = complaints.logger
            pager = try Pager(
                root.disk,
                directory: VirtualHostDirectory.spillPath(durable.virtualHost.state.name),
                journal: durable.journal.options,
                catalog: durable.journal.catalog,
                log: log
            )
            let catalog = durable.journal.catalog
            compactor = Compactor(root.disk, durable.journal.options, log: log) { catalog.all }
            virtualHost = durable.virtualHost
            journal = durable.journal
            cycle = JournalCycle(durable.virtualHost, durable.journal, durable.streams)
            virtualHost.startPaging(budget: budget)
        }

        /// What is on the disk can be read.
        func checkReading(_ disk: MemoryDisk) throws(Violation) {
            guard !disk.hasStopped, let first = complaints.ofReading.first else { return }
            throw Violation("complains: \(first)")
        }

        /// Frees what the process had in memory; its connections are gone.
        ///
        /// - Returns: How many blocks of messages are left, which should be none.
        func end() -> Int {
            switch cycle.step {
            case .write(let batch), .publish(let batch):
                virtualHost.state.journal.buffer.reuse(batch)
            case .take, .remove: break
            }
            for queue in virtualHost.queueList() { virtualHost.delete(queue) }
            let delaying = virtualHost.exchangeList().filter { $0.state.delayQueue != nil }
            for exchange in delaying { virtualHost.delete(exchange) }
            virtualHost.finishBatch()
            virtualHost.stopPaging()
            repeat {
                virtualHost.finishBatch()
            } while pager.step({ _ = $0(virtualHost) }) == .worked
            if let batch = virtualHost.takeJournal() {
                virtualHost.state.journal.buffer.reuse(batch)
            }
            let left = virtualHost.state.pool.liveBlocks
            virtualHost.tearDown()
            root.release()
            return left
        }
    }

    init(seed: UInt64, limits: Limits) {
        disk = MemoryDisk(seed: seed)
        self.limits = limits
    }

    /// Starts the broker on what is on the disk.
    ///
    /// - Parameter now: The present; calendar and clock agree.
    /// - Throws: When the machine stops meanwhile.
    func start(at now: Instant) throws(StorageError) {
        startCount += 1
        let root = try StorageRoot(disk, processID: startCount)
        let durable = try DurableVirtualHost.open(
            Array("/".utf8),
            on: disk,
            limits: limits,
            seed: .init(words: (UInt64(startCount), 2, 3, 4)),
            at: now,
            wallTime: { SimulatedMachine.wallTime(now) }
        )
        process = try Process(root, durable, budget: limits.messageMemoryMax)
    }

    /// What the calendar says.
    static func wallTime(_ now: Instant) -> WallTime {
        WallTime(milliseconds: 1_800_000_000_000 + Int64(now.nanoseconds / 1_000_000))
    }

    /// Ends the process, whose connections are gone.
    func end() throws(Violation) {
        let left = process?.end() ?? 0
        process = nil
        try insist(left == 0, "\(left) blocks of messages are left")
    }
}

/// The log of a process that runs on one thread.
private final class Complaints: @unchecked Sendable {
    private var lines: [String] = []

    var logger: Logger {
        Logger(level: .warning, clock: { WallTime(milliseconds: 0) }) { line in
            self.lines.append(String(decoding: line, as: UTF8.self))
            return true
        }
    }

    /// Those of anything but a full disk.
    var ofReading: [String] { lines.filter { !$0.contains("publishers held back") } }
}
