import Wire

/// The messages of a queue with one value of its group header, as far as they are out.
///
/// While somebody has some of them, he alone gets more; what comes back must be settled with all
/// others that are out before there are more.
final class ModelGroup {
    /// Who has messages of it; `nil` when a basic.get has.
    private(set) var owner: ModelConsumer?
    private(set) var outCount = 0
    /// What has come back since it was last free.
    private(set) var returned: [ModelCopy] = []
    /// Something that came back was dropped at once: only the broker knows whether before it held
    /// the group, or behind.
    private(set) var isUncertain = false

    /// Whether nobody has any of it.
    var isFree: Bool { outCount == 0 }

    /// Whether its next message may go to a consumer, for what happened before an operation.
    func isOpen(to consumer: ModelConsumer?, before operation: Int) -> Bool {
        isFree
            || owner != nil && owner === consumer
                && !returned.contains { $0.returnedBy < operation }
    }

    func handOut(to consumer: ModelConsumer?) {
        outCount += 1
        owner = consumer
    }

    /// One of those that were out is settled, or back.
    func release() {
        outCount -= 1
        guard isFree else { return }
        owner = nil
        returned = []
        isUncertain = false
    }

    /// A message waits again; no more of its group is handed out if others are still out.
    func hold(_ copy: ModelCopy) {
        if !isFree { returned.append(copy) }
    }

    /// A message that had come back was dropped by the same operation.
    func forget(_ copy: ModelCopy) {
        guard returned.contains(where: { $0 === copy }) else { return }
        returned.removeAll { $0 === copy }
        isUncertain = true
    }
}

extension ModelQueue {
    /// The group of a copy; `nil` where order does not matter.
    func group(of copy: ModelCopy) -> ModelGroup? {
        guard let value = copy.groupValue else { return nil }
        if let group = groups[value] { return group }
        let group = ModelGroup()
        groups[value] = group
        return group
    }

    /// Ready copies of which none of the same group stands before, nor of those without a group
    /// another such one: the ones to be handed out next.
    var groupHeads: [ModelCopy] {
        var seen: Set<[UInt8]?> = []
        return ready.filter { seen.insert($0.groupValue).inserted }
    }
}

extension FieldValue {
    /// What values are compared by: kind and content; `nil` for a void.
    var comparedOctets: [UInt8]? {
        if let number = integer {
            return Array("I".utf8)
                + stride(from: 56, through: 0, by: -8).map {
                    UInt8(truncatingIfNeeded: number >> Int64($0))
                }
        }
        guard case .longString(let text) = self else { return nil }
        return Array("S".utf8) + text
    }
}
