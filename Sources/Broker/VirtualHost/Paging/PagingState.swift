import Wire

/// What a virtual host knows of messages that do not stay in memory.
///
/// Beyond a budget the messages at the far end of long queues leave memory: those the journal has
/// are simply let go, all others are first written to the spill log, which lasts as long as the
/// process. They come back by reading ahead of the consumers. The core decides what goes and what
/// comes; a thread of the shell reads and writes.
struct PagingState: ~Copyable {
    /// Octets of messages in memory that are kept; `Int.max` without paging.
    var budget = Int.max
    /// Memory is short: queues that grow are noted.
    var isActive = false
    /// Queues that may have messages to page, each once.
    var candidates = Ring<Queue>()
    /// Channels that may have deliveries to page.
    var holders = DeliveryHolders()
    /// How many queues are being read ahead.
    var readerCount = 0

    /// Messages on their way to the spill log.
    var spillBuffer = JournalBuffer(nextLSN: 0)
    var spillItems: [SpillItem] = []
    /// Octets of messages that are in memory and on their way to the spill log.
    var spillingBytes = 0
    /// Spilling has failed for good; messages that only memory has stay there.
    var isSpillBroken = false
    var spillLedger = SpillLedger()

    /// What is to be read, in the order it was asked for.
    var requests: [PageRequest] = []

    /// Much memory has become free: the process may give it back.
    var hasShrunk = false

    /// More than this many octets do not wait for the spill log, and publishers are held.
    static let spillBacklogMax = 16 << 20
    /// Queues looked at in one batch.
    static let candidateCountMax = 64
    /// Octets of messages read ahead for a queue, at least and at most.
    var windowMin: Int { min(64 << 10, budget / 4) }
    static let windowMax = 4 << 20
    /// What a message takes besides its body, estimated.
    static let messageOverhead = 200
}

/// A message on its way to the spill log.
struct SpillItem: BitwiseCopyable {
    let queue: Queue
    let position: UInt64
    let priority: UInt8
    let lsn: UInt64
    /// Octets of its block.
    let size: Int
    /// The delivery that was to be paged; `nil` for a message that waits.
    let delivery: Delivery?

    struct Delivery: BitwiseCopyable {
        /// The number of its channel.
        let holder: UInt64
        let tag: UInt64
    }
}

/// How many messages each segment of the spill log is still needed for.
struct SpillLedger: ~Copyable {
    /// A segment holds the records that begin in a stretch of 64 MiB.
    static let segmentShift: UInt64 = 26
    private var counts = Ring<UInt32>()
    private var first: UInt64 = 0

    mutating func add(_ lsn: UInt64) {
        let segment = lsn >> SpillLedger.segmentShift
        if counts.isEmpty { first = segment }
        while UInt64(counts.count) <= segment - first { counts.append(0) }
        counts[Int(segment - first)] += 1
    }

    mutating func remove(_ lsn: UInt64) {
        let segment = lsn >> SpillLedger.segmentShift
        counts[Int(segment - first)] -= 1
        while counts.first == 0 {
            _ = counts.popFirst()
            first += 1
        }
    }

    /// Whether no message needs a segment any more; more may come only in the newest.
    func isDead(_ segment: UInt64) -> Bool {
        guard segment >= first, segment - first < UInt64(counts.count) else { return true }
        return counts[Int(segment - first)] == 0
    }
}
