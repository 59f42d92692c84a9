import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Ready messages")
struct ReadyMessagesTests {
    /// What the structure is for, done slowly: entries sorted by position.
    private struct Model {
        var entries: [(position: UInt64, size: UInt32, count: UInt32)] = []

        mutating func add(_ entry: QueueEntry) {
            let place = entries.firstIndex { $0.position > entry.position } ?? entries.count
            entries.insert((entry.position, entry.bodySize, entry.deliveryCount), at: place)
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

    @Test("come out in the order of their positions, whatever came back when", arguments: 1...8)
    func againstModel(seed: UInt64) {
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
                let entry = QueueEntry(message: messages[size], position: nextPosition)
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
        for message in messages { pool.free(message.block, byteCount: message.header.blockSize) }
        #expect(pool.liveBytes == 0)
    }
}
