import Testing

@testable import BrokerClient

@Suite("Confirm tracker")
struct ConfirmTrackerTests {
    private func tracker(published count: Int, windowMax: Int = 100) -> ConfirmTracker {
        var tracker = ConfirmTracker(windowMax: windowMax)
        for _ in 0..<count { _ = tracker.take() }
        return tracker
    }

    @Test("numbers begin at one and fill the window")
    func numbers() {
        var tracker = tracker(published: 0, windowMax: 2)
        #expect(tracker.take() == PublishSequenceNumber(1))
        #expect(tracker.hasRoom)
        #expect(tracker.take() == PublishSequenceNumber(2))
        #expect(!tracker.hasRoom)
    }

    @Test("single confirms count in any order and only once")
    func singles() {
        var tracker = tracker(published: 3)
        for tag: UInt64 in [3, 1, 3] {
            #expect(tracker.settle(tag: tag, isMultiple: false, isAccepted: true) == 0)
        }
        #expect(tracker.counts == ConfirmCounts(accepted: 2, refused: 0))
        #expect(tracker.unconfirmedCount == 1)
    }

    @Test("a multiple confirm covers all earlier ones that are still open")
    func multiple() {
        var tracker = tracker(published: 5)
        _ = tracker.settle(tag: 2, isMultiple: false, isAccepted: false)
        _ = tracker.settle(tag: 4, isMultiple: true, isAccepted: true)
        #expect(tracker.counts == ConfirmCounts(accepted: 3, refused: 1))
        #expect(tracker.unconfirmedCount == 1)
        _ = tracker.settle(tag: 0, isMultiple: true, isAccepted: true)
        #expect(tracker.unconfirmedCount == 0)
    }

    @Test("numbers never given out are refused, settled ones passed over")
    func unknown() {
        var tracker = tracker(published: 2)
        #expect(tracker.settle(tag: 3, isMultiple: true, isAccepted: true) == nil)
        #expect(tracker.settle(tag: 0, isMultiple: false, isAccepted: true) == nil)
        #expect(tracker.settle(tag: 2, isMultiple: true, isAccepted: true) == 0)
        #expect(tracker.settle(tag: 1, isMultiple: false, isAccepted: true) == 0)
        #expect(tracker.counts.accepted == 2)
    }

    @Test("the count stays right over many messages and compactions")
    func many() {
        var tracker = ConfirmTracker(windowMax: 10)
        for number in 1...20_000 {
            _ = tracker.take()
            if number.isMultiple(of: 7) {
                _ = tracker.settle(tag: UInt64(number), isMultiple: true, isAccepted: true)
                #expect(tracker.unconfirmedCount == 0)
            }
        }
        #expect(tracker.counts.accepted == 20_000 / 7 * 7)
        #expect(tracker.unconfirmedCount == 20_000 % 7)
    }
}
