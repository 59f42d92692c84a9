/// The publish sequence numbers of a channel in confirm mode (RabbitMQ: confirm.select).
///
/// Publishes settle in order, so what is owed is always a run: one cumulative basic.ack per
/// channel and batch. A refusal by a full queue interrupts the run with a basic.nack of its own.
struct ConfirmTracker {
    var isSelected = false
    /// Publishes seen since confirm.select.
    private(set) var published: UInt64 = 0
    /// The last sequence number answered.
    private(set) var answered: UInt64 = 0
    /// The next channel that owes confirms when the batch ends.
    var nextConfirming: Channel?
    /// On the virtual host's list of channels that owe confirms.
    var isConfirming = false

    /// Publishes not yet answered.
    var unconfirmedCount: UInt64 { published - answered }

    /// Counts a publish.
    ///
    /// - Returns: Its sequence number.
    @inline(__always)
    mutating func publish() -> UInt64 {
        published &+= 1
        return published
    }

    /// Takes what is owed up to and including a number.
    ///
    /// - Returns: The number to acknowledge and whether it covers several; `nil` if none is owed.
    mutating func answer(through number: UInt64) -> (number: UInt64, isMultiple: Bool)? {
        guard number > answered else { return nil }
        let isMultiple = number - answered > 1
        answered = number
        return (number, isMultiple)
    }
}
