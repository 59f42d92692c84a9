/// Where the message of a queue entry is: in memory, or on disk only.
///
/// One word. The address of a block is a multiple of 16, so its low bits tell the cases apart:
/// bit 0 is set for what is not in memory, bit 1 says in which log it then stands.
@safe
struct MessagePlace: BitwiseCopyable, Equatable {
    private let bits: UInt64

    private static let pagedBit: UInt64 = 1
    private static let spillBit: UInt64 = 2
    /// Neither in memory nor readable on disk.
    static let lost = MessagePlace(bits: pagedBit)

    /// Nowhere: the message has left the queue, its entry has not left the list.
    static let gone = MessagePlace(bits: UInt64.max)

    /// In a stream, where it stays whatever becomes of a delivery.
    static let streamed = MessagePlace(bits: UInt64.max - 4)

    private init(bits: UInt64) { self.bits = bits }

    @inline(__always)
    init(_ message: Message) {
        unsafe bits = UInt64(UInt(bitPattern: message.block))
    }

    /// The place of a record in the journal.
    static func journal(_ lsn: UInt64) -> MessagePlace {
        MessagePlace(bits: lsn << 2 | pagedBit)
    }

    /// The place of a record in the spill log.
    static func spill(_ lsn: UInt64) -> MessagePlace {
        MessagePlace(bits: lsn << 2 | spillBit | pagedBit)
    }

    /// Whether the message is on disk only.
    var isPaged: Bool {
        @inline(__always) get { bits & MessagePlace.pagedBit != 0 }
    }

    var isSpilled: Bool {
        bits & (MessagePlace.pagedBit | MessagePlace.spillBit)
            == (MessagePlace.pagedBit | MessagePlace.spillBit)
    }

    /// Its log sequence number, in the journal or the spill log; only for what is paged.
    var lsn: UInt64 {
        precondition(isPaged, "a message in memory has no place on disk")
        return bits >> 2
    }

    /// The message, which must be in memory.
    @inline(__always)
    var message: Message {
        precondition(!isPaged, "a message that is on disk only")
        guard let block = unsafe UnsafeMutableRawPointer(bitPattern: UInt(bits)) else {
            preconditionFailure("a place is never empty")
        }
        return unsafe Message(block: block)
    }
}
