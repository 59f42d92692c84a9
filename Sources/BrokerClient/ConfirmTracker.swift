/// Names a message published in confirm mode, counted from 1 on each channel.
public struct PublishSequenceNumber: Hashable, Comparable, Sendable {
    public var value: UInt64

    /// Wraps the number the broker uses in its confirms.
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Orders by the time of publishing.
    public static func < (left: PublishSequenceNumber, right: PublishSequenceNumber) -> Bool {
        left.value < right.value
    }
}

/// One basic.ack or basic.nack of the broker for published messages.
public struct Confirmation: Hashable, Sendable {
    /// The last message it is about.
    public var sequenceNumber: PublishSequenceNumber
    /// Whether it is about all earlier unconfirmed ones as well.
    public var isMultiple: Bool
    /// Whether the broker took responsibility; else the message is lost to it.
    public var isAccepted: Bool
}

/// How many messages were confirmed in either way.
public struct ConfirmCounts: Hashable, Sendable {
    public var accepted = 0
    public var refused = 0
}

/// Counts the messages whose confirm is awaited.
struct ConfirmTracker {
    typealias IdleWaiter = CheckedContinuation<Result<ConfirmCounts, ClientError>, Never>
    typealias Waiter = CheckedContinuation<Result<Bool?, ClientError>, Never>

    /// Most messages that may be unconfirmed before publishing suspends.
    var windowMax: Int
    private(set) var counts = ConfirmCounts()
    private(set) var unconfirmedCount = 0
    /// The number of the next message.
    private(set) var next: UInt64 = 1
    /// The lowest number not confirmed yet.
    private var first: UInt64 = 1
    /// Whether each message from number `first` on is still unconfirmed, starting at `head`.
    private var isOpen: [Bool] = []
    private var head = 0
    /// Tasks that wait for one message.
    private var waiters: [UInt64: (call: UInt64, continuation: Waiter)] = [:]
    /// Tasks that wait until nothing is unconfirmed.
    private var idleWaiters: [(call: UInt64, continuation: IdleWaiter)] = []

    init(windowMax: Int) {
        self.windowMax = windowMax
    }

    var hasRoom: Bool { unconfirmedCount < windowMax }

    /// Gives a number to a message about to be published.
    mutating func take() -> PublishSequenceNumber {
        isOpen.append(true)
        unconfirmedCount += 1
        defer { next += 1 }
        return PublishSequenceNumber(next)
    }

    /// Resumes `waiter` when `number` is confirmed; `call` names it for `abandon`.
    mutating func wait(for number: PublishSequenceNumber, call: UInt64, _ waiter: Waiter) {
        waiters[number.value] = (call, waiter)
    }

    /// Ends the wait of a cancelled task, if it still waits.
    mutating func abandon(call: UInt64) -> Bool {
        if let index = idleWaiters.firstIndex(where: { $0.call == call }) {
            idleWaiters.remove(at: index).continuation.resume(returning: .failure(.cancelled))
            return true
        }
        guard let number = waiters.first(where: { $0.value.call == call })?.key,
            let waiter = waiters.removeValue(forKey: number)
        else { return false }
        waiter.continuation.resume(returning: .failure(.cancelled))
        return true
    }

    /// Resumes `waiter` when nothing is unconfirmed; `call` names it for `abandon`.
    mutating func waitUntilIdle(call: UInt64, _ waiter: IdleWaiter) {
        idleWaiters.append((call, waiter))
    }

    /// Takes in a confirm.
    ///
    /// - Parameters:
    ///   - tag: Delivery tag of the broker's method; 0 with `isMultiple` stands for all.
    ///   - isMultiple: Whether earlier ones are meant too.
    ///   - isAccepted: ack or nack.
    /// - Returns: How many waiting tasks were resumed; `nil` when the number was never given out.
    mutating func settle(tag: UInt64, isMultiple: Bool, isAccepted: Bool) -> Int? {
        guard tag < next, tag > 0 || isMultiple else { return nil }
        var resumed = 0
        let last = tag == 0 ? next - 1 : tag
        guard last >= first else { return 0 }
        let start = isMultiple ? first : last
        if start <= last {
            for number in start...last {
                resumed += settle(number, isAccepted: isAccepted)
            }
        }
        dropSettled()
        if unconfirmedCount == 0 { resumed += resumeIdle() }
        return resumed
    }

    private mutating func settle(_ number: UInt64, isAccepted: Bool) -> Int {
        let index = head + Int(number - first)
        guard isOpen[index] else { return 0 }
        isOpen[index] = false
        unconfirmedCount -= 1
        if isAccepted { counts.accepted += 1 } else { counts.refused += 1 }
        guard !waiters.isEmpty, let waiter = waiters.removeValue(forKey: number) else { return 0 }
        waiter.continuation.resume(returning: .success(isAccepted))
        return 1
    }

    /// Moves past the settled front; compacts once it is the larger half.
    private mutating func dropSettled() {
        while head < isOpen.count, !isOpen[head] {
            head += 1
            first += 1
        }
        if head > 1024, head > isOpen.count / 2 {
            isOpen.removeFirst(head)
            head = 0
        }
    }

    private mutating func resumeIdle() -> Int {
        let resumed = idleWaiters
        idleWaiters.removeAll()
        for waiter in resumed { waiter.continuation.resume(returning: .success(counts)) }
        return resumed.count
    }

    /// Fails all waiting tasks and gives their number.
    mutating func fail(_ error: ClientError) -> Int {
        for waiter in waiters.values { waiter.continuation.resume(returning: .failure(error)) }
        for waiter in idleWaiters { waiter.continuation.resume(returning: .failure(error)) }
        defer {
            waiters.removeAll()
            idleWaiters.removeAll()
        }
        return waiters.count + idleWaiters.count
    }
}
