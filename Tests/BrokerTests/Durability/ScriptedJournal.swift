import Testing
import Wire

@testable import Broker

/// A journal whose disk syncs when the script says so; nothing is really written.
///
/// What was synced is remembered, so that a broker can be started from it.
struct ScriptedJournal {
    private let broker: DialogueBroker
    private let disk: Disk

    /// A record that has reached the disk.
    private struct Record {
        let lsn: UInt64
        let payload: [UInt8]
    }

    private final class Disk {
        var records: [Record] = []
        var endLSN = JournalState.firstLSN
    }

    /// Turns the broker's journal on, its first records durable.
    init(_ broker: DialogueBroker) {
        self.init(broker, Disk())
    }

    private init(_ broker: DialogueBroker, _ disk: Disk) {
        self.broker = broker
        self.disk = disk
        broker.batch { broker.virtualHost.startJournal(at: disk.endLSN) }
        sync()
    }

    /// What was appended so far becomes durable.
    func sync() {
        broker.batch {
            guard let batch = broker.virtualHost.takeJournal() else { return }
            keep(batch)
            broker.virtualHost.becomeDurable(batch)
        }
    }

    private func keep(_ batch: JournalBatch) {
        let view = ByteView(base: UnsafeRawPointer(batch.base), count: batch.count)
        var offset = 0
        while offset < view.count {
            let size = Int(UInt32(littleEndian: view.loadUInt32(at: offset).byteSwapped))
            let start = offset + JournalBuffer.frameHeadSize
            let payload = view.slice(from: start, count: size).bytes
            disk.records.append(Record(lsn: batch.firstLSN + UInt64(offset), payload: payload))
            offset = start + size
        }
        disk.endLSN = batch.endLSN
    }

    /// Plays a scene with a broker that finds what is on this disk now, as after kill -9.
    ///
    /// - Parameters:
    ///   - pause: How much later the new broker begins, by the calendar; its own clock begins anew.
    ///   - lost: How many of the last records did not reach the disk.
    ///   - scene: Gets the new broker and its journal, which goes on behind the records.
    /// - Throws: What the scene throws, or a record that cannot be read.
    func restart(
        after pause: Duration = .zero,
        losing lost: Int = 0,
        _ scene: (DialogueBroker, ScriptedJournal) throws -> Void
    ) throws {
        let disk = Disk()
        disk.records = self.disk.records.dropLast(lost)
        disk.endLSN = self.disk.endLSN
        let state = RecoveredState()
        var payloads: [UInt64: [UInt8]] = [:]
        for record in disk.records {
            try ByteView.with(record.payload) { view throws(WireError) in
                try state.apply(view, lsn: record.lsn, size: view.count)
            }
            payloads[record.lsn] = record.payload
        }
        try DialogueBroker.play { next in
            next.begin(at: .zero + .milliseconds(77))
            var losses: [RestoreLoss] = []
            let time = broker.virtualHost.wallTime(broker.now + pause)
            next.batch {
                next.virtualHost.setWallTime(time)
                losses = next.virtualHost.restore(state)
            }
            next.page = { [unowned next] in
                guard let work = next.virtualHost.takePaging(withSpill: false) else { return false }
                next.batch { for request in work.requests { request.serve { payloads[$0] } } }
                return true
            }
            #expect(losses == [])
            let journal = ScriptedJournal(next, disk)
            try scene(next, journal)
            journal.end()
        }
    }

    /// Records that have reached the disk.
    var recordCount: Int { disk.records.count }

    /// Ends the scene: queues the journal still refers to are let go.
    func end() {
        broker.batch { broker.virtualHost.queueList().forEach { broker.virtualHost.delete($0) } }
        sync()
    }
}

extension PageRequest {
    /// Gives the queue the records it asked for.
    fileprivate func serve(_ payload: (UInt64) -> [UInt8]?) {
        var hint: UInt64 = 0
        for index in items.indices {
            ByteView.with(payload(items[index].place.lsn) ?? []) { view in
                _ = take(index, payload: view, hint: &hint)
            }
        }
        goOn(isLast: true)
    }
}
