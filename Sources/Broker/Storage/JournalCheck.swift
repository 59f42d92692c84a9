import Wire

/// The offline check of a data directory: reads every octet, changes nothing.
///
/// Where a start trusts the index of a sealed segment, this reads the segment as well, so damage
/// in the body of a message shows here first. What is torn at the end while brokerd runs is only
/// what it is writing.
package struct JournalCheck {
    /// What was found of one virtual host.
    package struct Finding: Sendable {
        /// The virtual host's name, or its directory's if that does not tell it.
        package let virtualHost: String
        /// Relative to the data directory.
        package let directory: String
        package let report: RecoveryReport
        package let segmentCount: Int
        /// Octets of records, those that were lost included.
        package let size: Int
        /// Records of a transaction at the end that has no end itself: they do not count.
        package let openTransactionCount: Int?
        /// Of which stream the files are; `nil` for the journal.
        package var stream: StreamFinding?
    }

    /// What was found in the files of a stream.
    package struct StreamFinding: Sendable {
        /// The queue's name, or its number when its declaration is gone.
        package let queue: String
        /// Messages that check out.
        package internal(set) var messageCount = 0
        /// The offset of the first of them; `nil` without any.
        package internal(set) var firstOffset: UInt64?
        /// Behind the offset of the last of them.
        package internal(set) var endOffset: UInt64 = 0
        /// Behind what the journal says the files have.
        package internal(set) var promisedOffset: UInt64 = 0
        /// Records that check out and hold no messages.
        package internal(set) var unreadableCount = 0

        /// Whether messages are gone that were durable.
        package var isCutShort: Bool { endOffset < promisedOffset || unreadableCount > 0 }
    }

    /// Gets every record of a virtual host in order: its log sequence number, and its whole
    /// payload, valid during the call.
    package typealias Visit = (_ virtualHost: String, _ lsn: UInt64, _ payload: ByteView) -> Void

    /// Gets every record of a stream in the same way, after the journal of its virtual host.
    package typealias VisitStream = (
        _ virtualHost: String, _ queue: String, _ lsn: UInt64, _ payload: ByteView
    ) -> Void

    private let disk: any Disk
    /// The broker that uses the directory meanwhile, if one does.
    package let user: DiskLockHolder?

    /// Checks that `disk` holds a data directory of this version.
    ///
    /// - Parameter disk: Only read.
    /// - Throws: `.badFormat` when it is another version's, or no data directory at all.
    package init(_ disk: any Disk) throws(StorageError) {
        self.disk = disk
        guard try StorageRoot.hasFormat(disk) else {
            throw .badFormat(path: disk.path, reason: "it is not a data directory of brokerd")
        }
        user = try disk.lockHolder(StorageRoot.lockName)
    }

    /// Reads the journals of all virtual hosts, and their streams.
    ///
    /// - Parameters:
    ///   - visit: Gets the records of journals.
    ///   - visitStream: Gets those of streams.
    /// - Returns: What was found, by directory.
    /// - Throws: `.badFormat` for a segment of another version, `.io`.
    package func run(
        _ visit: @escaping Visit = { _, _, _ in },
        streams visitStream: @escaping VisitStream = { _, _, _, _ in }
    ) throws(StorageError) -> [Finding] {
        var findings: [Finding] = []
        for name in try disk.list(VirtualHostDirectory.parent) {
            let known = KnownStreams()
            let finding = try check(name) { virtualHost, lsn, payload in
                known.take(payload)
                visit(virtualHost, lsn, payload)
            }
            findings.append(finding)
            let directory = StreamDirectory.path(besideJournal: finding.directory)
            for number in try disk.list(directory).compactMap(StreamDirectory.stream(named:))
                .sorted()
            {
                findings.append(
                    try check(
                        number,
                        known.promise(number),
                        in: directory,
                        finding.virtualHost,
                        visitStream
                    )
                )
            }
        }
        return findings
    }

    /// Reads the files of one stream.
    private func check(
        _ number: UInt32,
        _ promise: (queue: String, end: UInt64),
        in directory: String,
        _ virtualHost: String,
        _ visit: @escaping VisitStream
    ) throws(StorageError) -> Finding {
        let path = StreamDirectory.path(directory, stream: number)
        let messages = StreamMessages(promise.queue, promisedOffset: promise.end)
        let options = JournalOptions(directory: path, nameHash: nil) { WallTime(milliseconds: 0) }
        let context = RecoveryContext(disk: disk, options: options, purpose: .check) {
            lsn,
            payload,
            _ in
            messages.take(payload)
            visit(virtualHost, promise.queue, lsn, payload)
        }
        var recovery = JournalRecovery(context)
        try recovery.run()
        return Finding(
            virtualHost: virtualHost,
            directory: path,
            report: recovery.report,
            segmentCount: recovery.segments.count,
            size: recovery.segments.reduce(0) { $0 + $1.size },
            openTransactionCount: nil,
            stream: messages.finding
        )
    }

    private func check(_ name: String, _ visit: @escaping Visit) throws(StorageError) -> Finding {
        let directory = "\(VirtualHostDirectory.parent)/\(name)"
        let octets = name.contains("~") ? nil : PercentEncoding.decode(name.utf8)
        let virtualHost = octets.map { String(decoding: $0, as: UTF8.self) } ?? name
        let options = JournalOptions(
            directory: directory,
            nameHash: octets.map { VirtualHostDirectory.hash($0) }
        ) { WallTime(milliseconds: 0) }
        let open = OpenTransaction()
        let context = RecoveryContext(
            disk: disk,
            options: options,
            purpose: .check
        ) { lsn, payload, size in
            open.take(payload, lsn: lsn, size: size)
            visit(virtualHost, lsn, payload)
        }
        var recovery = JournalRecovery(context)
        try recovery.run()
        return Finding(
            virtualHost: virtualHost,
            directory: directory,
            report: recovery.report,
            segmentCount: recovery.segments.count,
            size: recovery.segments.reduce(0) { $0 + $1.size },
            openTransactionCount: open.gate.isOpen ? open.gate.heldCount : nil
        )
    }
}

/// Whether the records end within a transaction.
private final class OpenTransaction {
    private(set) var gate = TransactionGate()

    func take(_ payload: ByteView, lsn: UInt64, size: Int) {
        guard gate.concerns(payload) else { return }
        // Only its first octet is kept, since nobody asks for the rest.
        let start = payload.slice(from: 0, count: 1)
        let isFirst = size == TransactionGate.payloadSize
        gate.pass(isFirst ? payload : start, lsn: lsn, size: size) { _, _, _ in }
    }
}
