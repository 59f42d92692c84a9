import Wire

/// Why a message left its queue other than by being settled.
enum ModelDeathReason: String {
    case expired
    case rejected
    case maxLength = "maxlen"
    case deliveryLimit = "delivery_limit"
}

/// How often a message has died, where and why, as RabbitMQ writes it into its headers.
struct ModelDeaths {
    /// One queue and reason.
    struct Record {
        let reason: ModelDeathReason
        let queue: ShortString
        /// Of the first time, as all that follows.
        let seconds: Int64
        let exchange: ShortString
        let key: ShortString
        let expiration: ShortString?
        var count: Int64 = 1
    }

    /// The latest first.
    private var records: [Record] = []
    private var first: Record?
    private var last: Record?

    var count: Int64 { records.reduce(0) { $0 + $1.count } }

    /// Tells of one more death: the same again raises a count and moves to the front.
    mutating func add(_ record: Record) {
        var record = record
        first = first ?? record
        last = record
        if let index = records.firstIndex(where: {
            $0.queue == record.queue && $0.reason == record.reason
        }) {
            record = records.remove(at: index)
            record.count += 1
        }
        records.insert(record, at: 0)
    }

    /// Whether it would come back to a queue without a client's doing: it has died there, and was
    /// not rejected anywhere since.
    func closesCircle(at queue: ShortString) -> Bool {
        for record in records {
            if record.reason == .rejected { return false }
            if record.queue == queue { return true }
        }
        return false
    }

    /// The headers that say so.
    var headers: [FieldTable.Entry] {
        guard let first, let last else { return [] }
        let tables = records.map { record in
            var table: FieldTable = [
                "count": .int64(record.count),
                "reason": .string(record.reason.rawValue),
                "queue": .longString(record.queue.bytes),
                "time": .timestamp(UInt64(record.seconds)),
                "exchange": .longString(record.exchange.bytes),
                "routing-keys": .array([.longString(record.key.bytes)]),
            ]
            if let text = record.expiration {
                table["original-expiration"] = .longString(text.bytes)
            }
            return FieldValue.table(table)
        }
        var entries = [FieldTable.Entry(name: "x-death", value: .array(tables))]
        for (which, record) in [("first", first), ("last", last)] {
            for (what, text) in [
                ("reason", Array(record.reason.rawValue.utf8)), ("queue", record.queue.bytes),
                ("exchange", record.exchange.bytes),
            ] {
                let name = ShortString(shortening: "x-\(which)-death-\(what)")
                entries.append(.init(name: name, value: .longString(text)))
            }
        }
        return entries
    }
}
