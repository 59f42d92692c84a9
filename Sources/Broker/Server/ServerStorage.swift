import Glibc
import Wire

/// The data directory of a running broker, locked, and what was read from it.
package struct ServerStorage {
    let root: StorageRoot
    let disk: any Disk
    let main: DurableVirtualHost
    /// Moves the messages of that virtual host out of memory and back.
    let pager: Pager

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
            seed: .fromSystem()
        )
        for loss in main.report.losses { log.warning("journal damaged", loss.logFields) }
        for loss in main.losses { log.warning("not recovered", loss.logFields) }
        log.info(
            "recovered",
            [
                "directory": directory,
                "queues": "\(main.virtualHost.state.queues.count)",
                "messages": "\(main.messageCount)",
                "records": "\(main.report.recordCount)",
                "milliseconds": "\((SystemClock.now() - began).clampedNanoseconds / 1_000_000)",
            ]
        )
        let pager = try Pager(
            PosixDisk(path: directory),
            directory: VirtualHostDirectory.spillPath(main.virtualHost.state.name),
            journal: main.journal.options,
            catalog: main.journal.catalog,
            log: log
        )
        return ServerStorage(root: root, disk: disk, main: main, pager: pager)
    }
}

extension RecoveryReport.Loss {
    /// What a log line says of it.
    fileprivate var logFields: LogFacts {
        [
            "kind": "\(kind)", "file": file, "offset": "\(offset)", "octets": "\(count)",
            "from": "\(range.lowerBound)", "to": "\(range.upperBound)",
        ]
    }
}

extension RestoreLoss {
    /// What a log line says of it.
    fileprivate var logFields: LogFacts {
        switch self {
        case .exchange(let name, let reason): ["exchange": name.string, "reason": reason]
        case .queue(let name, let reason): ["queue": name.string, "reason": reason]
        case .binding(let source, let destination):
            ["exchange": source.string, "destination": destination.string]
        case .record(let lsn, let reason): ["lsn": "\(lsn)", "reason": reason]
        }
    }
}
