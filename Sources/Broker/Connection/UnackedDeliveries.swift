/// One delivery that its consumer, or the channel that got it, has yet to settle.
struct UnackedDelivery: BitwiseCopyable {
    let deliveryTag: UInt64
    let queue: Queue
    /// `nil` for what basic.get fetched.
    let consumer: Consumer?
    var entry: QueueEntry
    var status: Status
    /// When it was handed out, as `VirtualHostState.tick` says it.
    let tick: UInt32

    enum Status: UInt8, BitwiseCopyable {
        case open
        /// Settled in a transaction that is neither committed nor rolled back.
        case inTransaction
        case settled
    }

    /// Of a stream, and open.
    var isStreamed: Bool { status == .open && entry.place == .streamed }
}

/// The deliveries of one channel that wait to be settled, in order of their tags.
///
/// A ring sorted by tag. Tags are handed out one by one, so a delivery normally stands at
/// `tag - first tag`; only after `compact` has squeezed out settled ones (one message held for
/// long while others pass must not grow the ring for ever) is it searched for by halving.
struct UnackedDeliveries: ~Copyable {
    private var ring = Ring<UnackedDelivery>()
    /// Deliveries not settled, those of an open transaction included.
    private(set) var count = 0
    /// No delivery up to this tag is open: a transaction that holds many is not looked through
    /// again and again.
    private var closedThrough: UInt64 = 0
    /// Deliveries with lower tags have been paged out, or are on their way.
    private var pagedThrough: UInt64 = 0

    /// Rings smaller than this are never compacted.
    private static let compactionSpanMin = 512

    @inline(__always)
    mutating func append(_ delivery: UnackedDelivery) {
        if ring.count >= UnackedDeliveries.compactionSpanMin, count < ring.count / 4 { compact() }
        ring.append(delivery)
        count &+= 1
    }

    /// Removes and returns the open delivery with this tag; `nil` when there is none.
    @inline(__always)
    mutating func take(_ deliveryTag: UInt64) -> UnackedDelivery? {
        guard let index = index(of: deliveryTag) else { return nil }
        let delivery = ring[index]
        guard delivery.status == .open else { return nil }
        remove(at: index)
        return delivery
    }

    /// Removes and returns the first open delivery, if its tag is at most `deliveryTag`.
    mutating func takeFirst(through deliveryTag: UInt64) -> UnackedDelivery? {
        var index = firstMaybeOpen
        while index < ring.count {
            let delivery = ring[index]
            guard delivery.deliveryTag <= deliveryTag else { return nil }
            if delivery.status == .open {
                closedThrough = delivery.deliveryTag
                remove(at: index)
                return delivery
            }
            index += 1
        }
        return nil
    }

    /// Whether there is an open delivery with this tag.
    func isOpen(_ deliveryTag: UInt64) -> Bool {
        guard let index = index(of: deliveryTag) else { return false }
        return ring[index].status == .open
    }

    /// Whether an open delivery is of a stream.
    ///
    /// - Parameters:
    ///   - deliveryTag: Of the delivery, or of the last one to look at.
    ///   - isMultiple: All open ones up to that tag are looked at.
    /// - Returns: Whether one of them is.
    func hasStreamed(_ deliveryTag: UInt64, isMultiple: Bool) -> Bool {
        guard isMultiple else {
            guard let index = index(of: deliveryTag) else { return false }
            return ring[index].isStreamed
        }
        for index in firstMaybeOpen..<ring.count {
            let delivery = ring[index]
            guard delivery.deliveryTag <= deliveryTag else { return false }
            if delivery.isStreamed { return true }
        }
        return false
    }

    /// Sets an open delivery aside for the transaction; `false` when there is none by this tag.
    mutating func hold(_ deliveryTag: UInt64) -> Bool {
        guard let index = index(of: deliveryTag), ring[index].status == .open else { return false }
        ring[index].status = .inTransaction
        return true
    }

    /// Sets all open deliveries up to a tag aside for the transaction.
    ///
    /// - Returns: Their tags, lowest first.
    mutating func hold(through deliveryTag: UInt64) -> [UInt64] {
        var tags: [UInt64] = []
        for index in firstMaybeOpen..<ring.count {
            let delivery = ring[index]
            guard delivery.deliveryTag <= deliveryTag else { break }
            closedThrough = delivery.deliveryTag
            guard delivery.status == .open else { continue }
            ring[index].status = .inTransaction
            tags.append(delivery.deliveryTag)
        }
        return tags
    }

    /// What stands before it is not open.
    @inline(__always)
    private var firstMaybeOpen: Int {
        guard let first = ring.first, first.deliveryTag <= closedThrough else { return 0 }
        return lowerBound(of: closedThrough + 1)
    }

    /// A delivery held for the transaction; `nil` when there is none by this tag.
    func held(_ deliveryTag: UInt64) -> UnackedDelivery? {
        guard let index = index(of: deliveryTag), ring[index].status == .inTransaction else {
            return nil
        }
        return ring[index]
    }

    /// Removes and returns a delivery held for the transaction.
    mutating func takeHeld(_ deliveryTag: UInt64) -> UnackedDelivery? {
        guard let delivery = held(deliveryTag), let index = index(of: deliveryTag) else {
            return nil
        }
        remove(at: index)
        return delivery
    }

    /// Makes a delivery held for the transaction open again (tx.rollback).
    mutating func letGo(_ deliveryTag: UInt64) {
        guard let index = index(of: deliveryTag), ring[index].status == .inTransaction else {
            return
        }
        ring[index].status = .open
        closedThrough = min(closedThrough, deliveryTag - 1)
    }

    /// Removes and returns the oldest delivery whatever its status, for a closing channel.
    mutating func popFirst() -> UnackedDelivery? {
        while let delivery = ring.popFirst() {
            guard delivery.status != .settled else { continue }
            count -= 1
            return delivery
        }
        return nil
    }

    /// Calls `body` with what is not settled, lowest tag first, until it returns `false`.
    func forEachUnsettled(_ body: (UnackedDelivery) -> Bool) {
        for index in 0..<ring.count where ring[index].status != .settled {
            guard body(ring[index]) else { return }
        }
    }

    /// Lets `body` change the entries of what is not settled; their places stay.
    mutating func updateUnsettled(_ body: (inout UnackedDelivery) -> Void) {
        for index in 0..<ring.count where ring[index].status != .settled { body(&ring[index]) }
    }

    /// Lets `body` change what is not settled and was not paged out before, lowest tag first.
    ///
    /// - Parameter body: Returns `false` to end it there, and begin there the next time.
    mutating func pageOut(_ body: (inout UnackedDelivery) -> Bool) {
        var index = lowerBound(of: pagedThrough)
        while index < ring.count {
            if ring[index].status != .settled, !body(&ring[index]) { break }
            index += 1
        }
        if index < ring.count {
            pagedThrough = ring[index].deliveryTag
        } else if let last = ring.last {
            pagedThrough = last.deliveryTag + 1
        }
    }

    /// Whether there may be deliveries that were not paged out.
    var mayHaveResidents: Bool { ring.last.map { $0.deliveryTag >= pagedThrough } ?? false }

    /// Lets `body` change a delivery that is not settled, if there is one by this tag.
    mutating func update(_ deliveryTag: UInt64, _ body: (inout UnackedDelivery) -> Void) {
        guard let index = index(of: deliveryTag), ring[index].status != .settled else { return }
        body(&ring[index])
    }

    @inline(__always)
    private func index(of deliveryTag: UInt64) -> Int? {
        guard let first = ring.first, deliveryTag >= first.deliveryTag else { return nil }
        let distance = deliveryTag &- first.deliveryTag
        if distance < UInt64(ring.count) {
            let index = Int(truncatingIfNeeded: distance)
            if ring[index].deliveryTag == deliveryTag { return index }
        }
        return search(deliveryTag)
    }

    private func search(_ deliveryTag: UInt64) -> Int? {
        let index = lowerBound(of: deliveryTag)
        return index < ring.count && ring[index].deliveryTag == deliveryTag ? index : nil
    }

    /// Where the first delivery with this tag or a higher one stands.
    private func lowerBound(of deliveryTag: UInt64) -> Int {
        (0..<ring.count).partitionPoint { ring[$0].deliveryTag < deliveryTag }
    }

    @inline(__always)
    private mutating func remove(at index: Int) {
        count &-= 1
        guard index == 0 else {
            ring[index].status = .settled
            return
        }
        ring.removeFirst(1)
        while let first = ring.first, first.status == .settled { ring.removeFirst(1) }
    }

    private mutating func compact() {
        var kept = Ring<UnackedDelivery>()
        for index in 0..<ring.count where ring[index].status != .settled {
            kept.append(ring[index])
        }
        swap(&ring, &kept)
    }
}
