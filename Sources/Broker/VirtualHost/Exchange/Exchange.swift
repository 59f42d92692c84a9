import Wire

/// An exchange: decides which queues a message goes to.
typealias Exchange = Handle<ExchangeState>

/// The state behind an `Exchange` handle.
struct ExchangeState: ~Copyable {
    let name: [UInt8]
    let kind: ExchangeKind
    let isDurable: Bool
    let isAutoDelete: Bool
    let isInternal: Bool
    let arguments: FieldTable
    /// Where messages go that this one routes nowhere; the name need not exist.
    let alternateExchange: ShortString?
    var router: ExchangeRouter
    /// Bindings that start here.
    var bindings = BindingList(at: .source)
    /// Bindings that lead here from other exchanges.
    var inboundBindings = BindingList(at: .destination)
    var routes: RememberedRoutes
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

/// The exchange types.
enum ExchangeKind: Equatable {
    /// The nameless one: every queue is bound to it under its own name.
    case `default`
    case direct
    case fanout
    case topic
    case headers
    /// The reserved exchange that answers inspection requests.
    case management

    /// The type's name in exchange.declare; `nil` for one clients cannot declare.
    init?(typeName: ShortString) {
        switch typeName {
        case "direct": self = .direct
        case "fanout": self = .fanout
        case "topic": self = .topic
        case "headers": self = .headers
        default: return nil
        }
    }

    var typeName: String {
        switch self {
        case .default, .direct: "direct"
        case .fanout: "fanout"
        case .topic: "topic"
        case .headers: "headers"
        case .management: "x-management"
        }
    }
}

/// The router that fits an exchange's type.
enum ExchangeRouter {
    case none
    case direct(DirectRouter)
    case fanout(FanoutRouter)
    case topic(TopicRouter)
    case headers(HeadersRouter)

    init(_ kind: ExchangeKind, hash: ByteHash) {
        switch kind {
        case .default, .management: self = .none
        case .direct: self = .direct(DirectRouter(hash: hash))
        case .fanout: self = .fanout(FanoutRouter())
        case .topic: self = .topic(TopicRouter(hash: hash))
        case .headers: self = .headers(HeadersRouter(hash: hash))
        }
    }

    /// Whether exchange and routing key alone decide.
    var dependsOnKeyOnly: Bool {
        if case .headers = self { false } else { true }
    }

    func add(_ binding: Binding) {
        switch self {
        case .none: break
        case .direct(let router): router.add(binding)
        case .fanout(let router): router.add(binding)
        case .topic(let router): router.add(binding)
        case .headers(let router): router.add(binding)
        }
    }

    func remove(_ binding: Binding) {
        switch self {
        case .none: break
        case .direct(let router): router.remove(binding)
        case .fanout(let router): router.remove(binding)
        case .topic(let router): router.remove(binding)
        case .headers(let router): router.remove(binding)
        }
    }

    /// Appends where a message goes; the same destination may come more than once.
    ///
    /// - Throws: What is wrong with the headers, where they matter.
    func route(
        key: ByteView,
        headers: ByteView?,
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
        }
    }
}
