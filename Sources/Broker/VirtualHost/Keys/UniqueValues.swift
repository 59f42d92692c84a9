/// The values of the messages in a queue with x-message-deduplication.
///
/// One that is there keeps others with its value out, until it leaves for good: between 64 and 130
/// octets each, for those with a value.
struct UniqueValues: ~Copyable {
    private var positions: [ValueDigest: UInt64] = [:]
    private var digests: [UInt64: ValueDigest] = [:]

    init() {}

    var count: Int { positions.count }

    func contains(_ digest: ValueDigest) -> Bool { positions[digest] != nil }

    /// Notes the value of a message, which no other one has.
    ///
    /// But for what a crash brought back: there the newest counts, which mostly leaves last.
    mutating func add(_ digest: ValueDigest, at position: UInt64) {
        if let older = positions[digest] { digests[older] = nil }
        positions[digest] = position
        digests[position] = digest
    }

    /// A message has left.
    mutating func remove(_ position: UInt64) {
        guard let digest = digests.removeValue(forKey: position) else { return }
        positions[digest] = nil
    }
}
