import Wire

/// What a benchmark is to do.
struct BenchPlan: Sendable {
    /// How consumers acknowledge.
    enum Acknowledgement: String, CaseIterable {
        case none
        case each
        case multiple
    }

    var publishers = 1
    var consumers = 1
    /// Octets of a body.
    var size = 100
    /// Unconfirmed messages allowed for each publisher; `nil` for no confirms.
    var confirmWindow: Int?
    /// Messages for each second, of all publishers together; `nil` for as many as go.
    var rate: Int?
    /// Messages of all publishers together, or of all consumers if nobody publishes.
    var count: Int?
    /// How long to publish, or to consume if nobody publishes.
    var duration = Duration.seconds(10)
    var prefetch = 1000
    var acknowledgement = Acknowledgement.each
    /// An existing queue; `nil` for one made for the benchmark.
    var queue: ShortString?
    var exchange: ShortString = ""
    /// `nil` for the queue's name.
    var key: ShortString?
    var isPersistent = false

    init() {}

    init(_ invocation: Invocation) throws(UsageError) {
        publishers = try invocation.integer("publishers", in: 0...1000) ?? publishers
        consumers = try invocation.integer("consumers", in: 0...1000) ?? consumers
        size = try invocation.integer("size", in: 0...(128 << 20)) ?? size
        confirmWindow = try invocation.integer("confirm", in: 1...1_000_000)
        rate = try invocation.integer("rate", in: 1...100_000_000)
        count = try invocation.integer("count", in: 1...Int.max)
        if let duration = try invocation.duration("duration") {
            self.duration = duration
        } else if count != nil {
            duration = .seconds(86400)
        }
        prefetch = try invocation.integer("prefetch", in: 0...65535) ?? prefetch
        if let word = invocation.value("ack"), let mode = Acknowledgement(rawValue: word) {
            acknowledgement = mode
        }
        queue = try invocation.shortString("queue")
        exchange = try invocation.shortString("exchange") ?? ""
        key = try invocation.shortString("key")
        isPersistent = invocation.has("persistent")
        guard publishers + consumers > 0 else {
            throw UsageError(
                "a benchmark needs a publisher or a consumer",
                path: invocation.path
            )
        }
        if publishers == 0 || consumers == 0, queue == nil, exchange.isEmpty {
            throw UsageError(
                "--queue is missing: without both publishers and consumers it has to be there",
                path: invocation.path
            )
        }
    }

    /// How many messages publisher `index` sends; `nil` for no limit.
    func share(ofPublisher index: Int) -> Int? {
        guard let count else { return nil }
        return count / publishers + (index < count % publishers ? 1 : 0)
    }
}
