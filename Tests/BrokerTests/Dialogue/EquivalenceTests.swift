import TestSupport
import Testing
import Wire

@testable import Broker

/// The short path and the plain path are one broker.
@Suite("Pieces of input")
struct EquivalenceTests {
    /// What must be the same whatever the pieces.
    private struct Outcome: Equatable {
        var received: [[UInt8]] = []
        var queues: [String] = []
        var channels: [String] = []
        var published: UInt64 = 0
        var confirmed: UInt64 = 0
    }

    private func outcome(_ broker: DialogueBroker, _ peers: [ScriptedPeer]) -> Outcome {
        var outcome = Outcome()
        outcome.received = peers.map(\.received)
        for queue in broker.virtualHost.queueList() {
            let counters = queue.state.counters
            outcome.queues.append(
                "\(queue.state.name) \(queue.state.ready.count) \(queue.state.ready.bodyBytes) "
                    + "\(queue.state.unackedCount) \(queue.state.unackedBytes) \(counters)"
            )
        }
        outcome.queues.sort()
        for peer in peers {
            peer.connection.state.channels.forEach { channel in
                let counters = channel.state.counters
                outcome.channels.append("\(channel.state.unacked.count) \(counters)")
            }
        }
        outcome.published = broker.virtualHost.state.counters.published
        outcome.confirmed = broker.virtualHost.state.counters.confirmed
        return outcome
    }

    private func connect(_ broker: DialogueBroker) throws -> [ScriptedPeer] {
        try (0..<2).map { _ in
            let peer = broker.accept()
            try peer.shakeHands()
            for channel in RandomSession.channels { peer.send(RandomSession.open(channel)) }
            return peer
        }
    }

    @Test("do not matter: whole, octet by octet or at random cuts", arguments: 1...8)
    func equivalent(seed: UInt64) throws {
        var limits = Limits()
        limits.outboundSizeHigh = 64 << 20
        limits.outboundSizeMax = 64 << 20
        var random = Seed(seed)
        var expected = Outcome()
        var session: RandomSession?
        try DialogueBroker.play(limits: limits) { broker in
            let peers = try connect(broker)
            session = try RandomSession.record(
                seed: seed,
                roundCount: 25,
                peers: peers,
                broker: broker
            )
            expected = outcome(broker, peers)
        }
        let rounds = try #require(session).rounds
        #expect(expected.published > 50)
        for pieceMax in [1, 7, 100, 6_000] {
            try DialogueBroker.play(limits: limits) { broker in
                let peers = try connect(broker)
                for round in rounds {
                    RandomSession.play(round, peers, broker, pieceMax: pieceMax, random: &random)
                }
                let actual = outcome(broker, peers)
                #expect(actual.queues == expected.queues, "pieces up to \(pieceMax)")
                #expect(actual.channels == expected.channels, "pieces up to \(pieceMax)")
                #expect(actual.published == expected.published)
                #expect(actual.confirmed == expected.confirmed)
                for (index, received) in actual.received.enumerated() {
                    let isSame = received == expected.received[index]
                    #expect(isSame, "client \(index), pieces up to \(pieceMax)")
                }
            }
        }
    }

    /// How a peer and the broker stand after some octets.
    private struct Standing: Equatable {
        let received: [UInt8]
        let phase: ConnectionPhase
        let errors: [ProtocolError]
        let ready: [Int]
        let published: UInt64
    }

    private func standing(after bytes: [UInt8], inPiecesOf sizes: [Int]) throws -> Standing {
        var standing: Standing?
        try DialogueBroker.play { broker in
            let peer = try broker.connect()
            try peer.selectConfirms()
            for queue: ShortString in ["q", "r"] { try peer.declare(queue) }
            peer.publish("first", to: "q")
            try peer.expect(BasicAck.self)
            try peer.get("q")
            peer.send(bytes, inPiecesOf: sizes)
            standing = Standing(
                received: peer.received,
                phase: peer.connection.state.phase,
                errors: broker.log.errors,
                ready: try ["q", "r"].map { try broker.queue($0).state.ready.count },
                published: broker.virtualHost.state.counters.published
            )
        }
        return try #require(standing)
    }

    @Test("do not matter to damage, whichever octet of a publish or an ack is hit")
    func damaged() throws {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        let bytes = Script()
            .publish("body", to: "q", mandatory: true, properties)
            .method(BasicAck(deliveryTag: 1))
            .publish("", to: "r")
            .bytes
        for offset in bytes.indices {
            for mask: UInt8 in [0x01, 0x02, 0x80, 0xFF] {
                var damaged = bytes
                damaged[offset] ^= mask
                let whole = try standing(after: damaged, inPiecesOf: [])
                let cut = try standing(
                    after: damaged,
                    inPiecesOf: [Int](repeating: 1, count: damaged.count)
                )
                let isSame = whole == cut
                #expect(isSame, "octet \(offset) changed by \(mask)")
            }
        }
    }
}
