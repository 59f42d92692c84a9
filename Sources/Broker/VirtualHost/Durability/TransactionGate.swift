import Wire

/// Lets the records of a journal through, those of a transaction only when all of them are there.
///
/// A transaction's first record says how many octets of the journal belong to it. When the journal
/// ends before, the process was killed in the middle of writing it, and nothing of it counts. When
/// records follow behind its end but some within are missing, they were lost to damage later: it
/// had been complete, and what is left of it counts.
struct TransactionGate {
    /// Octets of the payload of a transaction's first record.
    static let payloadSize = 9
    /// The same with the header.
    static let frameSize = UInt64(JournalFrame.headerSize + payloadSize)

    /// The records of an unfinished transaction.
    private struct Held {
        /// Log sequence number of its first record.
        let start: UInt64
        /// Log sequence number behind the transaction.
        let end: UInt64
        /// Payloads as far as they are kept, back to back.
        var octets: [UInt8] = []
        var records: [(lsn: UInt64, count: Int, size: Int)] = []
    }

    private var held: Held?

    /// Whether the last record was not the end of a transaction that had begun.
    var isOpen: Bool { held != nil }

    /// Where the transaction begins that the last record did not end; `nil` without one.
    var openLSN: UInt64? { held?.start }

    /// Records of the transaction that has begun and not ended.
    var heldCount: Int { held?.records.count ?? 0 }

    /// Whether a record must take `pass`; any other counts at once.
    @inline(__always)
    func concerns(_ payload: ByteView) -> Bool {
        held != nil || payload[0] == JournalRecord.Kind.transaction.rawValue
    }

    /// Takes the next record, and passes on what counts now.
    ///
    /// - Parameters:
    ///   - payload: As far as it is kept.
    ///   - lsn: Its log sequence number.
    ///   - size: Octets of the whole payload.
    ///   - apply: Gets each record that counts, in order, with the same three.
    mutating func pass(
        _ payload: ByteView,
        lsn: UInt64,
        size: Int,
        to apply: RecoveryContext.Replay
    ) {
        let kind = JournalRecord.Kind.transaction.rawValue
        let begins = payload[0] == kind && payload.count == TransactionGate.payloadSize
        if held == nil, !begins { return apply(lsn, payload, size) }
        let end = lsn + UInt64(JournalFrame.headerSize + size)
        if let held, lsn >= held.end { release(held, to: apply) }
        if begins {
            let octets = payload.slice(from: 1, count: 8).littleEndianUInt64(at: 0)
            held = Held(start: lsn, end: end &+ octets)
            return
        }
        guard held != nil else { return apply(lsn, payload, size) }
        held?.octets += payload.bytes
        held?.records.append((lsn, payload.count, size))
        if let held, end >= held.end { release(held, to: apply) }
    }

    private mutating func release(_ transaction: Held, to apply: RecoveryContext.Replay) {
        held = nil
        ByteView.with(transaction.octets) { octets in
            var offset = 0
            for record in transaction.records {
                apply(record.lsn, octets.slice(from: offset, count: record.count), record.size)
                offset += record.count
            }
        }
    }
}
