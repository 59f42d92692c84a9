import Testing

@testable import Broker

@Suite("Waking the journal thread")
struct WakeUpTests {
    @Test(
        "work is not forgotten when it comes before the wait",
        arguments: [
            WakeUp.Reason.soon, .now, .stop,
        ]
    )
    func before(reason: WakeUp.Reason) {
        let wakeUp = WakeUp()
        wakeUp.wake(reason)
        #expect(wakeUp.wait() == reason)
    }

    @Test("what is urgent wins over what can wait, in either order")
    func urgent() {
        let wakeUp = WakeUp()
        wakeUp.wake(.soon)
        wakeUp.wake(.now)
        #expect(wakeUp.wait() == .now)
        wakeUp.wake(.now)
        wakeUp.wake(.soon)
        #expect(wakeUp.wait() == .now)
    }

    @Test("a stop is told again and again")
    func stop() {
        let wakeUp = WakeUp()
        wakeUp.wake(.stop)
        #expect(wakeUp.wait() == .stop)
        wakeUp.wake(.now)
        #expect(wakeUp.wait() == .stop)
    }

    @Test("a sleeping thread is woken", arguments: [WakeUp.Reason.soon, .now, .stop])
    func asleep(reason: WakeUp.Reason) throws {
        let wakeUp = WakeUp()
        let found = Found()
        let thread = try Thread(name: "sleeper") { found.reason = wakeUp.wait() }
        wakeUp.wake(reason)
        thread.join()
        #expect(found.reason == reason)
    }

    @Test("a bounded sleep ends by itself when nothing comes, and at once when something does")
    func bounded() {
        let wakeUp = WakeUp()
        #expect(wakeUp.wait(atMost: .milliseconds(1)) == .none)
        wakeUp.wake(.now)
        #expect(wakeUp.wait(atMost: .seconds(3600)) == .now)
    }

    @Test(
        "no word is lost between threads that wake each other as fast as they can",
        arguments: [false, true]
    )
    func pingPong(looks: Bool) throws {
        let there = WakeUp(looks: looks)
        let back = WakeUp(looks: looks)
        let count = 5_000
        let thread = try Thread(name: "echo") {
            for _ in 0..<count where there.wait() == .now { back.wake(.now) }
        }
        var answered = 0
        for _ in 0..<count {
            there.wake(.now)
            if back.wait() == .now { answered += 1 }
        }
        thread.join()
        #expect(answered == count)
    }

    /// Written by one thread before it ends, read by another after.
    private final class Found: @unchecked Sendable {
        var reason = WakeUp.Reason.none
    }
}
