import Wire

@testable import Broker

/// What is declared, as the model knows it: plain values, plain rules.
struct ModelTopology {
    /// One life of a queue: a name declared again after a deletion is another queue.
    struct Queue: Equatable {
        let life: Int
        let declare: QueueDeclare
        /// The connection of an exclusive queue.
        let owner: Int?

        var isDurable: Bool { declare.durable && !declare.exclusive }
    }

    enum Destination: Hashable {
        case queue(ShortString)
        case exchange(ShortString)
    }

    struct Binding: Hashable {
        let source: ShortString
        let destination: Destination
        let key: ShortString
        let arguments: FieldTable

        /// All of it, to have bindings in an order.
        var octets: [UInt8] {
            var writer = ByteWriter()
            writer.writeShortString(source)
            switch destination {
            case .queue(let name): writer.writeShortString(name)
            case .exchange(let name):
                writer.writeUInt8(0xFF)
                writer.writeShortString(name)
            }
            writer.writeShortString(key)
            arguments.encode(into: &writer)
            return writer.bytes
        }
    }

    /// What of it a restart brings back.
    struct Durable: Equatable {
        var exchanges: [ShortString: ExchangeDeclare] = [:]
        var queues: [ShortString: Queue] = [:]
        var bindings: Set<Binding> = []
        var exchangeLives: [ShortString: Int] = [:]
        var policies = ModelPolicies()
    }

    private(set) var exchanges: [ShortString: ExchangeDeclare] = [:]
    private(set) var queues: [ShortString: Queue] = [:]
    private(set) var bindings: Set<Binding> = []
    /// The lives of exchanges that keep something: what they delay, or what they remember.
    private(set) var exchangeLives: [ShortString: Int] = [:]
    private(set) var policies = ModelPolicies()
    /// What became durable, change by change, since it was last taken.
    private var steps: [Durable] = []

    static let predefined: [(ShortString, ShortString)] = [
        ("amq.direct", "direct"), ("amq.fanout", "fanout"), ("amq.topic", "topic"),
        ("amq.headers", "headers"),
    ]

    /// Only what every virtual host has.
    init() { self.init(Durable()) }

    /// What a restart left.
    init(_ durable: Durable) {
        exchanges = durable.exchanges
        for (name, type) in ModelTopology.predefined {
            exchanges[name] = ExchangeDeclare(exchange: name, type: type, durable: true)
        }
        queues = durable.queues
        bindings = durable.bindings
        exchangeLives = durable.exchangeLives
        policies = durable.policies
    }

    static func isPredefined(_ name: ShortString) -> Bool {
        name.bytes.starts(with: Array("amq.".utf8))
    }

    /// What would be there after a restart now.
    var durable: Durable {
        var part = Durable()
        part.exchanges = exchanges.filter { $1.durable && !ModelTopology.isPredefined($0) }
        part.queues = queues.filter { $1.isDurable }
        part.exchangeLives = exchangeLives.filter { part.exchanges[$0.key] != nil }
        part.policies = policies
        part.bindings = bindings.filter { binding in
            guard exchanges[binding.source]?.durable == true else { return false }
            switch binding.destination {
            case .queue(let name): return part.queues[name] != nil
            case .exchange(let name): return exchanges[name]?.durable == true
            }
        }
        return part
    }

    /// Whether something changed since the last call of `takeSteps`.
    var hasSteps: Bool { !steps.isEmpty }

    /// The durable part after each change since the last call, in the order of the changes.
    mutating func takeSteps() -> [Durable] {
        defer { steps = [] }
        return steps
    }

    private mutating func note() { steps.append(durable) }

    // MARK: Changes

    /// Sets a policy, or clears the one of that name where `record` is `nil`.
    mutating func set(_ id: ModelPolicies.ID, _ record: PolicyRecord?) {
        policies.records[id] = record
        note()
    }

    /// Adds an exchange; `life` is that of what it keeps, if it does.
    mutating func add(_ declare: ExchangeDeclare, life: Int? = nil) {
        exchanges[declare.exchange] = declare
        exchangeLives[declare.exchange] = life
        note()
    }

    mutating func add(_ queue: Queue) {
        queues[queue.declare.queue] = queue
        note()
    }

    mutating func bind(_ binding: Binding) {
        if bindings.insert(binding).inserted { note() }
    }

    mutating func unbind(_ binding: Binding) {
        guard bindings.remove(binding) != nil else { return }
        note()
        removeIfUnbound(binding.source)
    }

    /// An exchange goes with its bindings; auto-delete ones before it may follow.
    mutating func deleteExchange(_ name: ShortString) {
        exchanges[name] = nil
        exchangeLives[name] = nil
        remove { $0.source == name || $0.destination == .exchange(name) }
    }

    mutating func deleteQueue(_ name: ShortString) {
        queues[name] = nil
        remove { $0.destination == .queue(name) }
    }

    private mutating func remove(_ isGone: (Binding) -> Bool) {
        let gone = bindings.filter(isGone)
        bindings.subtract(gone)
        note()
        let sources = Set(gone.map(\.source)).sorted {
            $0.bytes.lexicographicallyPrecedes($1.bytes)
        }
        // In which order several of them go, only the broker knows.
        for source in sources.dropFirst() {
            var other = self
            other.removeIfUnbound(source)
            if other.exchanges[source] == nil { steps.append(other.durable) }
        }
        for source in sources { removeIfUnbound(source) }
    }

    private mutating func removeIfUnbound(_ name: ShortString) {
        guard exchanges[name]?.autoDelete == true, !bindings.contains(where: { $0.source == name })
        else { return }
        deleteExchange(name)
    }

    // MARK: Routing

    /// Where a message goes: queues, and exchanges that keep it for later.
    struct Route {
        var queues: Set<ShortString> = []
        var delays: Set<ShortString> = []
    }

    /// Where a message goes now.
    ///
    /// - Parameters:
    ///   - exchange: Where it was published.
    ///   - key: Its routing key.
    ///   - headers: Its headers, which may ask for a delay.
    ///   - first: Where it goes on, if it was delayed.
    ///   - isDuplicate: Whether an exchange that remembers values knows its own.
    /// - Returns: Each queue and exchange once.
    func route(
        _ exchange: ShortString,
        _ key: ShortString,
        headers: FieldTable,
        through first: ShortString? = nil,
        isDuplicate: (ShortString) -> Bool = { _ in false }
    ) -> Route {
        let exchange = first ?? exchange
        if exchange.isEmpty { return Route(queues: queues[key] == nil ? [] : [key]) }
        var found = Route()
        var seen: Set<ShortString> = [exchange]
        var open = [exchange]
        while let name = open.popLast() {
            guard let declare = exchanges[name] else { continue }
            if declare.isDelaying, headers.number("x-delay") ?? 0 > 0 {
                found.delays.insert(name)
                continue
            }
            var isRouted = false
            func visit(_ next: ShortString) {
                if seen.insert(next).inserted { open.append(next) }
            }
            let isKnown = declare.isDeduplicating && isDuplicate(name)
            for binding in bindings where binding.source == name && !isKnown {
                guard Self.matches(binding, declare.routingType, key, headers) else { continue }
                isRouted = true
                switch binding.destination {
                case .queue(let queue): found.queues.insert(queue)
                case .exchange(let next): visit(next)
                }
            }
            let alternate =
                declare.arguments.text("alternate-exchange")
                ?? policies.alternate(ofExchange: name)
            if !isRouted, let alternate, exchanges[alternate] != nil {
                visit(alternate)
            }
        }
        return found
    }

    private static func matches(
        _ binding: Binding,
        _ type: ShortString,
        _ key: ShortString,
        _ headers: FieldTable
    ) -> Bool {
        switch type {
        case "fanout", "x-message-deduplication": return true
        case "direct": return binding.key == key
        case "topic": return matches(words(binding.key)[...], words(key)[...])
        default:
            let conditions = binding.arguments.entries.filter { $0.name != "x-match" }
            let isAny = binding.arguments["x-match"] == .string("any")
            let matching = conditions.filter { headers[$0.name] == $0.value }
            return isAny ? !matching.isEmpty : matching.count == conditions.count
        }
    }

    private static func words(_ key: ShortString) -> [ArraySlice<UInt8>] {
        key.bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    }

    private static func matches(
        _ pattern: ArraySlice<ArraySlice<UInt8>>,
        _ words: ArraySlice<ArraySlice<UInt8>>
    ) -> Bool {
        guard let first = pattern.first else { return words.isEmpty }
        if first.elementsEqual("#".utf8) {
            return matches(pattern.dropFirst(), words)
                || (!words.isEmpty && matches(pattern, words.dropFirst()))
        }
        guard let word = words.first, first.elementsEqual("*".utf8) || first == word else {
            return false
        }
        return matches(pattern.dropFirst(), words.dropFirst())
    }
}
