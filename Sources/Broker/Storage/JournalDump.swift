import Wire

/// Says what the records of one virtual host's journal mean, in order, with queues by name.
package struct JournalDump {
    /// A record in words.
    package struct Line: Sendable, Equatable {
        /// Log sequence number.
        package let lsn: UInt64
        /// What happened, such as `message` or `queue_declared`.
        package let kind: String
        /// What the record says, in the order to show it.
        package var facts: [Fact] = []
        /// Of a message: what was published.
        package var content: Content?
    }

    /// A name and what it stands for.
    package struct Fact: Sendable, Equatable {
        package let name: String
        package let value: Value
    }

    /// What a fact says.
    package enum Value: Sendable, Equatable {
        case text(String)
        case number(UInt64)
        case flag(Bool)
        /// Positions by queue.
        case places([Place])
    }

    /// Where a message was put.
    package struct Place: Sendable, Equatable {
        package let queue: String
        package let position: UInt64
        /// Of a copy that compaction made: times the message came back there.
        package var deliveryCount: UInt32?
    }

    /// What a message consists of.
    package struct Content: Sendable, Equatable {
        package let exchange: ShortString
        package let routingKey: ShortString
        package let properties: BasicProperties
        package let body: [UInt8]
    }

    /// Only what concerns this queue; everything if `nil`.
    private let queue: String?
    private var names: [UInt32: String] = [:]

    package init(queue: String? = nil) { self.queue = queue }

    /// Reads the next record.
    ///
    /// - Parameters:
    ///   - payload: Whole.
    ///   - lsn: Its log sequence number.
    /// - Returns: `nil` when it does not concern the queue; a line of kind `unreadable` when the
    ///   record checks out and makes no sense.
    package mutating func read(_ payload: ByteView, lsn: UInt64) -> Line? {
        let record: JournalRecord
        do throws(WireError) {
            record = try JournalRecord(decoding: payload)
            switch record {
            case .queueDeclared(let queue): names[queue.id] = queue.name.string
            case .delaysDeclared(let delays):
                names[delays.id] = "delayed in \(delays.exchange.string)"
            default: break
            }
            guard concerns(record) else { return nil }
            if case .message(let message) = record {
                return try line(message, payload, lsn: lsn)
            }
        } catch {
            let reason = Fact(name: "reason", value: .text("\(error)"))
            return Line(lsn: lsn, kind: "unreadable", facts: [reason])
        }
        return line(record, lsn: lsn)
    }

    private func concerns(_ record: JournalRecord) -> Bool {
        guard let queue else { return true }
        return switch record {
        case .queueDeclared(let declared): declared.name.string == queue
        case .queueDeleted(let id), .settled(let id, _, _), .delivered(let id, _),
            .returned(let id, _, _), .appended(let id, _):
            names[id] == queue
        case .died(let death): names[death.queue] == queue
        case .bound(let binding), .unbound(let binding):
            binding.isToQueue && binding.destination.string == queue
        case .message(let message): message.places.contains { names[$0.queue] == queue }
        case .exchangeDeclared, .exchangeDeleted, .valuesRemembered, .topologyBegins, .topologyEnds,
            .transaction, .delaysDeclared, .policySet, .policyCleared:
            false
        }
    }

    private func line(
        _ message: MessageRecord,
        _ payload: ByteView,
        lsn: UInt64
    )
        throws(WireError) -> Line
    {
        var reader = ByteReader(payload)
        _ = try reader.readView(message.prefixSize)
        var route = ByteReader(try reader.readView(message.routeSize))
        let properties = try reader.readView(message.propertiesSize)
        let body = try reader.readView(message.bodySize)
        let places = message.places.map { place in
            Place(
                queue: name(place.queue),
                position: place.position,
                deliveryCount: message.form == .plain ? nil : place.deliveryCount
            )
        }
        return Line(
            lsn: lsn,
            kind: message.form == .moved ? "moved" : "message",
            facts: [Fact(name: "queues", value: .places(places))],
            content: Content(
                exchange: try route.readShortString(),
                routingKey: try route.readShortString(),
                properties: try BasicProperties(decoding: properties),
                body: body.bytes
            )
        )
    }

    private func line(_ record: JournalRecord, lsn: UInt64) -> Line {
        func line(_ kind: String, _ facts: KeyValuePairs<String, Value>) -> Line {
            Line(lsn: lsn, kind: kind, facts: facts.map { Fact(name: $0.key, value: $0.value) })
        }
        func queue(_ id: UInt32) -> Value { .text(name(id)) }
        return switch record {
        case .queueDeclared(let record): line("queue_declared", ["queue": queue(record.id)])
        case .queueDeleted(let id): line("queue_deleted", ["queue": queue(id)])
        case .exchangeDeclared(let declare):
            line(
                "exchange_declared",
                ["exchange": .text(declare.exchange.string), "type": .text(declare.type.string)]
            )
        case .exchangeDeleted(let name):
            line("exchange_deleted", ["exchange": .text(name.string)])
        case .bound(let binding):
            Line(lsn: lsn, kind: "bound", facts: facts(binding))
        case .unbound(let binding):
            Line(lsn: lsn, kind: "unbound", facts: facts(binding))
        case .settled(let id, let first, let last):
            line(
                "settled",
                ["queue": queue(id), "first": .number(first), "last": .number(last)]
            )
        case .delivered(let id, let last):
            line("delivered", ["queue": queue(id), "last": .number(last)])
        case .returned(let id, let position, let count):
            line(
                "returned",
                [
                    "queue": queue(id), "position": .number(position),
                    "delivery_count": .number(UInt64(count)),
                ]
            )
        case .died(let death):
            line(
                "died",
                [
                    "queue": queue(death.queue), "position": .number(death.position),
                    "reason": .text(death.reason.text),
                    "reached": .text(death.reached.map(\.string).joined(separator: ", ")),
                ]
            )
        case .appended(let id, let end):
            line("appended", ["queue": queue(id), "end": .number(end)])
        case .policySet(let policy):
            Line(lsn: lsn, kind: "policy_set", facts: facts(policy))
        case .policyCleared(let kind, let name):
            line(
                "policy_cleared",
                ["policy": .text(name.string), "is_operator": .flag(kind == .operator)]
            )
        case .valuesRemembered(let record):
            line(
                "values_remembered",
                [
                    "exchange": .text(record.exchange.string),
                    "count": .number(UInt64(record.values.count)),
                ]
            )
        case .transaction(let octets): line("transaction", ["octets": .number(octets)])
        case .delaysDeclared(let delays):
            line(
                "delays_declared",
                ["exchange": .text(delays.exchange.string), "queue": queue(delays.id)]
            )
        case .topologyBegins: line("topology_begins", [:])
        case .topologyEnds, .message: line("topology_ends", [:])
        }
    }

    private func facts(_ policy: PolicyRecord) -> [Fact] {
        [
            Fact(name: "policy", value: .text(policy.name.string)),
            Fact(name: "is_operator", value: .flag(policy.kind == .operator)),
            Fact(name: "pattern", value: .text(String(decoding: policy.pattern, as: UTF8.self))),
            Fact(name: "apply_to", value: .text(policy.target.rawValue)),
            Fact(name: "priority", value: .text(JSONValue.number(policy.priority).text)),
            Fact(name: "definition", value: .text(policy.definition.json.text)),
        ]
    }

    private func facts(_ binding: BindingRecord) -> [Fact] {
        [
            Fact(name: "source", value: .text(binding.source.string)),
            Fact(name: "destination", value: .text(binding.destination.string)),
            Fact(name: "to_queue", value: .flag(binding.isToQueue)),
            Fact(name: "routing_key", value: .text(binding.key.string)),
        ]
    }

    /// The name of a queue, or its number when its declaration is gone.
    private func name(_ id: UInt32) -> String { names[id] ?? "#\(id)" }
}
