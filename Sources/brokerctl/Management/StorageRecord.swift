/// What brokerd tells about the journal of a virtual host; RabbitMQ knows no such thing.
struct StorageRecord: Decodable, Sendable {
    /// What the last start found.
    struct Recovery: Decodable, Sendable {
        var milliseconds: Int?
        var messages: Int?
        var queues: Int?
        var endedInTransaction: Bool?
        var lossesCount: Int?
        var losses: [Loss]?
        var notRestoredCount: Int?
        var notRestored: [NotRestored]?
    }

    /// A stretch of a file that could not be used.
    struct Loss: Decodable, Sendable {
        var kind: String?
        var file: String?
        var offset: Int?
        var bytes: Int?
        var savedRecords: Int?
        var setAside: String?
    }

    /// Something the journal promised and could not give back.
    struct NotRestored: Decodable, Sendable {
        var queue: String?
        var exchange: String?
        var source: String?
        var destination: String?
        var messages: Int?
        var lsn: Int?
        var reason: String?
    }

    var vhost: String?
    var sync: String?
    var syncInterval: Int?
    var segments: Int?
    var bytes: Int?
    var confirmedLsn: Int?
    var syncedLsn: Int?
    var endLsn: Int?
    var unconfirmedBytes: Int?
    var diskFree: Int?
    var blocked: String?
    var indexFailure: String?
    var recovery: Recovery?
    var lostMessages: Int?
    var lostFrom: [NotRestored]?
}

extension StorageRecord {
    /// Names and values for `status`.
    var facts: [(String, String?)] {
        [
            ("sync", sync.map { syncInterval == nil ? $0 : "\($0), \(syncInterval ?? 0) ms" }),
            ("journal", journal),
            ("disk free", diskFree.map(HumanNumber.bytes)),
            ("blocked", blocked),
            ("index failure", indexFailure),
            ("recovered", recovery?.text),
        ]
    }

    private var journal: String? {
        guard let bytes, let segments else { return nil }
        let durable = sync == "confirm" ? confirmedLsn : syncedLsn
        let behind = durable.flatMap { durable in endLsn.map { $0 - durable } } ?? 0
        return "\(HumanNumber.bytes(bytes)) in \(segments) segments, durable to "
            + "\(durable ?? 0)" + (behind > 0 ? ", \(HumanNumber.bytes(behind)) behind" : "")
    }

    /// A line for everything the last start could not bring back.
    var losses: [String] {
        var lines = (lostFrom ?? []).map(\.text)
        guard let recovery else { return lines }
        lines += (recovery.losses ?? []).map(\.text)
        lines += (recovery.notRestored ?? []).map(\.text)
        let total = (recovery.lossesCount ?? 0) + (recovery.notRestoredCount ?? 0)
        if total > lines.count - (lostFrom?.count ?? 0) {
            lines.append("the log has more: \(total) losses in all")
        }
        return lines
    }
}

extension StorageRecord.Recovery {
    fileprivate var text: String? {
        guard let messages, let queues else { return nil }
        var text =
            "\(HumanNumber.count(messages)) messages in \(HumanNumber.count(queues)) queues, "
            + "\(milliseconds ?? 0) ms"
        if endedInTransaction == true { text += ", a transaction without its end left out" }
        return text
    }
}

extension StorageRecord.Loss {
    fileprivate var text: String {
        var text = "\(words) in \(file ?? "?") at offset \(offset ?? 0), \(bytes ?? 0) octets"
        if let savedRecords, savedRecords > 0 { text += ", \(savedRecords) records of it saved" }
        if let setAside { text += ", set aside in \(setAside)" }
        return text
    }

    private var words: String {
        switch kind {
        case "tornTail": "unfinished write"
        case "damagedRecords": "damaged records"
        case "missing": "missing records"
        case "damagedHeader": "damaged header"
        case "damagedIndex": "damaged index"
        default: kind ?? "damage"
        }
    }
}

extension StorageRecord.NotRestored {
    fileprivate var text: String {
        var text: String
        if let queue {
            text = messages.map { "\($0) messages of queue \(queue)" } ?? "queue \(queue)"
        } else if let exchange {
            text = "exchange \(exchange)"
        } else if let source, let destination {
            text = "a binding of \(destination) to exchange \(source)"
        } else {
            text = "the record at \(lsn ?? 0)"
        }
        text = "not restored: " + text
        if let reason { text += ": \(reason)" }
        return text
    }
}
