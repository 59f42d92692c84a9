import Testing

@testable import Broker

@Suite("Alarm")
struct AlarmTests {
    @Test("an instant that has passed rings at once, and only once")
    func past() {
        let alarm = Alarm()
        alarm.set(to: SystemClock.now())
        #expect(alarm.wait())
        alarm.stop()
        #expect(!alarm.wait())
    }

    @Test("it does not ring early")
    func early() {
        let alarm = Alarm()
        let deadline = SystemClock.now() + .milliseconds(5)
        alarm.set(to: deadline)
        #expect(alarm.wait())
        #expect(SystemClock.now() >= deadline)
    }

    @Test("a sleeper is woken by an earlier instant, which a later one does not undo")
    func earlier() throws {
        let alarm = Alarm()
        alarm.set(to: SystemClock.now() + .seconds(3_600))
        let thread = try Thread(name: "sleeper") { #expect(alarm.wait()) }
        alarm.set(to: SystemClock.now() + .milliseconds(1))
        alarm.set(to: SystemClock.now() + .seconds(3_600))
        thread.join()
    }

    @Test("a sleeper is woken by a stop")
    func stop() throws {
        let alarm = Alarm()
        alarm.set(to: SystemClock.now() + .seconds(3_600))
        let thread = try Thread(name: "sleeper") { #expect(!alarm.wait()) }
        alarm.stop()
        thread.join()
    }
}
