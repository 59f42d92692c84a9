@testable import TestSupport
import Wire

@testable import Broker

/// What a virtual host holds, looked at from inside.
extension Handle where State == VirtualHostState {
    /// Its queues, for a trace.
    var summary: String {
        let queues = queueList().map { queue in
            "\(String(decoding: queue.state.name, as: UTF8.self)) #\(queue.state.journalID) "
                + "\(queue.state.ready.count)"
        }
        return queues.sorted().joined(separator: ", ")
    }

    /// What is there, when all of it came from the journal.
    ///
    /// - Parameter losses: What the start found missing.
    /// - Returns: Declarations and messages.
    func recovered(_ losses: [RestoreLoss]) -> Recovered {
        var contents: [ShortString: Recovered.Contents] = [:]
        for queue in queueList() {
            let view = QueueView(queue)
            let items = view.ready.map { entry in
                Recovered.Item(
                    position: Int(entry.position),
                    priority: entry.terms.priority,
                    deliveryCount: Int(entry.deliveryCount),
                    deadline: view.deadline(of: entry)
                )
            }
            contents[queue.record.name] = .init(
                number: queue.state.journalID,
                nextPosition: view.nextPosition,
                items: items
            )
        }
        var delays: [ShortString: Recovered.Contents] = [:]
        for exchange in exchangeList() {
            guard let queue = exchange.state.delayQueue else { continue }
            let items = queue.delayedEntries.map { entry in
                Recovered.Item(
                    position: Int(entry.position),
                    priority: 0,
                    deliveryCount: 0,
                    deadline: entry.terms.deadline
                )
            }
            delays[exchange.record.exchange] = .init(
                number: queue.state.journalID,
                nextPosition: Int(queue.state.nextPosition),
                items: items
            )
        }
        var values: [ShortString: [RememberedValue]] = [:]
        for exchange in exchangeList() where exchange.state.values.cache != nil {
            values[exchange.record.exchange] = exchange.remembered
        }
        return Recovered(
            durable: durableTopology,
            contents: contents,
            delays: delays,
            values: values,
            streams: recoveredOffsets(losses)
        )
    }

    /// How far each stream goes.
    private func recoveredOffsets(
        _ losses: [RestoreLoss]
    ) -> [ShortString: RecoveredOffsets] {
        var offsets: [ShortString: RecoveredOffsets] = [:]
        for queue in queueList() {
            guard let stream = queue.state.stream else { continue }
            let end = stream.state.nextOffset
            var lost = end..<end
            for case .stream(queue.record.name, let offsets) in losses { lost = offsets }
            offsets[queue.record.name] = RecoveredOffsets(
                first: stream.firstOffset,
                end: end,
                lost: lost
            )
        }
        return offsets
    }

    /// What is declared, when all of it came from the journal.
    var durableTopology: ModelTopology.Durable {
        var found = ModelTopology.Durable()
        for exchange in exchangeList() where exchange.state.isDurable && !exchange.isPredefined {
            found.exchanges[exchange.record.exchange] = exchange.record
        }
        for queue in queueList() {
            let record = queue.record
            found.queues[record.name] = ModelTopology.Queue(
                life: 0,
                declare: QueueDeclare(
                    queue: record.name,
                    durable: queue.state.settings.isDurable,
                    autoDelete: record.isAutoDelete,
                    arguments: record.arguments
                ),
                owner: nil
            )
        }
        for policy in Policy.Kind.allCases.flatMap({ state.policies.all($0) }) {
            let id = ModelPolicies.ID(kind: policy.record.kind, name: policy.record.name)
            found.policies.records[id] = policy.record
        }
        for binding in state.bindings {
            guard let record = binding.record else { continue }
            found.bindings.insert(
                ModelTopology.Binding(
                    source: record.source,
                    destination: record.isToQueue
                        ? .queue(record.destination) : .exchange(record.destination),
                    key: record.key,
                    arguments: record.arguments
                )
            )
        }
        return found
    }
}
