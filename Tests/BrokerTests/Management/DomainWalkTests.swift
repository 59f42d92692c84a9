import Testing
import Wire

@testable import Broker

@Suite("Walk in slices")
struct DomainWalkTests {
    private let broker = InspectedBroker(sliceCountMax: 3)

    private func declare(_ names: [String], _ client: Connection) {
        for name in names {
            broker.send(QueueDeclare(queue: ShortString(shortening: name)), client)
        }
    }

    private func walk(pause: @escaping () -> Void = {}) -> DomainWalk {
        DomainWalk(domain: broker.domain, sliceCountMax: 3, pause: pause)
    }

    private func name(_ queue: Queue) -> String {
        String(decoding: queue.state.name, as: UTF8.self)
    }

    @Test("meets every queue once and lets the lock go between slices")
    func queues() {
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        let names = (0..<10).map { "q\($0)" }
        declare(names, client)
        var met: [String] = []
        var pauseCount = 0
        walk {
            // Would stop here for ever if the lock were still held.
            broker.domain.lock.withLock { pauseCount += 1 }
        }.forEachQueue { queue in
            met.append(name(queue))
            return 1
        }
        #expect(met.sorted() == names)
        #expect(pauseCount == 3)
    }

    @Test("meets what stays exactly once while others come and go")
    func changing() {
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        let staying = (0..<12).map { "s\($0)" }
        let leaving = (0..<12).map { "l\($0)" }
        declare(zip(staying, leaving).flatMap { [$0, $1] }, client)
        var toLeave = leaving
        var comingCount = 0
        var met: [String] = []
        walk {
            if let name = toLeave.popLast() {
                broker.send(QueueDelete(queue: ShortString(shortening: name)), client)
            }
            declare(["c\(comingCount)", "d\(comingCount)"], client)
            comingCount += 1
            if comingCount > 20 { toLeave = [] }
        }.forEachQueue { queue in
            met.append(name(queue))
            return comingCount > 20 ? 1 : 2
        }
        #expect(met.filter { $0.hasPrefix("s") }.sorted() == staying.sorted())
        #expect(Set(met).count == met.count)
        #expect(comingCount > 3)
    }

    @Test("goes on with the next connection when the one it would look at leaves")
    func leavingConnection() {
        let clients = (0..<9).map { _ in broker.connect() }
        var met: [UInt64] = []
        var hasDropped = false
        walk {
            guard !hasDropped else { return }
            hasDropped = true
            // Newest first: 9, 8, 7 were met and 6 is next.
            broker.drop(clients[5])
            broker.drop(clients[4])
            broker.drop(clients[8])
        }.forEachConnection { connection in
            met.append(connection.state.id)
            return 1
        }
        #expect(met == [9, 8, 7, 4, 3, 2, 1])
    }

    @Test("counts what an object stands for, so that a slice stays small")
    func weight() {
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        declare(["a", "b", "c", "d"], client)
        var pauseCount = 0
        walk { pauseCount += 1 }.forEachQueue { _ in 3 }
        #expect(pauseCount == 4)
    }

    @Test("misses no binding of a long list while others are removed")
    func longList() {
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        declare(["q"], client)
        for index in 0..<20 {
            let key = ShortString(shortening: "k\(index)")
            broker.send(QueueBind(queue: "q", exchange: "amq.direct", routingKey: key), client)
        }
        nonisolated(unsafe) var next = 0
        nonisolated(unsafe) let (core, peer) = (broker, client)
        broker.betweenSlices {
            guard next < 10 else { return }
            let key = ShortString(shortening: "k\(next)")
            core.send(QueueUnbind(queue: "q", exchange: "amq.direct", routingKey: key), peer)
            next += 2
        }
        let text = broker.text("GET /api/queues/%2F/q/bindings?columns=routing_key")
        let keys = text.split(separator: "\"").filter { $0.hasPrefix("k") }
        #expect(Set(keys).count == keys.count)
        #expect(next > 4)
        for index in 0..<20 where index >= 10 || index % 2 == 1 {
            #expect(keys.contains("k\(index)"), "k\(index)")
        }
    }
}
