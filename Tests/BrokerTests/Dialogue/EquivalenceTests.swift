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
}
