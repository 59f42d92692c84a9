import Wire

@testable import Broker

/// Queues with x-group-header: the messages of a group go to one consumer at a time, in order.
extension BrokerModel {
    /// A message is handed out: nobody else has others of its group, and none was to wait.
    func checkGroup(_ copy: ModelCopy, to consumer: ModelConsumer?) throws(Violation) {
        guard let group = copy.queue.group(of: copy), !group.isUncertain else { return }
        try insist(
            group.isOpen(to: consumer, before: operation),
            "\(copy.name) to \(consumer?.tag.string ?? "a basic.get"), and "
                + "\(group.owner?.tag.string ?? "a basic.get") has \(group.outCount) of its group"
                + (group.returned.isEmpty ? "" : ", of which some came back")
        )
    }

    /// What basic.get must fetch of a queue now.
    func next(toFetch queue: ModelQueue) -> ModelCopy? {
        guard queue.groupHeader != nil else { return queue.ready.first }
        let awaited = queue.handle.map { QueueView($0).awaited } ?? []
        return queue.groupHeads.first {
            queue.group(of: $0)?.isFree ?? true && !awaited.contains($0.position)
        }
    }

    /// After an operation: nothing of its group stands before what was handed out, and nothing
    /// before all of it that whoever got that could have had.
    ///
    /// Who has the group of something may have been passed over because of what was still to be
    /// sent to him.
    func checkGroupOrder(_ queue: ModelQueue) throws(Violation) {
        let handedOut = queue.handedOutOfGroups
        queue.handedOutOfGroups = []
        // What waited for the disk before may wait no more, or be gone, and its group have been
        // passed over meanwhile.
        let before = queue.awaited
        queue.awaited = awaited(of: queue)
        for (copy, _) in handedOut {
            let first = queue.ready.first {
                $0.groupValue == copy.groupValue && $0.isBefore(copy)
                    && $0.returnedBy < operation
            }
            if let first {
                throw Violation("\(first.name) was passed over for \(copy.name) of its group")
            }
        }
        // Consumers got what they got before anything was settled, if something was.
        guard settledBy < operation,
            let last = handedOut.filter({ $0.consumer != nil }).map(\.copy)
                .max(by: { $0.isBefore($1) })
        else { return }
        let first = queue.groupHeads.first {
            $0.isBefore(last) && $0.enteredBy < operation && $0.returnedBy < operation
                && queue.group(of: $0)?.isFree ?? true
        }
        let awaited = before.union(queue.awaited)
        guard let first, !awaited.contains(.init(first)) else { return }
        throw Violation("\(first.name) was passed over for \(last.name)")
    }

    /// What of a queue could be next but for the disk, each message that has a group as that group.
    private func awaited(of queue: ModelQueue) -> Set<ModelQueue.Awaited> {
        let positions = queue.handle.map { QueueView($0).awaited } ?? []
        return Set(queue.groupHeads.filter { positions.contains($0.position) }.map { .init($0) })
    }

    /// Nothing waits that somebody could take, unless the queue waits for the disk.
    ///
    /// A group whose next message is being read may have lost another one meanwhile; it goes on
    /// with the others when all has been read.
    func checkGroupTurns(_ queue: ModelQueue, _ held: QueueView) throws(Violation) {
        let heads = queue.groupHeads
        guard !held.queue.state.isReading, !heads.isEmpty, queue.consumers.contains(where: canTake)
        else { return }
        let awaited = held.awaited
        for head in heads where !awaited.contains(head.position) {
            guard let consumer = taker(of: head) else { continue }
            throw Violation("\(head.name) waits, and \(consumer.tag.string) could take it")
        }
    }

    /// A consumer who could have a message that is the next of its group.
    private func taker(of copy: ModelCopy) -> ModelConsumer? {
        let queue = copy.queue
        let group = queue.group(of: copy)
        guard group?.isUncertain != true else { return nil }
        let candidates = queue.active.map { [$0] } ?? queue.consumers
        return candidates.first {
            (group?.isOpen(to: $0, before: operation + 1) ?? true) && canTake($0)
        }
    }
}
