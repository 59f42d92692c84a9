import Wire

/// An exchange: decides which queues a message goes to.
typealias Exchange = Handle<ExchangeState>

extension ShortString {
    /// The exchange that a long string names.
    ///
    /// Of more octets than a name may have, it names none: RabbitMQ takes that for an exchange that
    /// does not exist. No exchange is called LF, since declaring takes it out of names.
    init(ofExchange octets: [UInt8]) { self = ShortString(bytes: octets) ?? "\n" }
}

/// The state behind an `Exchange` handle.
struct ExchangeState: ~Copyable {
    let name: [UInt8]
    let kind: ExchangeKind
    let isDurable: Bool
    let isAutoDelete: Bool
    let isInternal: Bool
    let arguments: FieldTable
    /// Where messages go that this one routes nowhere; the name need not exist.
    var alternateExchange: ShortString?
    var policies: AppliedPolicies
    var router: ExchangeRouter
    /// Bindings that start here.
    var bindings = BindingList(at: .source)
    /// Bindings that lead here from other exchanges.
    var inboundBindings = BindingList(at: .destination)
    var routes: RememberedRoutes
    /// The last messages that came through, for new bindings; of recent-history exchanges only.
    var history: RecentHistory
    /// What messages were known by; of x-message-deduplication exchanges only.
    var values: RememberedValues
    /// Where messages wait; of x-delayed-message exchanges only.
    var delayQueue: Queue?
    /// The last routing that passed through here.
    var routeSerial: UInt64 = 0
    var counters = ExchangeCounters()
    var sampled = ExchangeCounters()
    var publishInRate = 0.0
    var publishOutRate = 0.0
}

/// Plain sums since the exchange was declared.
struct ExchangeCounters: BitwiseCopyable, Equatable {
    /// Messages published to it by clients.
    var publishedIn: UInt64 = 0
    /// Copies of them put into queues.
    var publishedOut: UInt64 = 0
}

/// The router that fits an exchange's type.
enum ExchangeRouter {
    case none
    case direct(DirectRouter)
    case fanout(FanoutRouter)
    case topic(TopicRouter)
    case headers(HeadersRouter)
    case consistentHash(ConsistentHashRouter)
    case modulusHash(ModulusHashRouter)
    case oneOf(RandomRouter)
    case recentHistory(FanoutRouter)
    case deduplication(FanoutRouter)

    init(_ kind: ExchangeKind, hash: ByteHash, random: inout RandomSource) {
        switch kind {
        case .default, .management: self = .none
        case .direct: self = .direct(DirectRouter(hash: hash))
        case .fanout: self = .fanout(FanoutRouter())
        case .topic: self = .topic(TopicRouter(hash: hash))
        case .headers: self = .headers(HeadersRouter(hash: hash))
        case .consistentHash(let part):
            self = .consistentHash(ConsistentHashRouter(hashing: part))
        case .modulusHash: self = .modulusHash(ModulusHashRouter())
        case .random, .localRandom: self = .oneOf(RandomRouter(drawingFrom: &random))
        case .recentHistory: self = .recentHistory(FanoutRouter())
        case .deduplication: self = .deduplication(FanoutRouter())
        case .delayed(let kind): self.init(kind, hash: hash, random: &random)
        }
    }

    /// Whether exchange and routing key alone decide, and nothing else happens on the way.
    var dependsOnKeyOnly: Bool {
        switch self {
        case .none, .direct, .fanout, .topic, .modulusHash: true
        case .consistentHash(let router): router.part == .routingKey
        case .headers, .oneOf, .recentHistory, .deduplication: false
        }
    }

    /// Whether further routing keys (CC, BCC) are looked at like the first one.
    ///
    /// Exchanges that pick one destination pick one for the message, not one for each key.
    var looksAtEveryKey: Bool {
        switch self {
        case .none, .direct, .fanout, .topic, .headers, .recentHistory: true
        case .consistentHash, .modulusHash, .oneOf, .deduplication: false
        }
    }

    func add(_ binding: Binding) {
        switch self {
        case .none: break
        case .direct(let router): router.add(binding)
        case .fanout(let router): router.add(binding)
        case .topic(let router): router.add(binding)
        case .headers(let router): router.add(binding)
        case .consistentHash(let router): router.add(binding)
        case .modulusHash(let router): router.add(binding)
        case .oneOf(let router): router.add(binding)
        case .recentHistory(let router), .deduplication(let router): router.add(binding)
        }
    }

    func remove(_ binding: Binding) {
        switch self {
        case .none: break
        case .direct(let router): router.remove(binding)
        case .fanout(let router): router.remove(binding)
        case .topic(let router): router.remove(binding)
        case .headers(let router): router.remove(binding)
        case .consistentHash(let router): router.remove(binding)
        case .modulusHash(let router): router.remove(binding)
        case .oneOf(let router): router.remove(binding)
        case .recentHistory(let router), .deduplication(let router): router.remove(binding)
        }
    }

    /// Appends where a message goes; the same destination may come more than once.
    ///
    /// - Throws: What is wrong with the headers, where they matter.
    func route(
        key: ByteView,
        headers: ByteView?,
        properties: ByteView,
        into destinations: inout [Destination]
    )
        throws(WireError)
    {
        switch self {
        case .none: break
        case .direct(let router):
            router.route(key: key, headers: headers, into: &destinations)
        case .fanout(let router):
            router.route(key: key, headers: headers, into: &destinations)
        case .topic(let router):
            router.route(key: key, headers: headers, into: &destinations)
        case .headers(let router):
            try router.route(key: key, headers: headers, into: &destinations)
        case .consistentHash(let router):
            try router.route(
                key: key,
                headers: headers,
                properties: properties,
                into: &destinations
            )
        case .modulusHash(let router):
            router.route(key: key, headers: headers, into: &destinations)
        case .oneOf(let router):
            router.route(key: key, headers: headers, into: &destinations)
        case .recentHistory(let router), .deduplication(let router):
            router.route(key: key, headers: headers, into: &destinations)
        }
    }
}
