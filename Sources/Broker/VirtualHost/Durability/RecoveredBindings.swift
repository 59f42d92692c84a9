import Wire

/// The durable bindings while a journal is read, up to millions of them.
///
/// Each is kept as the octets of its record, with a number that tells their order. Deleting a
/// queue or an exchange does not look for its bindings: it notes under the name that older
/// bindings are gone, and those are dropped together once there may be many.
struct RecoveredBindings: ~Copyable {
    private static let hash = ByteHash(seed: 0x6269_6e64_696e_6773)

    /// The number of each binding, by the record's octets behind the type.
    private var numbers = ByteKeyTable<UInt64>(hash: RecoveredBindings.hash)
    /// Of each deleted queue: bindings to it with a lower number are gone.
    private var queueEnds = ByteKeyTable<UInt64>(hash: RecoveredBindings.hash)
    /// The same of each deleted exchange, at either end of a binding.
    private var exchangeEnds = ByteKeyTable<UInt64>(hash: RecoveredBindings.hash)
    private var nextNumber: UInt64 = 1
    /// Names deleted so far are dropped, with their bindings, when there are this many.
    private var endCountMax = 1024

    /// Adds a binding; one that is there already stays in its place.
    ///
    /// - Parameter octets: What stands behind the type in its record.
    /// - Throws: When they cannot be a binding.
    mutating func add(_ octets: ByteView) throws(WireError) {
        let ends = try Ends(octets)
        if ends.hasArguments { _ = try BindingRecord(decoding: octets) }
        if let number = numbers.value(for: octets), isLive(ends, number) { return }
        numbers.insert(nextNumber, for: octets)
        nextNumber += 1
    }

    mutating func remove(_ octets: ByteView) { numbers.remove(octets) }

    mutating func removeQueue(_ name: ShortString) {
        guard !numbers.isEmpty else { return }
        ByteView.with(name.bytes) { _ = queueEnds.insert(nextNumber, for: $0) }
        sweepIfDue()
    }

    mutating func removeExchange(_ name: ShortString) {
        guard !numbers.isEmpty else { return }
        ByteView.with(name.bytes) { _ = exchangeEnds.insert(nextNumber, for: $0) }
        sweepIfDue()
    }

    /// Gives every binding that is left, in the order they were made.
    func forEach(_ body: (BindingRecord) -> Void) {
        var found: [(number: UInt64, place: ByteKeyTable<UInt64>.Cursor)] = []
        found.reserveCapacity(numbers.count)
        var cursor = ByteKeyTable<UInt64>.Cursor()
        var place = cursor
        while let (octets, number) = numbers.next(&cursor) {
            if let ends = Ends.ifWhole(octets), isLive(ends, number) {
                found.append((number, place))
            }
            place = cursor
        }
        // They stand in order already unless some were removed.
        found.sort { $0.number < $1.number }
        for binding in found {
            var place = binding.place
            guard let (octets, _) = numbers.next(&place) else { continue }
            do throws(WireError) {
                body(try BindingRecord(decoding: octets))
            } catch {
                preconditionFailure("what was added could be read: \(error)")
            }
        }
    }

    private func isLive(_ ends: Ends, _ number: UInt64) -> Bool {
        if let end = exchangeEnds.value(for: ends.source), number < end { return false }
        let destinationEnd =
            ends.isToQueue
            ? queueEnds.value(for: ends.destination) : exchangeEnds.value(for: ends.destination)
        return number >= destinationEnd ?? 0
    }

    /// Drops what has gone with its ends, so that names and bindings that come and go do not add
    /// up; rare enough for each deletion to cost a constant.
    private mutating func sweepIfDue() {
        guard queueEnds.count + exchangeEnds.count >= endCountMax else { return }
        var left = ByteKeyTable<UInt64>(hash: Self.hash)
        var cursor = ByteKeyTable<UInt64>.Cursor()
        while let (octets, number) = numbers.next(&cursor) {
            guard let ends = Ends.ifWhole(octets), isLive(ends, number) else { continue }
            left.insert(number, for: octets)
        }
        endCountMax = max(1024, left.count)
        numbers = left
        queueEnds.removeAll()
        exchangeEnds.removeAll()
    }

    /// The names in a binding's octets.
    private struct Ends {
        let source: ByteView
        let isToQueue: Bool
        let destination: ByteView
        let hasArguments: Bool

        init(_ octets: ByteView) throws(WireError) {
            var reader = ByteReader(octets)
            source = try reader.readShortStringView()
            isToQueue = try reader.readUInt8() != 0
            destination = try reader.readShortStringView()
            _ = try reader.readShortStringView()
            hasArguments = try !reader.readLongStringView().isEmpty
        }

        static func ifWhole(_ octets: ByteView) -> Ends? {
            do throws(WireError) { return try Ends(octets) } catch { return nil }
        }
    }
}
