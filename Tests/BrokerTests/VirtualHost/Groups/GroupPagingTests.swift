import TestSupport
import Testing
import Wire

@testable import Broker

/// Messages of groups beyond the memory budget.
extension PagingTests {
    @Test(
        "of groups leave memory, and come back in the order of each",
        arguments: [1, 2] as [UInt8]
    )
    func groups(deliveryMode: UInt8) throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store, ["x-group-header": "h"])
            var properties = persistent()
            properties.deliveryMode = deliveryMode
            for group in 0..<10 {
                properties.headers?["h"] = group == 0 ? nil : .int32(Int32(group))
                let numbers = group * 120..<group * 120 + 120
                try publish(numbers, to: "q", peer, store, properties)
            }
            #expect(store.messageBytes <= Self.budget)
            #expect(try broker.queue("q").state.pagedCount > 900)
            let channels: [UInt16] = [2, 3, 4]
            for channel in channels {
                try peer.openChannel(channel)
                try peer.setPrefetch(5, on: channel)
                try peer.consume("q", "c", on: channel)
            }
            var seen: [Int: [String]] = [:]
            var count = 0
            while count < 1200 {
                store.pageAll()
                let before = count
                for channel in channels {
                    for delivery in try peer.deliveries(on: channel) {
                        let number = try #require(Int(delivery.text.prefix { $0 != " " }))
                        seen[number / 120, default: []].append(delivery.text)
                        count += 1
                        peer.ack(delivery.tag, on: channel)
                    }
                }
                try #require(count > before, "nothing after \(count)")
            }
            for group in 1..<10 {
                #expect(seen[group] == (group * 120..<group * 120 + 120).map(text))
            }
            #expect(seen[0].map(Set.init) == Set((0..<120).map(text)))
            #expect(store.messageBytes == 0)
            #expect(store.log.lines.isEmpty)
        }
    }

    @Test("of groups are fetched one by one, oldest first", arguments: [1, 2] as [UInt8])
    func fetchedGroups(deliveryMode: UInt8) throws {
        try play { broker, store in
            let peer = try broker.connect()
            try declareDurable("q", peer, store, ["x-group-header": "h"])
            var properties = persistent()
            properties.deliveryMode = deliveryMode
            try publish(0..<700, to: "q", peer, store, properties)
            for number in 0..<700 {
                peer.send(BasicGet(queue: "q"))
                store.pageAll()
                let ok = try peer.expect(BasicGetOk.self)
                #expect(try peer.expectContent().text == text(number))
                peer.ack(ok.deliveryTag)
            }
            try peer.call(BasicGet(queue: "q"), BasicGetEmpty.self)
            #expect(store.messageBytes == 0)
        }
    }
}
