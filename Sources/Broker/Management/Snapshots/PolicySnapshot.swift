import Wire

/// A policy as inspection shows it.
struct PolicySnapshot {
    let virtualHost: [UInt8]
    let record: PolicyRecord
}

extension PolicySnapshot: ListedSnapshot {
    var listName: [UInt8] { record.name.bytes }
    var listOrder: [[UInt8]] { [virtualHost, record.name.bytes] }

    var json: JSONValue {
        [
            "vhost": .text(virtualHost), "name": .text(record.name.bytes),
            "pattern": .text(record.pattern), "apply-to": .string(record.target.rawValue),
            "definition": record.definition.json, "priority": .number(record.priority),
        ]
    }
}

extension Optional where Wrapped == Policy {
    /// The policy's name, or null.
    var nameJSON: JSONValue { map { .text($0.record.name.bytes) } ?? .null }
}
