import Wire

/// Values that an exchange has come to remember, as the journal has them.
struct ValuesRecord: Equatable {
    let exchange: ShortString
    /// When that was.
    let time: WallTime
    let values: [RememberedValue]

    func encode(into writer: inout ByteWriter) {
        writer.writeShortString(exchange)
        writer.writeLittle(UInt64(bitPattern: time.milliseconds))
        writer.writeLittle(UInt32(values.count))
        for value in values {
            // Not at the end: a check while brokerd runs takes zeros there for room.
            writer.writeLittle(UInt64(bitPattern: value.end?.milliseconds ?? 0))
            writer.writeLittle(value.digest.high)
            writer.writeLittle(value.digest.low)
        }
    }
}

extension ValuesRecord {
    init(from reader: inout ByteReader) throws(WireError) {
        exchange = try reader.readShortString()
        time = WallTime(milliseconds: Int64(bitPattern: try reader.readLittle64()))
        var values: [RememberedValue] = []
        for _ in 0..<(try reader.readLittle32()) {
            let end = Int64(bitPattern: try reader.readLittle64())
            let digest = ValueDigest(
                high: try reader.readLittle64(),
                low: try reader.readLittle64()
            )
            values.append(
                RememberedValue(
                    digest: digest,
                    end: end == 0 ? nil : WallTime(milliseconds: end)
                )
            )
        }
        self.values = values
    }
}

/// The values of one exchange while the journal is read: a bounded number more than are left.
///
/// What took whose place is not recorded. It need not be: the newest of those that are not over,
/// as many as there is room for, are all that were remembered, since the oldest goes first.
struct RecoveredValues {
    private var values: [RememberedValue] = []
    private let countMax: Int

    /// With fewer than this many the list is not looked through.
    private static let countKept = 1024

    /// For an exchange; `nil` when it remembers nothing beyond a restart.
    init?(of exchange: ExchangeDeclare) {
        do throws(ProtocolError) {
            guard let cache = try ExchangeKind(exchange).deduplicationCache, cache.isOnDisk else {
                return nil
            }
            countMax = cache.countMax
        } catch {
            // Whoever declares it again says what is wrong with it.
            return nil
        }
    }

    mutating func add(_ record: ValuesRecord) {
        values += record.values
        if values.count > max(Self.countKept, 2 * countMax) { removeOld(at: record.time) }
    }

    private mutating func removeOld(at time: WallTime) {
        let live = values.filter { $0.end.map { $0.milliseconds > time.milliseconds } ?? true }
        values = Array(live.suffix(countMax))
    }

    /// Those that are left, the oldest first; what is over by now is among them.
    var all: [RememberedValue] { values }
}
