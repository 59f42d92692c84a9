import Wire

/// What a client says: a message, or any other method.
enum Operation {
    case publish(ModelMessage)
    case method(Method)

    /// In short, for a trace.
    var text: String {
        switch self {
        case .method(let method): return "\(method.arguments)"
        case .publish(let message):
            let kind = message.isPersistent ? "persistent" : "transient"
            return "publish \(message.id) \(kind) to '\(message.exchange.string)' "
                + "'\(message.key.string)' \(message.body.count) octets"
                + (message.isMandatory ? " mandatory" : "")
                + (message.priority.map { " priority \($0)" } ?? "")
                + (message.expiration.map { " for \($0) ms" } ?? "")
                + (message.delay.map { " in \($0) ms" } ?? "")
        }
    }
}

/// The answer a method must get, and when at the earliest.
struct Expectation {
    let id: MethodID
    /// The batch that must be durable before.
    var epoch = 0
    /// What the answer says besides.
    var isRight: (Method) -> Bool = { _ in true }
    /// What basic.get asks for; the answer may wait for the disk, and be that there is nothing.
    var fetch: Fetch?
    /// What must be durable before, unless it is gone by then.
    var committed: [ModelCopy] = []
    /// The same in streams.
    var streamed: [ModelStream.Entry] = []

    struct Fetch {
        let queue: ModelQueue
        let isNoAck: Bool
        let operation: Int
    }
}

/// A channel as its client knows it.
final class ModelChannel {
    let connection: Int
    let number: UInt16
    var phase = Phase.closed
    var isConfirming = false
    var transaction: Transaction?
    /// The commit that is applied next was refused in part.
    var isCommitRefused = false
    /// What of a commit is yet to be carried out.
    var commit: Commit?
    var expected: [Expectation] = []
    /// Messages that must come back as unroutable, in order.
    var returns: [Int] = []
    /// Published and not answered, in order.
    var unconfirmed: [(number: UInt64, message: ModelMessage)] = []
    var publishedCount: UInt64 = 0
    var lastTag: UInt64 = 0
    var out: [UInt64: Out] = [:]
    var held: Set<UInt64> = []
    var consumers: [ModelConsumer] = []
    var prefetchMax = Int.max
    var consumerPrefetchMax = Int.max
    /// The reply code it was, or will be, closed with.
    var failure: ReplyCode?
    /// Its client knows.
    var isCloseHeard = false

    enum Phase {
        case closed
        case open
        /// The server closes it, or will have.
        case closing
    }

    struct Out {
        let copy: ModelCopy
        let consumer: ModelConsumer?
    }

    struct Transaction {
        var publishes: [ModelMessage] = []
        var settlements: [(tag: UInt64, outcome: Settlement)] = []
    }

    /// A commit while it is carried out.
    struct Commit {
        /// Of all of it, in the journal.
        let place: Int
        var publishes: ArraySlice<ModelMessage>
        var settlements: ArraySlice<(tag: UInt64, outcome: Settlement)>
        /// What it settles.
        let settled: [ModelCopy]
    }

    enum Settlement {
        case ack
        case requeue
        case reject
    }

    init(connection: Int, number: UInt16) {
        self.connection = connection
        self.number = number
    }

    var name: String { "connection \(connection), channel \(number)" }

    /// Deliveries that count against the prefetch of the channel.
    var consumerOutCount: Int { out.values.count { $0.consumer != nil } }

    var openTags: [UInt64] { out.keys.filter { !held.contains($0) }.sorted() }

    func consumer(_ tag: ShortString) -> ModelConsumer? {
        consumers.first { $0.tag == tag }
    }

    func expect(
        _ id: MethodID,
        epoch: Int = 0,
        _ isRight: @escaping (Method) -> Bool = { _ in true }
    ) {
        expected.append(Expectation(id: id, epoch: epoch, isRight: isRight))
    }

    /// As after channel.open.
    func open() {
        phase = .open
        isConfirming = false
        transaction = nil
        unconfirmed = []
        publishedCount = 0
        lastTag = 0
        prefetchMax = Int.max
        consumerPrefetchMax = Int.max
        failure = nil
        isCloseHeard = false
    }

    func forgetAnswers() {
        expected = []
        unconfirmed = []
        returns = []
    }
}

/// Why a method costs its channel.
struct ChannelFailure: Error {
    let code: ReplyCode

    init(_ code: ReplyCode) { self.code = code }
}
