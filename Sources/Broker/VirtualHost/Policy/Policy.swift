import Wire

/// A policy: settings for all queues and exchanges whose names match a pattern.
final class Policy: Sendable {
    let record: PolicyRecord
    private let pattern: NamePattern

    /// Who sets a policy: users one, operators another that bounds it.
    enum Kind: UInt8, Sendable, CaseIterable {
        case user = 0
        case `operator` = 1
    }

    /// What a policy may apply to (apply-to).
    enum Target: String, Sendable {
        case all
        case queues
        case exchanges
        case classicQueues = "classic_queues"
        case quorumQueues = "quorum_queues"
        case streams
    }

    /// Checks what a policy says, and readies its pattern.
    ///
    /// - Parameter record: As it was asked for, or as the journal has it.
    /// - Throws: What is wrong with it, in RabbitMQ's words.
    init(_ record: PolicyRecord) throws(PolicyError) {
        do throws(PatternError) {
            pattern = try NamePattern(record.pattern)
        } catch {
            throw PolicyError.invalidPattern(error)
        }
        try PolicyKey.validate(record.definition, of: record.kind)
        self.record = record
    }

    /// Whether it applies to a queue.
    ///
    /// One with a key that queues of this type do not have does not apply at all (RabbitMQ:
    /// rabbit_queue_type, is_policy_applicable).
    func applies(toQueue name: [UInt8], type: QueueType) -> Bool {
        switch record.target {
        case .all, .queues: break
        case .exchanges: return false
        case .classicQueues: guard type == .classic else { return false }
        case .quorumQueues: guard type == .quorum else { return false }
        case .streams: guard type == .stream else { return false }
        }
        return record.definition.entries.allSatisfy { PolicyKey.isKnown($0.name, to: type) }
            && pattern.matches(name)
    }

    /// Whether it applies to an exchange.
    func applies(toExchange name: [UInt8]) -> Bool {
        (record.target == .all || record.target == .exchanges) && pattern.matches(name)
    }
}

/// A policy as it was asked for.
struct PolicyRecord: Equatable, Sendable {
    let kind: Policy.Kind
    let name: ShortString
    /// A regular expression; see `NamePattern`.
    let pattern: [UInt8]
    /// Settings by the names of `PolicyKey`.
    let definition: FieldTable
    /// Of several policies that match the one with the highest counts.
    let priority: Double
    let target: Policy.Target
}

extension PolicyRecord {
    func encode(into writer: inout ByteWriter) {
        writer.writeUInt8(kind.rawValue)
        writer.writeShortString(name)
        writer.writeLittle(priority.bitPattern)
        writer.writeShortString(ShortString(shortening: target.rawValue))
        writer.writeLongString(pattern)
        writer.writeTable(definition)
    }

    init(from reader: inout ByteReader) throws(WireError) {
        kind = try Policy.Kind(from: &reader)
        name = try reader.readShortString()
        priority = Double(bitPattern: try reader.readLittle64())
        guard let target = Policy.Target(rawValue: try reader.readShortString().string) else {
            throw .truncated
        }
        self.target = target
        pattern = try reader.readLongString()
        definition = try reader.readTable()
    }
}

extension Policy.Kind {
    init(from reader: inout ByteReader) throws(WireError) {
        guard let kind = Policy.Kind(rawValue: try reader.readUInt8()) else { throw .truncated }
        self = kind
    }
}

/// Why a policy is refused, in RabbitMQ's words.
struct PolicyError: Error, Equatable {
    /// The whole text.
    let text: String

    /// A policy that says something it may not say.
    init(reason: String) { text = "Validation failed\n\n\(reason)\n" }

    private init(text: String) { self.text = text }

    /// What is no description of a policy.
    static func malformed(_ text: String) -> PolicyError { PolicyError(text: text) }

    static func invalidPattern(_ error: PatternError) -> PolicyError {
        PolicyError(
            reason: "pattern should be regular expression but is invalid: "
                + "{\"\(error.reason)\",\(error.offset)}"
        )
    }
}
