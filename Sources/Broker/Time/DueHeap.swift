/// Positions of messages by the time they are due, and then by position.
///
/// A heap in which each item has four below it: half as deep as a binary one, and the four lie
/// side by side.
struct DueHeap: ~Copyable {
    struct Item: BitwiseCopyable, Equatable {
        /// Milliseconds, of whatever clock.
        let due: Int64
        let position: UInt64

        @inline(__always)
        static func < (left: Item, right: Item) -> Bool {
            left.due != right.due ? left.due < right.due : left.position < right.position
        }
    }

    private static var width: UInt32 { 4 }

    /// Item 1 is the first; below item n are items 4n - 2 to 4n + 1.
    private var items = Slab<Item>()

    init() {}

    var count: Int { items.count }
    var isEmpty: Bool { items.count == 0 }

    /// The item that is due first.
    var first: Item? { items.count == 0 ? nil : items[1] }

    mutating func insert(_ item: Item) {
        var place = items.append(item)
        while place > 1 {
            let above = (place + 2) / Self.width
            guard item < items[above] else { break }
            items[place] = items[above]
            place = above
        }
        items[place] = item
    }

    /// Removes and returns the item that is due first.
    mutating func popFirst() -> Item? {
        guard let first, let last = items.removeLast() else { return nil }
        let count = UInt32(items.count)
        guard count > 0 else { return first }
        var place: UInt32 = 1
        while true {
            let below = Self.width * place - 2
            guard below <= count else { break }
            var least = below
            for other in below..<min(below + Self.width, count + 1)
            where items[other] < items[least] {
                least = other
            }
            guard items[least] < last else { break }
            items[place] = items[least]
            place = least
        }
        items[place] = last
        return first
    }

    mutating func removeAll() { items.removeAll() }
}
