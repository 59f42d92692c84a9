/// What has a place among others of its kind.
protocol Positioned: BitwiseCopyable {
    var position: UInt64 { get }
}

/// Elements in the order of their positions, no two at the same one, added and taken out anywhere.
///
/// They stand in chunks of at most `chunkMax`, so that one that comes or goes moves few others.
/// Finding one takes a number of steps that grows with the logarithm of how many there are.
struct SortedList<Element: Positioned>: ~Copyable {
    /// Elements of a chunk.
    static var chunkMax: Int { 256 }
    /// With more slots than this an only chunk returns its memory when it is empty.
    private static var keptCapacityMax: Int { 16 }

    /// Not empty, unless there is only one.
    private var chunks: [Handle<Ring<Element>>] = []
    private(set) var count = 0

    init() {}

    deinit {
        for chunk in chunks { chunk.destroy() }
    }

    var isEmpty: Bool { count == 0 }

    /// The element with the lowest position.
    var first: Element? { chunks.first?.state.first }

    /// Takes the element with the lowest position.
    mutating func popFirst() -> Element? {
        guard let chunk = chunks.first, let element = chunk.state.popFirst() else { return nil }
        count -= 1
        if chunk.state.isEmpty { dropEmpty(0) }
        return element
    }

    /// Adds an element at a position where none is.
    mutating func insert(_ element: Element) {
        if chunks.isEmpty { chunks.append(Handle(Ring<Element>())) }
        let number = chunkNumber(of: element.position)
        let chunk = chunks[number]
        let place = Self.lowerBound(of: element.position, in: chunk)
        precondition(
            place == chunk.state.count || chunk.state[place].position != element.position,
            "a position used twice"
        )
        count += 1
        if chunk.state.count < Self.chunkMax {
            chunk.state.insert(element, at: place)
        } else {
            insertBeyond(element, at: place, number)
        }
    }

    /// The element at a position.
    func find(_ position: UInt64) -> Element? {
        guard let (number, place) = locate(position) else { return nil }
        return chunks[number].state[place]
    }

    /// Takes the element at a position.
    mutating func remove(_ position: UInt64) -> Element? {
        guard let (number, place) = locate(position) else { return nil }
        let element = chunks[number].state.remove(at: place)
        count -= 1
        if chunks[number].state.isEmpty { dropEmpty(number) }
        return element
    }

    /// Calls `body` with every element, lowest position first, until it returns `false`.
    ///
    /// - Returns: Whether it never did.
    func forEach(_ body: (Element) -> Bool) -> Bool {
        for chunk in chunks {
            for place in 0..<chunk.state.count {
                guard body(chunk.state[place]) else { return false }
            }
        }
        return true
    }

    /// Adds an element to a chunk that is full.
    ///
    /// What comes in order, from either end, fills one chunk after the other.
    private mutating func insertBeyond(_ element: Element, at place: Int, _ number: Int) {
        let fresh = Handle(Ring<Element>())
        if place == Self.chunkMax, number == chunks.count - 1 {
            fresh.state.append(element)
            return chunks.append(fresh)
        }
        if place == 0 {
            fresh.state.append(element)
            return chunks.insert(fresh, at: number)
        }
        let full = chunks[number]
        while full.state.count > Self.chunkMax / 2, let last = full.state.popLast() {
            fresh.state.prepend(last)
        }
        chunks.insert(fresh, at: number + 1)
        if place <= full.state.count {
            full.state.insert(element, at: place)
        } else {
            fresh.state.insert(element, at: place - full.state.count)
        }
    }

    private mutating func dropEmpty(_ number: Int) {
        if chunks.count > 1 {
            chunks.remove(at: number).destroy()
        } else if chunks[number].state.capacity > Self.keptCapacityMax {
            chunks[number].state.removeAll()
        }
    }

    /// Where the element at a position stands.
    private func locate(_ position: UInt64) -> (number: Int, place: Int)? {
        guard count > 0 else { return nil }
        let number = chunkNumber(of: position)
        let place = Self.lowerBound(of: position, in: chunks[number])
        guard place < chunks[number].state.count,
            chunks[number].state[place].position == position
        else { return nil }
        return (number, place)
    }

    /// The last chunk that begins at a position or before it; the first one if none does.
    private func chunkNumber(of position: UInt64) -> Int {
        (0..<max(0, chunks.count - 1)).partitionPoint {
            chunks[$0 + 1].state[0].position <= position
        }
    }

    /// The place of the first element at or behind a position.
    private static func lowerBound(of position: UInt64, in chunk: Handle<Ring<Element>>) -> Int {
        (0..<chunk.state.count).partitionPoint { chunk.state[$0].position < position }
    }
}
