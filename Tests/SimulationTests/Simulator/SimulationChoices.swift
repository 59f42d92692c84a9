@testable import TestSupport
import Wire

@testable import Broker

/// What differs from seed to seed before anything happens: names, declarations, sizes.
struct SimulationChoices {
    let limits: Limits
    private(set) var queues: [QueueDeclare]
    private(set) var exchanges: [ExchangeDeclare]
    let keys: [ShortString] = ["a", "b", "a.b", "b.a", "a.b.c", "q1", "q2", "q3"]
    let patterns: [ShortString] = ["a.*", "#", "*.b", "a.#", "b", "a"]
    let bodySizes: [Int]
    let connectionMax: Int
    /// Whether queues do no more than AMQP asks for: several messages arrive in one piece then.
    let isPlain: Bool
    /// Whether there are quorum queues, which leave no room for a prefetch of the channel.
    let hasQuorumQueues: Bool
    let frameMax: Int
    /// Whether there are queues and an exchange that drop duplicates.
    let isDeduplicating: Bool
    /// Whether there is a stream, read on one channel of each client.
    let isStreaming: Bool
    /// Whether there are queues that hand messages out in order of their groups.
    let isGrouping: Bool
    /// Whether policies come and go.
    let hasPolicies: Bool
    static let stream: ShortString = "s1"
    static let streamChannel: UInt16 = 3

    init(_ random: inout Seed) {
        var limits = Limits()
        limits.heartbeatSeconds = 0
        limits.journalSegmentSize = random.pick([600, 2_000, 10_000, 100_000])
        limits.journalStretchShift = random.pick([6, 9, 12])
        limits.journalDescriptionInterval = random.pick([400, 3_000, 50_000])
        limits.journalBacklogMax = random.pick([600, 10_000, 1 << 25])
        limits.messageMemoryMax = random.pick([500, 3_000, 3_000, 20_000, 1 << 27])
        limits.outboundSizeHigh = random.pick([2_000, 30_000, 1 << 18])
        limits.sync = random.pick([.confirm, .confirm, .confirm, .interval, .none])
        self.limits = limits
        bodySizes = random.pick([[8, 20], [8, 100, 600], [30, 3_000, 9_000], [8, 8, 8, 20_000]])
        connectionMax = Int.random(in: 1...4, using: &random)
        frameMax = random.pick([4_096, 5_000, 131_072])
        isPlain = random.oneIn(4)
        hasQuorumQueues = !isPlain && random.oneIn(2)
        // Drawn aside, so that what is added here leaves other seeds as they were.
        var aside = Seed(random.fork())
        isDeduplicating = !isPlain && aside.oneIn(3)
        isStreaming = !isPlain && aside.oneIn(3)
        isGrouping = !isPlain && aside.oneIn(3)
        hasPolicies = !isPlain && aside.oneIn(3)
        queues = []
        exchanges = []
        exchanges = (1...Int.random(in: 1...4, using: &random)).map { number in
            exchange(ShortString(shortening: "x\(number)"), &random)
        }
        if isDeduplicating, exchanges.count < 3 {
            for number in exchanges.count + 1...3 {
                exchanges.append(exchange(ShortString(shortening: "x\(number)"), &random))
            }
        }
        queues = (1...Int.random(in: 1...5, using: &random)).map { number in
            queue(ShortString(shortening: "q\(number)"), &random)
        }
        if isStreaming { queues.append(queue(SimulationChoices.stream, &random)) }
    }

    /// Any declaration of a queue.
    func queue(_ name: ShortString, _ random: inout Seed) -> QueueDeclare {
        if name == SimulationChoices.stream { return stream(&random) }
        var declare = QueueDeclare(
            queue: name,
            durable: !random.oneIn(4),
            exclusive: random.oneIn(10),
            autoDelete: random.oneIn(8)
        )
        var arguments: [FieldTable.Entry] = []
        func add(_ name: ShortString, _ value: FieldValue) {
            arguments.append(.init(name: name, value: value))
        }
        if hasQuorumQueues, random.oneIn(3) {
            declare.durable = true
            declare.exclusive = false
            declare.autoDelete = false
            add("x-queue-type", .string("quorum"))
            if random.oneIn(2) { add("x-delivery-limit", .int32(random.pick([0, 1, 2, 3]))) }
        } else if !isPlain, random.oneIn(5) {
            add("x-max-priority", .int32(random.pick([1, 3, 10])))
        }
        let isQuorum = arguments.first?.name == "x-queue-type"
        if !isPlain, random.oneIn(5) {
            if random.oneIn(3) {
                add("x-max-length-bytes", .int32(random.pick([0, 30, 700, 10_000])))
            } else {
                add("x-max-length", .int32(.random(in: 0...6, using: &random)))
            }
            if random.oneIn(2) {
                let isTold = isQuorum || random.oneIn(2)
                add("x-overflow", .string(isTold ? "reject-publish" : "reject-publish-dlx"))
            }
        }
        if random.oneIn(6) { add("x-single-active-consumer", .bool(true)) }
        let hasPriorities = arguments.contains { $0.name == "x-max-priority" }
        if isGrouping, !hasPriorities, random.oneIn(2) { add("x-group-header", .string("g")) }
        if isDeduplicating, random.oneIn(2) { add("x-message-deduplication", .bool(true)) }
        if !isPlain {
            addLifetimes(to: &arguments, isDurable: declare.durable && !declare.exclusive, &random)
        }
        declare.arguments = FieldTable(arguments)
        return declare
    }

    /// When its messages die, where they go then, and when it goes itself.
    private func addLifetimes(
        to arguments: inout [FieldTable.Entry],
        isDurable: Bool,
        _ random: inout Seed
    ) {
        if random.oneIn(5) {
            let time = random.pick([0, 50, 400, 400, 3_000])
            arguments.append(.init(name: "x-message-ttl", value: .int32(Int32(time))))
        }
        if random.oneIn(16) {
            let time = random.pick([301, 2_003])
            arguments.append(.init(name: "x-expires", value: .int32(Int32(time))))
        }
        // What died in a queue that is gone with its connection cannot be followed from outside
        // once it was paged out.
        guard random.oneIn(2), isDurable || limits.messageMemoryMax > 1 << 20 else { return }
        let exchange = random.pick(["", "", "x1", "x2", "amq.fanout", "nowhere"])
        arguments.append(.init(name: "x-dead-letter-exchange", value: .string(exchange)))
        guard exchange.isEmpty || random.oneIn(3) else { return }
        var keys: [ShortString] = ["q1", "q2", "q3", "q4", "a.b"]
        if isStreaming { keys += [SimulationChoices.stream, SimulationChoices.stream] }
        let key = random.pick(keys)
        arguments.append(.init(name: "x-dead-letter-routing-key", value: .longString(key.bytes)))
    }

    /// Any declaration of an exchange.
    func exchange(_ name: ShortString, _ random: inout Seed) -> ExchangeDeclare {
        var arguments: FieldTable = [:]
        if random.oneIn(4) {
            arguments = ["alternate-exchange": .string(random.pick(["x1", "amq.fanout"]))]
        }
        var type: ShortString = random.pick(["direct", "fanout", "topic", "headers"])
        // One that delays at most: which of two has a message first, only the broker knows.
        if !isPlain, name == "x2", random.oneIn(2) {
            arguments["x-delayed-type"] = .longString(type.bytes)
            type = "x-delayed-message"
        }
        // Only what clients publish comes here: dead letters of one moment have no order.
        if isDeduplicating, name == "x3" { type = remembering(&arguments, &random) }
        return ExchangeDeclare(
            exchange: name,
            type: type,
            durable: !random.oneIn(4),
            autoDelete: random.oneIn(6),
            internal: random.oneIn(8),
            arguments: arguments
        )
    }
}

extension SimulationChoices {
    /// Adds how much an exchange remembers.
    private func remembering(
        _ arguments: inout FieldTable,
        _ random: inout Seed
    ) -> ShortString {
        arguments["x-cache-size"] = .int32(random.pick([1, 2, 3, 100]))
        if random.oneIn(2) { arguments["x-cache-ttl"] = .int32(random.pick([40, 800, 5_000])) }
        arguments["x-cache-persistence"] = .string(random.oneIn(4) ? "memory" : "disk")
        return "x-message-deduplication"
    }

    /// Any declaration of a stream.
    private func stream(_ random: inout Seed) -> QueueDeclare {
        var arguments: FieldTable = ["x-queue-type": "stream"]
        if random.oneIn(2) {
            arguments["x-max-length-bytes"] = .int32(random.pick([1_500, 5_000, 40_000]))
        }
        if random.oneIn(3) { arguments["x-max-age"] = .string(random.pick(["1s", "3s", "1h"])) }
        arguments["x-stream-max-segment-size-bytes"] = .int32(random.pick([1_024, 1_024, 5_000]))
        return QueueDeclare(
            queue: SimulationChoices.stream,
            durable: true,
            arguments: arguments
        )
    }

    /// Values of the group header: three groups, and none.
    static let groups: [FieldValue] = [.string("a"), .string("b"), .int32(1), .int64(1), .void]
    /// Values that messages are known by.
    static let values: [FieldValue] = [
        .string("v"), .string("w"), .int32(1), .int64(1), .int64(2), .string(""),
    ]
}

extension Seed {
    /// Another seed, which leaves this one as it is.
    func fork() -> UInt64 {
        var copy = self
        return copy.next() ^ 0x5851_f42d_4c95_7f2d
    }

    /// One of them.
    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &self)]
    }
}
