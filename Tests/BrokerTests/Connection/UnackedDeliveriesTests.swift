import TestSupport
import Testing

@testable import Broker

@Suite("Unacked deliveries")
struct UnackedDeliveriesTests {
    /// Handles and messages are only compared and carried here, so bare addresses do.
    private func delivery(_ tag: UInt64) -> UnackedDelivery {
        var entry = unsafeBitCast((0x1000, tag, 0, 0), to: QueueEntry.self)
        entry.deliveryCount = 0
        return UnackedDelivery(
            deliveryTag: tag,
            queue: unsafeBitCast(0x1000, to: Queue.self),
            consumer: nil,
            entry: entry,
            status: .open,
            tick: 0
        )
    }

    /// Tags and whether the transaction holds them, in order.
    private struct Model {
        var held: [(tag: UInt64, isHeld: Bool)] = []

        func index(_ tag: UInt64, isHeld: Bool) -> Int? {
            held.firstIndex { $0.tag == tag && $0.isHeld == isHeld }
        }

        var openTags: [UInt64] { held.filter { !$0.isHeld }.map(\.tag) }
    }

    @Test("are found and taken as from a plain list, also after gaps", arguments: 1...9)
    func againstModel(seed: UInt64) {
        var random = Seed(seed)
        var tested = UnackedDeliveries()
        var model = Model()
        var nextTag: UInt64 = 1
        // Some seeds settle nearly everything, so that the ring is compacted; others little.
        let settleShare = Int(seed % 3) * 3 + 2
        for _ in 0..<2_000 {
            let tag = UInt64.random(in: 0...(nextTag + 1), using: &random)
            switch Int.random(in: 0..<12 + settleShare, using: &random) {
            case 0..<8:
                // Deliveries that need no ack leave gaps.
                if random.oneIn(10) { nextTag += UInt64.random(in: 1...5, using: &random) }
                tested.append(delivery(nextTag))
                model.held.append((nextTag, false))
                nextTag += 1
            case 8:
                let expected = model.index(tag, isHeld: false)
                #expect(tested.hold(tag) == (expected != nil))
                if let expected { model.held[expected].isHeld = true }
            case 9:
                tested.letGo(tag)
                if let index = model.index(tag, isHeld: true) { model.held[index].isHeld = false }
            case 10:
                let expected = model.index(tag, isHeld: true)
                #expect(tested.takeHeld(tag)?.deliveryTag == expected.map { _ in tag })
                if let expected { model.held.remove(at: expected) }
            case 11:
                let last = model.openTags.first { random.oneIn(2) && $0 > 0 } ?? tag
                if random.oneIn(3) {
                    let open = model.openTags.filter { $0 <= last }
                    #expect(tested.hold(through: last) == open)
                    for index in model.held.indices where model.held[index].tag <= last {
                        model.held[index].isHeld = true
                    }
                }
                let first = model.openTags.first.flatMap { $0 <= last ? $0 : nil }
                #expect(tested.takeFirst(through: last)?.deliveryTag == first)
                if let first { model.held.removeAll { $0.tag == first } }
            default:
                let open = model.openTags
                let wanted =
                    open.isEmpty || random.oneIn(8)
                    ? tag : open[Int.random(in: 0..<open.count, using: &random)]
                let expected = model.index(wanted, isHeld: false)
                let taken = tested.take(wanted)
                #expect(taken?.deliveryTag == expected.map { _ in wanted })
                if let expected { model.held.remove(at: expected) }
            }
            #expect(tested.count == model.held.count)
            #expect(tested.isOpen(tag) == (model.index(tag, isHeld: false) != nil))
        }
        var rest: [UInt64] = []
        while let delivery = tested.popFirst() { rest.append(delivery.deliveryTag) }
        #expect(rest == model.held.map(\.tag))
        #expect(tested.count == 0)
    }

    @Test("held for long do not stop the others from being squeezed out and found")
    func compaction() {
        var tested = UnackedDeliveries()
        tested.append(delivery(1))
        for tag in UInt64(2)...20_000 {
            tested.append(delivery(tag))
            if tag > 3 { #expect(tested.take(tag - 2)?.deliveryTag == tag - 2) }
        }
        #expect(tested.count == 3)
        #expect(tested.take(10_000)?.deliveryTag == nil)
        #expect(tested.take(1)?.deliveryTag == 1)
        #expect(tested.hold(through: UInt64.max) == [19_999, 20_000])
    }
}
