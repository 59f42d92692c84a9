import Glibc
import Wire

/// The data directory of a running broker, locked, and what was read from it.
package struct ServerStorage {
    let root: StorageRoot
    let disk: any Disk
    let main: DurableVirtualHost
    /// Moves the messages of that virtual host out of memory and back.
    let pager: Pager
    /// What reading it has found.
    let recovery: RecoverySummary
    /// Keeps its journal small.
    let compactor: Compactor

    /// Locks the directory and brings back the virtual host "/".
    ///
    /// - Parameters:
    ///   - directory: An existing directory.
    ///   - settings: For the bounds of the virtual host.
    ///   - log: Told of everything that was lost, with file, offset and queue.
    /// - Returns: The directory, locked, and the virtual host as its journal says.
    /// - Throws: `.locked` when another brokerd uses it, `.badFormat`, or what the disk refuses.
    package static func open(
        _ directory: String,
        settings: Settings,
        log: Logger
    ) throws(StorageError) -> ServerStorage {
        let disk = PosixDisk(path: directory)
        let root = try StorageRoot(disk, processID: Int(getpid()))
        let began = SystemClock.now()
        let main = try DurableVirtualHost.open(
            Array("/".utf8),
            on: disk,
            limits: settings.limits,
            seed: .fromSystem(),
            at: began,
            wallTime: SystemClock.wallTime
        )
        for loss in main.report.losses { log.warning("journal damaged", loss.logFields) }
        for loss in main.losses { log.warning("not recovered", loss.logFields) }
        let recovery = RecoverySummary(
            report: main.report,
            losses: main.losses,
            queueCount: main.virtualHost.state.queues.count,
            messageCount: main.messageCount,
            endedInTransaction: main.endedInTransaction,
            milliseconds: (SystemClock.now() - began).clampedNanoseconds / 1_000_000
        )
        if recovery.endedInTransaction {
            log.info("transaction without its end left out", ["directory": directory])
        }
        log.info(
            "recovered",
            [
                "directory": directory,
                "queues": "\(recovery.queueCount)",
                "messages": "\(recovery.messageCount)",
                "records": "\(main.report.recordCount)",
                "milliseconds": "\(recovery.milliseconds)",
            ]
        )
        if settings.limits.sync != .confirm {
            let policy = settings.limits.sync.rawValue
            log.warning("confirms do not wait for the disk", ["sync": policy])
        }
        let pager = try Pager(
            PosixDisk(path: directory),
            directory: VirtualHostDirectory.spillPath(main.virtualHost.state.name),
            journal: main.journal.options,
            catalog: main.journal.catalog,
            log: log
        )
        let compactor = Compactor(
            PosixDisk(path: directory),
            main.journal.options,
            log: log,
            segments: { [catalog = main.journal.catalog] in catalog.all }
        )
        return ServerStorage(
            root: root,
            disk: disk,
            main: main,
            pager: pager,
            recovery: recovery,
            compactor: compactor
        )
    }
}

extension RecoveryReport.Loss {
    /// What a log line says of it.
    fileprivate var logFields: LogFacts {
        var facts: LogFacts = [
            "kind": "\(kind)", "file": file, "offset": "\(offset)", "octets": "\(count)",
            "from": "\(range.lowerBound)", "to": "\(range.upperBound)",
        ]
        switch octets {
        case .none, .leftInPlace: break
        case .setAside(let file): facts.add("set_aside", file)
        case .notSetAside(let error): facts.add("not_set_aside", "\(error)")
        }
        return facts
    }
}

extension RestoreLoss {
    /// What a log line says of it.
    fileprivate var logFields: LogFacts {
        switch self {
        case .exchange(let name, let reason): ["exchange": name.string, "reason": reason]
        case .queue(let name, let reason): ["queue": name.string, "reason": reason]
        case .policy(let name, let reason): ["policy": name.string, "reason": reason]
        case .binding(let source, let destination):
            ["exchange": source.string, "destination": destination.string]
        case .record(let lsn, let reason): ["lsn": "\(lsn)", "reason": reason]
        case .stream(let name, let offsets):
            [
                "queue": name.string, "from_offset": "\(offsets.lowerBound)",
                "to_offset": "\(offsets.upperBound)",
            ]
        }
    }
}
