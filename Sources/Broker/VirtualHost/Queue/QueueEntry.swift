/// One message in one queue: 32 octets, whatever the message weighs.
struct QueueEntry: BitwiseCopyable {
    let message: Message
    /// Place in the queue: counts up from 0; a requeued message keeps it and so its old place.
    let position: UInt64
    /// Body octets; kept here so that limits and counts need not touch the message.
    let bodySize: UInt32
    /// Times it was handed out and came back.
    var deliveryCount: UInt32
    /// Reserved for the instant the message expires, in nanoseconds; 0 is never.
    var expiresAt: UInt64

    var isRedelivered: Bool { deliveryCount > 0 }

    init(message: Message, position: UInt64) {
        self.message = message
        self.position = position
        self.bodySize = UInt32(truncatingIfNeeded: message.header.bodySize)
        self.deliveryCount = 0
        self.expiresAt = 0
    }
}
