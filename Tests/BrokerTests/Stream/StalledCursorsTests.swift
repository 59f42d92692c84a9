import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Stream consumers that cannot go on")
struct StalledCursorsTests {
    private func cursor(holding size: Int) -> StreamCursor {
        let cursor = StreamCursor(at: 0, firstOffset: 0, firstTime: nil, filter: nil)
        cursor.take(StreamBlock(capacity: size))
        return cursor
    }

    @Test("give up their blocks when all hold too much, who stalled first before others")
    func order() {
        var stalled = StalledCursors()
        let cursors = (0..<4).map { _ in cursor(holding: 100) }
        for cursor in cursors {
            stalled.account(for: cursor)
            stalled.add(cursor)
        }
        stalled.remove(cursors[1])
        stalled.remove(cursors[0])
        stalled.add(cursors[0])
        #expect(stalled.heldSize == 400)
        stalled.release(downTo: 250)
        #expect(cursors.map(\.blocksSize) == [100, 100, 0, 0])
        stalled.release(downTo: 0)
        #expect(cursors.map(\.blocksSize) == [0, 100, 0, 0], "one goes on, and keeps its block")
        #expect(stalled.heldSize == 100)
    }

    @Test("go on where they were when they have credit again", arguments: [false, true])
    func resume(isReleasedWhileReading: Bool) throws {
        let store = try DiskJournal(MemoryDisk(), segmentSize: 1 << 20)
        defer { store.end() }
        let broker = store.broker
        let peer = try broker.connect()
        peer.askForStream("s")
        try store.writeAndSync()
        try peer.expect(QueueDeclareOk.self)
        let filling = String(repeating: "z", count: 3_000)
        for number in 0..<400 {
            peer.publish("\(number) \(filling)", to: "s")
            if number % 7 == 0 { try store.writeAndSync() }
        }
        try store.writeAndSync()
        let reader = try broker.connect()
        try reader.read("s", prefetch: 10)
        store.pageAll()
        var seen: [Int?] = []
        while seen.count < 400 {
            let entries = try reader.entries()
            try #require(!entries.isEmpty)
            seen += entries.map(\.number)
            if seen.count == 10 {
                #expect(broker.virtualHost.state.streams.stalled.heldSize > 0)
            }
            broker.virtualHost.state.streams.stalled.release(downTo: 0)
            #expect(broker.virtualHost.state.streams.stalled.heldSize == 0)
            reader.ack(entries.last?.deliveryTag ?? 0, multiple: true)
            // What is asked for now comes back when nobody wants it any more.
            if isReleasedWhileReading {
                broker.virtualHost.state.streams.stalled.release(downTo: 0)
            }
            store.pageAll()
        }
        #expect(seen == Array(0..<400))
        reader.hangUp()
        #expect(broker.virtualHost.state.streams.stalled.heldSize == 0)
    }
}
