/// The messages of a queue that wait for a consumer, in order of their positions.
///
/// New messages have the highest position and go to the end of a ring. Messages that come back
/// (nack, reject, a consumer that went away) belong before others: they wait in a binary heap, and
/// the next message is the lower of the ring's first and the heap's top. So a requeue costs
/// O(log n) of what came back, whatever the order of the nacks, and nothing for anybody else.
struct ReadyMessages: ~Copyable {
    private var ring = Ring<QueueEntry>()
    private var returned = Ring<QueueEntry>()
    /// Octets of all bodies.
    private(set) var bodyBytes = 0

    @inline(__always)
    var count: Int { ring.count &+ returned.count }
    @inline(__always)
    var isEmpty: Bool { ring.count == 0 && returned.count == 0 }

    /// Adds a message behind all others.
    @inline(__always)
    mutating func append(_ entry: QueueEntry) {
        bodyBytes &+= Int(entry.bodySize)
        ring.append(entry)
    }

    /// Removes and returns the message with the lowest position.
    @inline(__always)
    mutating func popFirst() -> QueueEntry? {
        if returned.count > 0 { return popReturned() }
        guard let entry = ring.popFirst() else { return nil }
        bodyBytes &-= Int(entry.bodySize)
        return entry
    }

    /// The message `popFirst` would return.
    var first: QueueEntry? {
        guard let top = returned.first else { return ring.first }
        guard let next = ring.first else { return top }
        return top.position < next.position ? top : next
    }

    /// Puts a message back to its old place.
    mutating func putBack(_ entry: QueueEntry) {
        bodyBytes += Int(entry.bodySize)
        returned.append(entry)
        var child = returned.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard returned[child].position < returned[parent].position else { break }
            swapReturned(child, parent)
            child = parent
        }
    }

    private mutating func popReturned() -> QueueEntry? {
        guard let top = returned.first else { return nil }
        if let next = ring.first, next.position < top.position {
            _ = ring.popFirst()
            bodyBytes -= Int(next.bodySize)
            return next
        }
        bodyBytes -= Int(top.bodySize)
        let last = returned.count - 1
        swapReturned(0, last)
        _ = returned.popLast()
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < last else { break }
            if child + 1 < last, returned[child + 1].position < returned[child].position {
                child += 1
            }
            guard returned[child].position < returned[parent].position else { break }
            swapReturned(child, parent)
            parent = child
        }
        return top
    }

    private mutating func swapReturned(_ left: Int, _ right: Int) {
        guard left != right else { return }
        let entry = returned[left]
        returned[left] = returned[right]
        returned[right] = entry
    }
}
