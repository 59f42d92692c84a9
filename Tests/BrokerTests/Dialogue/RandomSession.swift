import TestSupport
import Wire

@testable import Broker

/// What two clients said, batch by batch: recorded once, replayed in any pieces.
///
/// While recording, the clients react to what they get: they acknowledge tags they have seen,
/// answer a channel.close and open the channel again.
struct RandomSession {
    /// One batch: the octets of each client, in order.
    typealias Round = [[UInt8]]

    private(set) var rounds: [Round] = []
    private var random: Seed
    private var openTags: [[UInt16: [UInt64]]]
    private let clientCount: Int
    static let channels: [UInt16] = [1, 2, 3]
    static let plain: UInt16 = 1
    static let confirming: UInt16 = 2
    static let transactional: UInt16 = 3
    private let queues: [ShortString] = ["a", "b", "full", "nobody"]

    /// Records a session of `roundCount` batches; the clients are connected, their channels open.
    static func record(
        seed: UInt64,
        roundCount: Int,
        peers: [ScriptedPeer],
        broker: DialogueBroker
    ) throws -> RandomSession {
        var session = RandomSession(seed: seed, clientCount: peers.count)
        session.run([session.opening] + Array(repeating: [], count: peers.count - 1), peers, broker)
        for _ in 0..<roundCount {
            let round = (0..<peers.count).map { session.turn(of: $0) }
            session.run(round, peers, broker)
            let answers = try peers.indices.map { try session.react($0, to: peers[$0]) }
            session.run(answers, peers, broker)
        }
        return session
    }

    private init(seed: UInt64, clientCount: Int) {
        random = Seed(seed)
        self.clientCount = clientCount
        openTags = Array(repeating: [:], count: clientCount)
    }

    /// Plays a batch, each client's octets in pieces of at most `pieceMax` octets.
    static func play(
        _ round: Round,
        _ peers: [ScriptedPeer],
        _ broker: DialogueBroker,
        pieceMax: Int = Int.max,
        random: inout Seed
    ) {
        broker.batch {
            for (peer, bytes) in zip(peers, round) {
                var sizes: [Int] = []
                var left = bytes.count
                while left > 0, pieceMax < Int.max {
                    let size = pieceMax == 1 ? 1 : Int.random(in: 1...pieceMax, using: &random)
                    sizes.append(size)
                    left -= size
                }
                peer.feed(bytes, inPiecesOf: sizes)
            }
        }
    }

    private mutating func run(_ round: Round, _ peers: [ScriptedPeer], _ broker: DialogueBroker) {
        rounds.append(round)
        RandomSession.play(round, peers, broker, random: &random)
    }

    private var opening: [UInt8] {
        let full: FieldTable = ["x-max-length": .int32(3), "x-overflow": "reject-publish"]
        return Script()
            .method(QueueDeclare(queue: "a"))
            .method(QueueDeclare(queue: "b"))
            .method(QueueDeclare(queue: "full", arguments: full))
            .method(QueueDeclare(queue: "nobody"))
            .method(ExchangeDeclare(exchange: "fan", type: "fanout"))
            .method(QueueBind(queue: "a", exchange: "fan"))
            .method(QueueBind(queue: "full", exchange: "fan"))
            .method(QueueBind(queue: "b", exchange: "amq.headers", arguments: ["h": .int32(1)]))
            .bytes
    }

    private mutating func turn(of client: Int) -> [UInt8] {
        var script = Script()
        for _ in 0..<Int.random(in: 0...12, using: &random) { script = step(script) }
        return script.bytes
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private mutating func step(_ script: Script) -> Script {
        let channel = pick(RandomSession.channels)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<13: return publish(script, on: channel)
        case 13: return script.method(BasicGet(queue: pick(queues), noAck: true), on: channel)
        case 14: return script.method(BasicGet(queue: pick(queues)), on: channel)
        case 15:
            return script.method(
                BasicConsume(queue: pick(["a", "b"]), noAck: random.oneIn(2), noWait: true),
                on: channel
            )
        case 16:
            let count = pick([UInt16(0), 1, 5])
            return script.method(
                BasicQos(prefetchCount: count, global: random.oneIn(2)),
                on: channel
            )
        case 17: return script.method(QueuePurge(queue: pick(queues)), on: channel)
        case 18 where channel == RandomSession.transactional:
            return random.oneIn(2)
                ? script.method(TxCommit(), on: channel) : script.method(TxRollback(), on: channel)
        case 18: return script.frame(.heartbeat, [], on: 0)
        default:
            return random.oneIn(4)
                ? script.method(BasicAck(deliveryTag: 9_999), on: channel)
                : script.method(BasicRecover(requeue: true), on: channel)
        }
    }

    private mutating func publish(_ script: Script, on channel: UInt16) -> Script {
        var properties = BasicProperties()
        if random.oneIn(2) { properties.deliveryMode = pick([1, 2]) }
        if random.oneIn(4) { properties.headers = ["h": .int32(1)] }
        if random.oneIn(8) { properties.headers = ["CC": .array([.string("a"), .string("b")])] }
        if random.oneIn(40) { properties.userID = "somebody else" }
        let exchange: ShortString = pick(["", "", "", "fan", "amq.headers", "amq.direct"])
        let isMissing = random.oneIn(60)
        let size = random.oneIn(12) ? pick([5_000, 13_000]) : pick([0, 1, 16, 300])
        return script.publish(
            (0..<size).map { UInt8(truncatingIfNeeded: $0) },
            to: pick(queues),
            exchange: isMissing ? "missing" : exchange,
            mandatory: random.oneIn(3),
            properties,
            on: channel,
            frameMax: 4_096 + 8
        )
    }

    /// What a client answers to what has come: settlements, close-ok, a new channel.
    private mutating func react(_ client: Int, to peer: ScriptedPeer) throws -> [UInt8] {
        var script = Script()
        while let frame = try peer.takeFrame() {
            guard frame.type == .method else { continue }
            let method = try ByteView.with(frame.payload) { view throws(WireError) in
                try Method.decode(view)
            }
            switch method {
            case .basicDeliver(let deliver):
                openTags[client][frame.channel, default: []].append(deliver.deliveryTag)
            case .basicGetOk(let getOk):
                openTags[client][frame.channel, default: []].append(getOk.deliveryTag)
            case .channelClose:
                openTags[client][frame.channel] = []
                script = script.method(ChannelCloseOk(), on: frame.channel)
                    .raw(RandomSession.open(frame.channel))
            default: break
            }
        }
        for channel in RandomSession.channels { script = settle(script, client, channel) }
        return script.bytes
    }

    private mutating func settle(_ script: Script, _ client: Int, _ channel: UInt16) -> Script {
        var script = script
        var kept: [UInt64] = []
        for tag in openTags[client][channel] ?? [] {
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4: script = script.method(BasicAck(deliveryTag: tag), on: channel)
            case 4: script = script.method(BasicNack(deliveryTag: tag, requeue: true), on: channel)
            case 5: script = script.method(BasicReject(deliveryTag: tag), on: channel)
            default: kept.append(tag)
            }
        }
        openTags[client][channel] = kept
        return script
    }

    /// Opens a channel and puts it into its mode.
    static func open(_ channel: UInt16) -> [UInt8] {
        let script = Script().method(ChannelOpen(), on: channel)
        switch channel {
        case confirming: return script.method(ConfirmSelect(), on: channel).bytes
        case transactional: return script.method(TxSelect(), on: channel).bytes
        default: return script.bytes
        }
    }
}
