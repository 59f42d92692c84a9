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
        var state = RecoveredState()
        for (index, record) in records.enumerated() {
            state.apply(record, lsn: UInt64(index * 100), size: 40)
        }
        return state
    }

    private func livePositions(_ state: RecoveredState, _ id: UInt32) -> [UInt64] {
        state.queues[id]?.entries.filter { !$0.isSettled }.map(\.position) ?? []
    }

    @Test("keeps what was not settled, in order")
    func settled() {
        let state = fold([
            queue(1, "q"), message((1, 0)), message((1, 1)), message((1, 2)), message((1, 3)),
            .settled(queue: 1, first: 1, last: 2),
        ])
        #expect(livePositions(state, 1) == [0, 3])
        #expect(state.queues[1]?.nextPosition == 4)
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
        #expect(livePositions(state, 1) == [0, 1])
        #expect(state.queues[1]?.entries.first?.lsn == 300)
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
        #expect(whole.topology.exchangeOrder == ["more"])
        #expect(whole.liveQueues.isEmpty)
        let cut = fold([logs, queue(1, "q"), .topologyBegins, more])
        #expect(cut.topology.exchangeOrder == ["logs"])
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
        #expect(fold(declared).liveBindings == [binding])
        #expect(fold(declared + [.unbound(binding)]).liveBindings.isEmpty)
        #expect(fold(declared + [.exchangeDeleted("logs")]).liveBindings.isEmpty)
        #expect(fold(declared + [.exchangeDeleted("more")]).liveBindings.isEmpty)
        #expect(fold(declared + [.unbound(binding), .bound(binding)]).liveBindings == [binding])
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
        #expect(state.liveBindings == [binding("other")])
        #expect(state.liveQueues.map(\.record.id) == [2, 3])
    }

    @Test("does not give positions again that transient messages were handed out with")
    func positionsOfTransientMessages() {
        let state = fold([queue(1, "q"), .delivered(queue: 1, through: 10)])
        #expect(state.queues[1]?.deliveredThrough == 10)
        #expect(state.queues[1]?.nextPosition == 10)
    }

    @Test("remembers what was handed out and what came back")
    func handedOut() {
        let state = fold([
            queue(1, "q"), message((1, 0)), message((1, 1)), .delivered(queue: 1, through: 1),
            .returned(queue: 1, position: 0, deliveryCount: 3),
        ])
        #expect(state.queues[1]?.deliveredThrough == 1)
        #expect(state.queues[1]?.entries.map(\.deliveryCount) == [3, 0])
    }
}
