import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Ready messages")
struct ReadyMessagesTests {
    /// What the structure is for, done slowly: entries sorted by priority, then position.
    private struct Model {
        struct Entry {
            let position: UInt64
            let size: UInt32
            let count: UInt32
            let priority: UInt8
        }

        var entries: [Entry] = []

        mutating func add(_ entry: QueueEntry) {
            let priority = entry.terms.priority
            let place = entries.firstIndex {
                $0.priority < priority
                    || ($0.priority == priority && $0.position > entry.position)
            }
            entries.insert(
                Entry(
                    position: entry.position,
                    size: entry.bodySize,
                    count: entry.deliveryCount,
                    priority: priority
                ),
                at: place ?? entries.count
            )
        }
    }

    private func makeMessage(_ bodySize: Int, _ pool: inout BlockPool) -> Message {
        ByteView.with([0, 1, 65]) { route in
            ByteView.with([0, 0]) { properties in
                ByteView.with([UInt8](repeating: 1, count: bodySize)) { body in
                    var builder = MessageBuilder(
                        route: route,
                        properties: properties,
                        bodySize: bodySize,
                        pool: &pool
                    )
                    builder.append(body, pool: &pool)
                    return builder.finish()
                }
            }
        }
    }

    @Test(
        "come out by priority, then by position, whatever came back when",
        arguments: 1...2 as ClosedRange<UInt64>,
        [0, 1, 9, 255] as [UInt8]
    )
    func againstModel(seed: UInt64, priorityMax: UInt8) {
        var random = Seed(seed)
        var pool = BlockPool()
        let messages = (0..<8).map { makeMessage($0 * 10, &pool) }
        var tested = ReadyMessages()
        var model = Model()
        var out: [QueueEntry] = []
        var nextPosition: UInt64 = 0
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let size = Int.random(in: 0..<8, using: &random)
                let entry = QueueEntry(
                    message: messages[size],
                    position: nextPosition,
                    terms: EntryTerms(priority: UInt8.random(in: 0...priorityMax, using: &random))
                )
                nextPosition += 1
                tested.append(entry)
                model.add(entry)
            case 3..<7:
                #expect(tested.first?.position == model.entries.first?.position)
                guard let entry = tested.popFirst() else {
                    #expect(model.entries.isEmpty)
                    continue
                }
                let expected = model.entries.removeFirst()
                #expect(entry.position == expected.position)
                #expect(entry.bodySize == expected.size)
                #expect(entry.terms.priority == expected.priority)
                #expect(entry.deliveryCount == expected.count)
                out.append(entry)
            default:
                guard !out.isEmpty else { continue }
                var entry = out.remove(at: Int.random(in: 0..<out.count, using: &random))
                entry.deliveryCount += 1
                tested.putBack(entry)
                model.add(entry)
            }
            #expect(tested.count == model.entries.count)
            #expect(tested.isEmpty == model.entries.isEmpty)
            #expect(tested.bodyBytes == model.entries.reduce(0) { $0 + Int($1.size) })
        }
        #expect(nextPosition > 300)
        for message in messages {
            pool.free(message.block, byteCount: Int(message.header.blockSize))
        }
        #expect(pool.liveBytes == 0)
    }

    @Test("an entry that moved on disk while it was read is paged again")
    func widenedStretch() {
        var level = ReadyLevel()
        for position in 0..<4 as Range<UInt64> {
            level.restore(
                QueueEntry(
                    place: .journal(position + 1),
                    position: position,
                    bodySize: 0,
                    deliveryCount: 0,
                    terms: .none
                )
            )
        }
        level.pagedStretch = 4..<4
        let isPagedBefore = level.hasPaged
        #expect(!isPagedBefore)
        level.askAgain(for: 2)
        #expect(level.pagedStretch == 2..<3)
        level.askAgain(for: 0)
        #expect(level.pagedStretch == 0..<3)
        let isPagedAfter = level.hasPaged
        #expect(isPagedAfter)
    }
}
