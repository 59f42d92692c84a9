import Wire

/// The journal of a virtual host: what it takes of the disk, how safe it is, and what the last
/// start found in it.
struct StorageSnapshot: Sendable {
    let virtualHost: [UInt8]
    let sync: SyncPolicy
    let syncInterval: Duration
    let status: JournalStatus
    let diskFreeLimit: Int
    /// Behind the last record.
    let endLSN: UInt64
    /// Confirms have left for everything below.
    let confirmedLSN: UInt64
    /// Why publishers are held back, if they are.
    let blockReason: String?
    let recovery: RecoverySummary?
    /// Messages that could not be read back when they were needed, by queue.
    var lost: [(queue: [UInt8], count: UInt64)] = []

    /// How many losses are listed; all of them are counted, and in the log.
    static let listedCountMax = 100

    /// Reads a virtual host; called under its lock.
    ///
    /// - Returns: `nil` without a journal.
    init?(_ domain: VirtualHostDomain) {
        guard let status = domain.journalStatus else { return nil }
        let host = domain.virtualHost
        virtualHost = host.state.name
        sync = host.state.limits.sync
        syncInterval = host.state.limits.syncInterval
        self.status = status
        diskFreeLimit = host.state.limits.diskFreeLimit
        endLSN = host.state.journal.buffer.nextLSN
        confirmedLSN = host.state.journal.durableLSN
        blockReason = host.state.journal.blockReason
        recovery = domain.recovery
    }
}

extension StorageSnapshot {
    private var syncMilliseconds: Int64 { syncInterval.clampedNanoseconds / 1_000_000 }

    /// What a confirm promises, for people.
    var durability: String {
        switch sync {
        case .confirm: ServerDescription.durability
        case .interval:
            "confirms wait for the operating system, fdatasync follows within "
                + "\(syncMilliseconds) ms"
        case .none: "confirms wait for the operating system, which writes back when it likes"
        }
    }

    /// An element of `GET /api/x/storage`, and of `storage` in the overview.
    var json: JSONValue {
        var object = JSONObject([
            ("vhost", .text(virtualHost)), ("sync", .string(sync.rawValue)),
            ("segments", .count(status.segmentCount)), ("bytes", .count(status.size)),
            ("end_lsn", .count(endLSN)), ("confirmed_lsn", .count(confirmedLSN)),
            ("synced_lsn", .count(status.syncedLSN)),
            ("unconfirmed_bytes", .count(endLSN - min(endLSN, confirmedLSN))),
            ("disk_free", status.freeSpace.map { .count($0) } ?? .null),
            ("disk_free_limit", .count(diskFreeLimit)),
            ("blocked", blockReason.map { .string($0) } ?? .null),
            ("index_failure", status.indexFailure.map { .string("\($0)") } ?? .null),
        ])
        let unreadable = lost.prefix(Self.listedCountMax).map { queue, count -> JSONValue in
            ["queue": .text(queue), "messages": .count(count)]
        }
        object.add("lost_messages", .count(lost.reduce(0) { $0 + $1.count }))
        object.add("lost_from", .array(unreadable))
        if sync == .interval {
            object.add("sync_interval", .integer(syncMilliseconds))
        }
        if let recovery { object.add("recovery", recovery.json) }
        return .object(object)
    }
}

extension RecoverySummary {
    fileprivate var json: JSONValue {
        let listed = report.losses.prefix(StorageSnapshot.listedCountMax).map(\.json)
        return [
            "milliseconds": .integer(milliseconds), "records": .count(report.recordCount),
            "queues": .count(queueCount), "messages": .count(messageCount),
            "segments_read": .count(report.scannedSegmentCount),
            "segments_indexed": .count(report.indexedSegmentCount),
            "ended_in_transaction": .bool(endedInTransaction),
            "lost_records": .bool(report.hasLostRecords),
            "losses_count": .count(report.losses.count), "losses": .array(listed),
            "not_restored_count": .count(losses.count), "not_restored": .array(notRestored),
        ]
    }

    private var notRestored: [JSONValue] {
        var list: [JSONValue] = []
        for loss in losses.prefix(StorageSnapshot.listedCountMax) {
            switch loss {
            case .exchange(let name, let reason):
                list.append(["exchange": .text(name.bytes), "reason": .string(reason)])
            case .queue(let name, let reason):
                list.append(["queue": .text(name.bytes), "reason": .string(reason)])
            case .policy(let name, let reason):
                list.append(["policy": .text(name.bytes), "reason": .string(reason)])
            case .binding(let source, let destination):
                list.append([
                    "source": .text(source.bytes), "destination": .text(destination.bytes),
                ])
            case .record(let lsn, let reason):
                list.append(["lsn": .count(lsn), "reason": .string(reason)])
            case .stream(let name, let offsets):
                list.append([
                    "queue": .text(name.bytes), "from_offset": .count(offsets.lowerBound),
                    "to_offset": .count(offsets.upperBound),
                ])
            }
        }
        return list
    }
}

extension RecoveryReport.Loss {
    fileprivate var json: JSONValue {
        var object = JSONObject([
            ("kind", .string("\(kind)")), ("file", .string(file)), ("offset", .count(offset)),
            ("bytes", .count(count)), ("first_lsn", .count(range.lowerBound)),
            ("end_lsn", .count(range.upperBound)), ("saved_records", .count(savedRecordCount)),
        ])
        switch octets {
        case .none: break
        case .leftInPlace: object.add("bytes_are", "left in place")
        case .setAside(let file): object.add("set_aside", .string(file))
        case .notSetAside(let error):
            object.add("bytes_are", .string("left in place: \(error)"))
        }
        return .object(object)
    }
}
