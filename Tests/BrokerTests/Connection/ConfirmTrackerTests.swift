import Testing

@testable import Broker

@Suite("Owed confirms")
struct ConfirmTrackerTests {
    private typealias Answer = ConfirmTracker.Answer

    private func answers(_ tracker: inout ConfirmTracker, durable: UInt64) -> [Answer] {
        var answers: [Answer] = []
        while let answer = tracker.nextAnswer(durableLSN: durable) { answers.append(answer) }
        return answers
    }

    @Test("that need no disk are one answer")
    func transient() {
        var tracker = ConfirmTracker()
        for _ in 0..<5 { tracker.publish(lsn: 0, isRefused: false, takenLSN: 0) }
        #expect(
            answers(&tracker, durable: 0) == [Answer(number: 5, count: 5, isRefused: false)]
        )
        #expect(tracker.unconfirmedCount == 0)
        #expect(!tracker.isPending)
    }

    @Test("wait for the disk, and hold those behind them")
    func waiting() {
        var tracker = ConfirmTracker()
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 10)
        tracker.publish(lsn: 50, isRefused: false, takenLSN: 10)
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 10)
        #expect(
            answers(&tracker, durable: 10) == [Answer(number: 1, count: 1, isRefused: false)]
        )
        #expect(tracker.isPending)
        #expect(
            answers(&tracker, durable: 50) == [Answer(number: 3, count: 2, isRefused: false)]
        )
        #expect(!tracker.isPending)
    }

    @Test("of two batches of the journal leave one after the other")
    func batches() {
        var tracker = ConfirmTracker()
        tracker.publish(lsn: 50, isRefused: false, takenLSN: 10)
        tracker.publish(lsn: 60, isRefused: false, takenLSN: 10)
        tracker.publish(lsn: 90, isRefused: false, takenLSN: 60)
        #expect(answers(&tracker, durable: 59).isEmpty)
        #expect(
            answers(&tracker, durable: 60) == [Answer(number: 2, count: 2, isRefused: false)]
        )
        #expect(
            answers(&tracker, durable: 90) == [Answer(number: 3, count: 1, isRefused: false)]
        )
    }

    @Test("are interrupted by a refusal, in order")
    func refused() {
        var tracker = ConfirmTracker()
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 0)
        tracker.publish(lsn: 0, isRefused: true, takenLSN: 0)
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 0)
        #expect(
            answers(&tracker, durable: 0) == [
                Answer(number: 1, count: 1, isRefused: false),
                Answer(number: 2, count: 1, isRefused: true),
                Answer(number: 3, count: 1, isRefused: false),
            ]
        )
    }

    @Test("that wait are given up together")
    func givenUp() {
        var tracker = ConfirmTracker()
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 0)
        #expect(tracker.refusePending() == nil)
        tracker.publish(lsn: 50, isRefused: false, takenLSN: 10)
        tracker.publish(lsn: 60, isRefused: false, takenLSN: 10)
        #expect(tracker.refusePending() == 3)
        tracker.publish(lsn: 0, isRefused: false, takenLSN: 10)
        #expect(
            answers(&tracker, durable: 10) == [Answer(number: 4, count: 1, isRefused: false)]
        )
    }
}
