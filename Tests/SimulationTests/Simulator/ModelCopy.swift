import Wire

@testable import Broker

/// One message in one queue.
final class ModelCopy {
    let message: ModelMessage
    let queue: ModelQueue
    let priority: UInt8
    /// How long it may wait, in milliseconds; with none it only goes to who takes it at once.
    let timeToLive: Int?
    /// When its time is over.
    var deadline: Instant?
    /// Its place among all copies of the queue.
    var position = 0
    /// Whether the broker has said where it stands.
    var isPlaced = false
    /// Its place among everything that was written to the journal, or the first it can have.
    var sequence = 0
    /// The last place it can have, where others went on in the same step.
    var lastSequence: Int?
    var place = Place.ready
    /// The value that keeps others out of its queue.
    var value: ValueDigest?
    /// The value of its queue's group header; `nil` without one.
    let groupValue: [UInt8]?
    /// It is in the journal, with this batch.
    var journalEpoch: Int?
    /// It was settled, dropped or purged, which this batch says.
    var settledEpoch: Int?
    /// The place of the commit that settled it, if one did.
    var settledWith: Int?
    /// It was first handed out to be acknowledged when this batch collected.
    var deliveredEpoch: Int?
    /// Times it was handed out and came back, as the broker counts.
    var deliveryCount = 0
    /// The batches that say so, since the last restart.
    var returnEpochs: [Int] = []
    /// What it counted then.
    var restoredCount = 0
    /// The operation that last put it back.
    var returnedBy = 0
    /// The operation that brought it.
    var enteredBy = 0
    /// What it became when it died and was sent on.
    var letters: [ModelCopy] = []
    /// It outlived the operation that brought it: the journal has it, if it keeps it at all.
    var wasStored = false

    enum Place: Equatable {
        case ready
        case out
        /// Dead, and not yet sent on.
        case dying
        case gone
    }

    init(_ message: ModelMessage, in queue: ModelQueue, priority: UInt8, timeToLive: Int?) {
        self.message = message
        self.queue = queue
        self.priority = priority
        self.timeToLive = timeToLive
        value = queue.isUnique ? message.digest : nil
        groupValue = queue.groupHeader.flatMap { message.headers[$0]?.comparedOctets }
    }

    var name: String { "message \(message.id) in \(queue.name.string)/\(queue.life)" }

    /// Whether its queue has it, or a consumer has not settled it.
    var isIn: Bool { place == .ready || place == .out }

    var isRedelivered: Bool { deliveryCount > 0 }

    /// What a consumer gets with it, or basic.get.
    func properties(isFetched: Bool = false) -> BasicProperties {
        let isCounted = queue.isQuorum && (isFetched || isRedelivered)
        return message.properties(deliveryCount: isCounted ? deliveryCount : nil)
    }

    /// Whether it is handed out before another one of its queue.
    func isBefore(_ other: ModelCopy) -> Bool {
        priority == other.priority ? position < other.position : priority > other.priority
    }

    /// A restart brought it back.
    func becomeDurable() {
        place = .ready
        isPlaced = true
        wasStored = true
        journalEpoch = 0
        settledEpoch = nil
        settledWith = nil
        letters = []
        returnEpochs = []
        restoredCount = deliveryCount
    }
}
