/// One message in one queue: 32 octets, whatever the message weighs.
struct QueueEntry: BitwiseCopyable {
    /// Where the message is; changes as it is paged out and in.
    var place: MessagePlace
    /// Place in the queue: counts up from 0; a requeued message keeps it and so its old place.
    let position: UInt64
    /// Body octets; kept here so that limits and counts need not touch the message.
    let bodySize: UInt32
    /// Times it was handed out and came back.
    var deliveryCount: UInt32
    var terms: EntryTerms

    var isRedelivered: Bool { deliveryCount > 0 }

    /// The message, which must be in memory.
    @inline(__always)
    var message: Message { place.message }

    /// Whether the message is on disk only.
    @inline(__always)
    var isPaged: Bool { place.isPaged }

    @inline(__always)
    init(message: Message, position: UInt64, terms: EntryTerms = .none) {
        self.place = MessagePlace(message)
        self.position = position
        self.bodySize = UInt32(truncatingIfNeeded: message.header.bodySize)
        self.deliveryCount = 0
        self.terms = terms
    }

    /// An entry for a message that is on disk only.
    init(
        place: MessagePlace,
        position: UInt64,
        bodySize: UInt32,
        deliveryCount: UInt32,
        terms: EntryTerms
    ) {
        precondition(place.isPaged, "a message in memory is entered by itself")
        self.place = place
        self.position = position
        self.bodySize = bodySize
        self.deliveryCount = deliveryCount
        self.terms = terms
    }

    /// Where its record stands in the journal; `nil` for what is not there.
    var journalLSN: UInt64? {
        guard isPaged else { return message.header.lsn == 0 ? nil : message.header.lsn }
        return place.isSpilled || place == .lost ? nil : place.lsn
    }

    /// Points to a copy of its record from now on.
    ///
    /// - Returns: Whether it pointed to `lsn` before, or shares its message with one that did.
    mutating func follow(from lsn: UInt64, to copy: UInt64) -> Bool {
        guard isPaged else {
            if message.header.lsn == lsn { message.header.lsn = copy }
            return message.header.lsn == copy
        }
        guard place == .journal(lsn) else { return false }
        place = .journal(copy)
        return true
    }
}
