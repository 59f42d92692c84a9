@testable import TestSupport
import Wire

@testable import Broker

/// What differs from seed to seed before anything happens: names, declarations, sizes.
struct SimulationChoices {
    let limits: Limits
    let queues: [QueueDeclare]
    let exchanges: [ExchangeDeclare]
    let keys: [ShortString] = ["a", "b", "a.b", "b.a", "a.b.c", "q1", "q2", "q3"]
    let patterns: [ShortString] = ["a.*", "#", "*.b", "a.#", "b", "a"]
    let bodySizes: [Int]
    let connectionMax: Int
    let frameMax: Int

    init(_ random: inout Seed) {
        var limits = Limits()
        limits.heartbeatSeconds = 0
        limits.journalSegmentSize = random.pick([600, 2_000, 10_000, 100_000])
        limits.journalStretchShift = random.pick([6, 9, 12])
        limits.journalDescriptionInterval = random.pick([400, 3_000, 50_000])
        limits.journalBacklogMax = random.pick([600, 10_000, 1 << 25])
        limits.messageMemoryMax = random.pick([500, 3_000, 3_000, 20_000, 1 << 27])
        self.limits = limits
        bodySizes = random.pick([[8, 20], [8, 100, 600], [30, 3_000, 9_000], [8, 8, 8, 20_000]])
        connectionMax = Int.random(in: 1...4, using: &random)
        frameMax = random.pick([4_096, 5_000, 131_072])
        queues = (1...Int.random(in: 1...5, using: &random)).map { number in
            SimulationChoices.queue(ShortString(shortening: "q\(number)"), &random)
        }
        exchanges = (1...Int.random(in: 1...4, using: &random)).map { number in
            SimulationChoices.exchange(ShortString(shortening: "x\(number)"), &random)
        }
    }

    static func queue(_ name: ShortString, _ random: inout Seed) -> QueueDeclare {
        var arguments: [FieldTable.Entry] = []
        if random.oneIn(5) {
            let count = Int32.random(in: 0...6, using: &random)
            arguments.append(.init(name: "x-max-length", value: .int32(count)))
            if random.oneIn(2) {
                arguments.append(.init(name: "x-overflow", value: .string("reject-publish")))
            }
        }
        if random.oneIn(6) {
            arguments.append(.init(name: "x-single-active-consumer", value: .bool(true)))
        }
        return QueueDeclare(
            queue: name,
            durable: !random.oneIn(4),
            exclusive: random.oneIn(10),
            autoDelete: random.oneIn(8),
            arguments: FieldTable(arguments)
        )
    }

    static func exchange(_ name: ShortString, _ random: inout Seed) -> ExchangeDeclare {
        var arguments: FieldTable = [:]
        if random.oneIn(4) {
            arguments = ["alternate-exchange": .string(random.pick(["x1", "amq.fanout"]))]
        }
        return ExchangeDeclare(
            exchange: name,
            type: random.pick(["direct", "fanout", "topic", "headers"]),
            durable: !random.oneIn(4),
            autoDelete: random.oneIn(6),
            internal: random.oneIn(8),
            arguments: arguments
        )
    }
}

extension Seed {
    /// One of them.
    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &self)]
    }
}
