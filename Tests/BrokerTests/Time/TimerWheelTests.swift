import TestSupport
import Testing

@testable import Broker

@Suite("Timer wheel")
struct TimerWheelTests {
    private static func at(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: milliseconds * 1_000_000)
    }

    @Test("without timers it asks for nothing")
    func idle() {
        var wheel = TimerWheel<Int>()
        #expect(wheel.nextDeadline == .distantFuture)
        #expect(wheel.popDue(at: Self.at(1_000_000)) == nil)
        #expect(wheel.nextDeadline == .distantFuture)
        let timer = wheel.add(1, at: Self.at(2_000_000))
        #expect(wheel.deadline(of: timer) == Self.at(2_000_000))
        #expect(wheel.cancel(timer) == Self.at(2_000_000))
        #expect(wheel.nextDeadline == .distantFuture)
    }

    @Test("a timer fires in the first millisecond that is not before its deadline")
    func rounding() {
        var wheel = TimerWheel<Int>()
        _ = wheel.add(1, at: Instant(nanoseconds: 5_000_001))
        #expect(wheel.popDue(at: Instant(nanoseconds: 5_999_999)) == nil)
        #expect(wheel.nextDeadline == Self.at(6))
        #expect(wheel.popDue(at: Self.at(6)) == 1)
        #expect(wheel.popDue(at: Self.at(6)) == nil)
    }

    @Test("a deadline that has passed fires with the next tick, not in the same sweep")
    func past() {
        var wheel = TimerWheel<Int>()
        #expect(wheel.popDue(at: Self.at(100)) == nil)
        _ = wheel.add(1, at: Self.at(3))
        #expect(wheel.popDue(at: Self.at(100)) == nil)
        #expect(wheel.nextDeadline == Self.at(101))
        #expect(wheel.popDue(at: Self.at(101)) == 1)
    }

    @Test("what is added while timers fire late is not due before the next time")
    func addedWhileLate() {
        var wheel = TimerWheel<Int>()
        _ = wheel.add(1, at: Self.at(10))
        _ = wheel.add(2, at: Self.at(500))
        #expect(wheel.popDue(at: Self.at(900)) == 1)
        _ = wheel.add(3, at: Self.at(10))
        #expect(wheel.popDue(at: Self.at(900)) == 2)
        #expect(wheel.popDue(at: Self.at(900)) == nil)
        #expect(wheel.nextDeadline == Self.at(901))
        #expect(wheel.popDue(at: Self.at(901)) == 3)
    }

    @Test("timers of one tick fire in the order they were added, from whatever level")
    func order() {
        var wheel = TimerWheel<Int>()
        for number in 0..<3 { _ = wheel.add(number, at: Self.at(5_000)) }
        #expect(wheel.popDue(at: Self.at(4_999)) == nil)
        for number in 3..<6 { _ = wheel.add(number, at: Self.at(5_000)) }
        for number in 0..<6 { #expect(wheel.popDue(at: Self.at(6_000)) == number) }
        #expect(wheel.popDue(at: Self.at(6_000)) == nil)
    }

    @Test("a deadline beyond all reckoning is kept, and disturbs nobody")
    func endless() {
        var wheel = TimerWheel<Int>()
        #expect(wheel.popDue(at: Self.at(1_000)) == nil)
        let endless = wheel.add(1, at: .distantFuture)
        _ = wheel.add(2, at: Self.at(1 << 40))
        #expect(wheel.popDue(at: Self.at(1 << 40 - 1)) == nil)
        #expect(wheel.popDue(at: Self.at(1 << 40)) == 2)
        #expect(wheel.popDue(at: Self.at(1 << 40)) == nil)
        wheel.cancel(endless)
        #expect(wheel.count == 0)
    }

    /// What a wheel should do, done slowly.
    private struct Model {
        struct Timer {
            let number: Int
            let tick: UInt64
            let order: Int
        }

        var timers: [Timer] = []

        /// Takes those due, in the order of their ticks, then of their coming.
        mutating func due(at tick: UInt64) -> [Int] {
            let due = timers.filter { $0.tick <= tick }
            timers.removeAll { $0.tick <= tick }
            return due.sorted { ($0.tick, $0.order) < ($1.tick, $1.order) }.map(\.number)
        }
    }

    @Test(
        "thousands of timers that come, go and fire do so exactly",
        arguments: 1...6 as ClosedRange<UInt64>
    )
    func model(seed: UInt64) {
        var seed = Seed(seed)
        var wheel = TimerWheel<Int>()
        var model = Model()
        var ids: [Int: TimerWheel<Int>.ID] = [:]
        var now: UInt64 = .random(in: 0..<1 << 30, using: &seed)
        #expect(wheel.popDue(at: Self.at(now)) == nil)
        for step in 0..<6_000 {
            if !seed.oneIn(4) {
                let reach: UInt64 = 1 << UInt64.random(in: 0..<34, using: &seed)
                let tick = now + .random(in: 0...reach, using: &seed)
                ids[step] = wheel.add(step, at: Self.at(tick))
                model.timers.append(
                    .init(number: step, tick: max(tick, now + 1), order: step)
                )
            } else if seed.oneIn(3), let timer = model.timers.randomElement(using: &seed) {
                if let id = ids.removeValue(forKey: timer.number) { wheel.cancel(id) }
                model.timers.removeAll { $0.number == timer.number }
            } else {
                now += .random(in: 0...(1 << UInt64.random(in: 0..<24, using: &seed)), using: &seed)
                let due = model.due(at: now)
                var fired: [Int] = []
                while let number = wheel.popDue(at: Self.at(now)) { fired.append(number) }
                #expect(fired == due)
                for number in due { ids[number] = nil }
            }
            #expect(wheel.count == model.timers.count)
            if let next = model.timers.map(\.tick).min() {
                #expect(wheel.nextDeadline <= Self.at(next))
                #expect(wheel.nextDeadline > .zero)
            }
        }
    }

    @Test("thousands of one slot move down little by little, and keep their order")
    func gradual() {
        var wheel = TimerWheel<Int>()
        var model = Model()
        func add(_ tick: UInt64) {
            let number = model.timers.count
            _ = wheel.add(number, at: Self.at(tick))
            model.timers.append(.init(number: number, tick: tick, order: number))
        }
        for number in 0..<5_000 as Range<UInt64> { add(600_000 + number % 7) }
        var wakeUps = 0
        var fired: [Int] = []
        while wheel.count > 0 {
            let now = wheel.nextDeadline
            wakeUps += 1
            while let number = wheel.popDue(at: now) { fired.append(number) }
            // Others come for the same time while some of them have moved.
            if now < Self.at(599_000) { for tick in 0..<7 as Range<UInt64> { add(600_000 + tick) } }
        }
        #expect(wakeUps > 5_000 / 512 * 2, "all of a slot were moved at once")
        #expect(fired == model.due(at: 700_000))
    }

    @Test("asked only when it wants to be, it is never late and is asked seldom")
    func asleep() {
        var wheel = TimerWheel<Int>()
        _ = wheel.add(1, at: Self.at(3_600_123))
        var wakeUps = 0
        while true {
            let now = wheel.nextDeadline
            wakeUps += 1
            if let number = wheel.popDue(at: now) {
                #expect(number == 1 && now == Self.at(3_600_123))
                break
            }
        }
        #expect(wakeUps <= 8)
    }
}
