import Testing

@testable import Broker

@Suite("Poller", .timeLimit(.minutes(5)))
struct EpollPollerTests {
    private let token = PollToken(slot: 7, registration: 3)

    @Test("reports room to send as soon as a socket is registered")
    func writable() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        try poller.add(pair.first.number, token)

        #expect(poller.wait(timeout: .seconds(10)) == 1)
        let event = poller.event(0)
        #expect(event.token == token)
        #expect(event.isWritable && !event.isReadable && !event.isPeerClosed)
    }

    @Test("reports an edge once, and again when more arrives")
    func edges() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        try poller.add(pair.first.number, token)
        _ = poller.wait(timeout: .seconds(10))

        for _ in 0..<2 {
            #expect(sendOctet(pair.second.number) == .done(1))
            #expect(poller.wait(timeout: .seconds(10)) == 1)
            let readable = poller.event(0).isReadable
            #expect(readable)
            #expect(poller.wait(timeout: .zero) == 0)
        }
    }

    @Test("tells that the peer sends no more")
    func peerClosed() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        try poller.add(pair.first.number, token)
        _ = poller.wait(timeout: .seconds(10))

        Syscalls.shutdownSending(pair.second.number)
        #expect(poller.wait(timeout: .seconds(10)) == 1)
        let event = poller.event(0)
        #expect(event.isPeerClosed && event.isReadable && !event.isHungUp)
    }

    @Test("keeps the registrations of a reused descriptor apart")
    func reusedDescriptor() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        let number = pair.first.number
        try poller.add(number, token)
        _ = poller.wait(timeout: .seconds(10))
        poller.remove(number)
        try poller.add(number, PollToken(slot: 7, registration: 4))

        #expect(poller.wait(timeout: .seconds(10)) == 1)
        let event = poller.event(0)
        #expect(event.token != token)
        #expect(event.token.slot == token.slot)
    }

    @Test("reports a level-triggered descriptor until it is read")
    func levels() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        try poller.add(pair.first.number, token, trigger: .level)
        #expect(sendOctet(pair.second.number) == .done(1))

        #expect(poller.wait(timeout: .seconds(10)) == 1)
        #expect(poller.wait(timeout: .seconds(10)) == 1)
    }

    @Test("ends a wait for ever when woken, without an event")
    func woken() throws {
        let poller = try EpollPoller()
        let waker = poller.waker
        let thread = try Thread(name: "waker") { waker.wake() }
        #expect(poller.wait(timeout: nil) == 0)
        thread.join()
    }

    @Test("takes any number of wakes as one, and the next as another")
    func wakesCoalesce() throws {
        let poller = try EpollPoller()
        for _ in 0..<3 {
            for _ in 0..<100 { poller.waker.wake() }
            let before = SystemClock.now()
            #expect(poller.wait(timeout: .seconds(3600)) == 0)
            #expect(SystemClock.now() - before < .seconds(3600))
        }
    }

    @Test("drops the wake from among other events")
    func wakeAmongEvents() throws {
        let poller = try EpollPoller()
        let pair = try SocketPair()
        try poller.add(pair.first.number, token)
        try poller.add(pair.second.number, PollToken(slot: 8, registration: 4))
        poller.waker.wake()

        #expect(poller.wait(timeout: .seconds(10)) == 2)
        let slots = Set([poller.event(0).token.slot, poller.event(1).token.slot])
        #expect(slots == [7, 8])
    }

    @Test("does not return before its time is up")
    func timeout() throws {
        let poller = try EpollPoller()
        let before = SystemClock.now()
        #expect(poller.wait(timeout: .microseconds(1500)) == 0)
        #expect(SystemClock.now() - before >= .microseconds(1500))
    }
}

/// Sends one octet.
func sendOctet(_ descriptor: Int32) -> IOResult {
    let octet: [UInt8] = [42]
    return octet.withUnsafeBytes { Syscalls.send(descriptor, $0) }
}
