import Testing
import Wire

@testable import Broker

@Suite("The fold of a journal")
struct RecoveredStateTests {
    private func queue(_ id: UInt32, _ name: ShortString) -> JournalRecord {
        .queueDeclared(
            QueueRecord(
                id: id,
                name: name,
                isAutoDelete: false,
                arguments: [:],
                nextPosition: 0,
                deliveredThrough: 0
            )
        )
    }

    private func message(_ places: (UInt32, UInt64)...) -> JournalRecord {
        .message(
            MessageRecord(
                places: places.map { .init(queue: $0.0, position: $0.1) },
                routeSize: 2,
                propertiesSize: 2,
                bodySize: 0
            )
        )
    }

    private func fold(_ records: [JournalRecord]) -> RecoveredState {
        let state = RecoveredState()
        for (index, record) in records.enumerated() {
            ByteView.with(record.payload) { payload in
                #expect(throws: Never.self) {
                    try state.apply(payload, lsn: UInt64(index * 100), size: 40)
                }
            }
        }
        return state
    }

    private func queue(
        _ id: UInt32,
        of state: RecoveredState
    ) -> RecoveredState.RecoveredQueue? {
        state.liveQueues.first { $0.record.id == id }?.queue
    }

    private func entries(_ state: RecoveredState, _ id: UInt32) -> [RecoveredState.Entry] {
        queue(id, of: state).map { Array($0.takeEntries()) } ?? []
    }

    private func livePositions(_ state: RecoveredState, _ id: UInt32) -> [UInt64] {
        entries(state, id).map(\.position)
    }

    private func bindings(_ state: RecoveredState) -> [BindingRecord] {
        var all: [BindingRecord] = []
        state.forEachBinding { all.append($0) }
        return all
    }

    private func policy(_ name: ShortString, _ pattern: String = "") -> PolicyRecord {
        PolicyRecord(name, pattern, ["max-length": .int64(1)])
    }

    @Test("keeps the last of each policy, those of operators apart, until it is cleared")
    func policies() {
        let bound = PolicyRecord("a", "", ["max-length": .int64(1)], kind: .operator)
        let state = fold([
            .policySet(policy("a")), .policySet(policy("b")), .policySet(bound),
            .policySet(policy("a", "new")), .policyCleared(.user, "b"),
            .policyCleared(.operator, "c"),
        ])
        #expect(state.livePolicies.count == 2)
        #expect(state.livePolicies.contains(policy("a", "new")))
        #expect(state.livePolicies.contains(bound))
    }

    @Test("forgets policies that a newer description does not have, once it is complete")
    func describedPolicies() {
        let begun: [JournalRecord] = [
            .policySet(policy("a")), .topologyBegins, .policySet(policy("b")),
        ]
        #expect(fold(begun).livePolicies == [policy("a")])
        #expect(fold(begun + [.topologyEnds]).livePolicies == [policy("b")])
    }

    @Test("a policy that is none any more is a loss, and the rest is there")
    func lostPolicy() throws {
        let state = fold([.policySet(policy("bad", "a(")), .policySet(policy("good"))])
        try DialogueBroker.play { broker in
            var losses: [RestoreLoss] = []
            broker.batch { losses = broker.virtualHost.restore(state) }
            guard case .policy("bad", let reason)? = losses.first else {
                Issue.record("no loss of a policy: \(losses)")
                return
            }
            #expect(reason.contains("missing )") && losses.count == 1)
            #expect(broker.virtualHost.state.policies.all(.user).map(\.record.name) == ["good"])
        }
    }

    @Test("keeps what was not settled, in order")
    func settled() {
        let state = fold([
            queue(1, "q"), message((1, 0)), message((1, 1)), message((1, 2)), message((1, 3)),
            .settled(queue: 1, first: 1, last: 2),
        ])
        #expect(livePositions(state, 1) == [0, 3])
        #expect(queue(1, of: state)?.nextPosition == 4)
    }

    @Test("settles a fanned-out message in one queue only")
    func fanOut() {
        let state = fold([
            queue(1, "a"), queue(2, "b"), message((1, 0), (2, 0)),
            .settled(queue: 1, first: 0, last: 0),
        ])
        #expect(livePositions(state, 1).isEmpty)
        #expect(livePositions(state, 2) == [0])
    }

    @Test("forgets a deleted queue, also when its name was declared again")
    func deleted() {
        let state = fold([
            queue(1, "q"), message((1, 0)), .queueDeleted(1), queue(2, "q"), message((2, 0)),
        ])
        #expect(state.liveQueues.map(\.record.id) == [2])
        #expect(state.highestQueueID == 2)
    }

    @Test("takes a copy of a message in place of the first one")
    func copiedForward() {
        let state = fold([
            queue(1, "q"), message((1, 0)), message((1, 1)), message((1, 0)),
        ])
        let left = entries(state, 1)
        #expect(left.map(\.position) == [0, 1])
        #expect(left.map(\.lsn) == [300, 200])
    }

    @Test("replaces the topology by a complete description, and only by a complete one")
    func description() {
        let logs = JournalRecord.exchangeDeclared(
            ExchangeDeclare(exchange: "logs", type: "fanout", durable: true)
        )
        let more = JournalRecord.exchangeDeclared(
            ExchangeDeclare(exchange: "more", type: "fanout", durable: true)
        )
        let whole = fold([logs, queue(1, "q"), .topologyBegins, more, .topologyEnds])
        #expect(whole.liveExchanges.map(\.exchange) == ["more"])
        #expect(whole.liveQueues.isEmpty)
        let cut = fold([logs, queue(1, "q"), .topologyBegins, more])
        #expect(cut.liveExchanges.map(\.exchange) == ["logs"])
        #expect(cut.liveQueues.count == 1)
    }

    @Test("drops bindings with either of their ends")
    func bindings() {
        let binding = BindingRecord(
            source: "logs",
            isToQueue: false,
            destination: "more",
            key: "k",
            arguments: [:]
        )
        let declared: [JournalRecord] = [
            .exchangeDeclared(ExchangeDeclare(exchange: "logs", type: "fanout", durable: true)),
            .exchangeDeclared(ExchangeDeclare(exchange: "more", type: "fanout", durable: true)),
            .bound(binding),
        ]
        #expect(bindings(fold(declared)) == [binding])
        #expect(bindings(fold(declared + [.unbound(binding)])).isEmpty)
        #expect(bindings(fold(declared + [.exchangeDeleted("logs")])).isEmpty)
        #expect(bindings(fold(declared + [.exchangeDeleted("more")])).isEmpty)
        #expect(bindings(fold(declared + [.unbound(binding), .bound(binding)])) == [binding])
    }

    @Test("drops the bindings of a deleted queue, also when its name was declared again")
    func bindingsOfDeletedQueue() {
        func binding(_ destination: ShortString) -> BindingRecord {
            BindingRecord(
                source: "amq.fanout",
                isToQueue: true,
                destination: destination,
                key: "",
                arguments: [:]
            )
        }
        let state = fold([
            queue(1, "work"), queue(2, "other"), .bound(binding("work")), .bound(binding("other")),
            .queueDeleted(1), queue(3, "work"),
        ])
        #expect(bindings(state) == [binding("other")])
        #expect(state.liveQueues.map(\.record.id) == [2, 3])
    }

    @Test("does not give positions again that transient messages were handed out with")
    func positionsOfTransientMessages() {
        let state = fold([queue(1, "q"), .delivered(queue: 1, through: 10)])
        #expect(queue(1, of: state)?.deliveredThrough == 10)
        #expect(queue(1, of: state)?.nextPosition == 10)
    }

    @Test("takes a moved copy by itself, with its places and how often each came back")
    func moved() {
        let copy = JournalRecord.message(
            MessageRecord(
                places: [
                    .init(queue: 1, position: 0, deliveryCount: 2), .init(queue: 2, position: 5),
                ],
                form: .moved,
                routeSize: 2,
                propertiesSize: 2,
                bodySize: 17
            )
        )
        let alone = fold([queue(1, "a"), queue(2, "b"), message((1, 3)), copy])
        let left = entries(alone, 1)
        #expect(left.map(\.position) == [0, 3])
        #expect(left.map(\.deliveryCount) == [2, 0])
        #expect(left.map(\.bodySize) == [17, 0])
        #expect(livePositions(alone, 2) == [5])
        let settled = fold([
            queue(1, "a"), queue(2, "b"), message((1, 0)), copy,
            .settled(queue: 1, first: 0, last: 0),
        ])
        #expect(livePositions(settled, 1).isEmpty)
        #expect(livePositions(settled, 2) == [5])
    }

    @Test("keeps bindings in order, each once, however many names come and go")
    func manyDeletions() {
        func binding(_ source: ShortString, _ destination: String) -> BindingRecord {
            BindingRecord(
                source: source,
                isToQueue: true,
                destination: ShortString(shortening: destination),
                key: "",
                arguments: ["n": .int32(1)]
            )
        }
        var records: [JournalRecord] = [
            queue(1, "stays"), .bound(binding("logs", "stays")), .bound(binding("logs", "stays")),
        ]
        for id in 2..<3000 as Range<UInt32> {
            records.append(queue(id, ShortString(shortening: "q\(id % 7)")))
            records.append(.bound(binding("logs", "q\(id % 7)")))
            records.append(.bound(binding(ShortString(shortening: "e\(id)"), "stays")))
            records.append(.exchangeDeleted(ShortString(shortening: "e\(id)")))
            records.append(.queueDeleted(id))
        }
        records += [queue(3000, "q1"), .bound(binding("logs", "q1"))]
        #expect(bindings(fold(records)) == [binding("logs", "stays"), binding("logs", "q1")])
        records += [.unbound(binding("logs", "stays")), .bound(binding("logs", "stays"))]
        #expect(bindings(fold(records)) == [binding("logs", "q1"), binding("logs", "stays")])
    }

    @Test("refuses a record it cannot read and goes on")
    func unreadable() {
        let state = fold([queue(1, "q")])
        let broken: [[UInt8]] = [[], [0], [99, 1], [5, 9, 1], [7], [0x80, 1], [0x81, 1, 2, 3]]
        for payload in broken {
            #expect(throws: WireError.self) {
                try ByteView.with(payload) { try state.apply($0, lsn: 500, size: 2) }
            }
        }
        #expect(state.liveQueues.map(\.record.id) == [1])
        #expect(bindings(state).isEmpty)
    }

    @Test("says where the newest complete description of the topology stands")
    func descriptionPlace() {
        #expect(fold([queue(1, "q"), .topologyBegins]).description == nil)
        let state = fold([.topologyBegins, queue(1, "q"), .topologyEnds, .topologyBegins])
        #expect(state.description == .init(lsn: 0, size: 248))
    }

    @Test("remembers what was handed out and what came back")
    func handedOut() {
        let state = fold([
            queue(1, "q"), message((1, 0)), message((1, 1)), .delivered(queue: 1, through: 1),
            .returned(queue: 1, position: 0, deliveryCount: 3),
        ])
        #expect(queue(1, of: state)?.deliveredThrough == 1)
        #expect(entries(state, 1).map(\.deliveryCount) == [3, 0])
    }
}
