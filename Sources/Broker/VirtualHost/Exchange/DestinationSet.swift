/// Destinations, each with the number of bindings that lead to it.
///
/// Small sets are searched; large ones, such as a fanout's to every queue, also know the place of
/// each destination, so that deleting the queues one by one does not take quadratic time.
struct DestinationSet {
    private struct Entry {
        let destination: Destination
        var bindingCount: UInt32
    }

    /// Sets up to this size are searched from the start.
    private static let searchedCountMax = 16

    private var entries: [Entry] = []
    /// The place of each destination in `entries`; nil while the set is small.
    private var places: [Destination: Int]?

    /// Number of different destinations.
    var count: Int { entries.count }

    var isEmpty: Bool { entries.isEmpty }

    /// Counts one more binding to `destination`.
    mutating func add(_ destination: Destination) {
        if let place = place(of: destination) {
            entries[place].bindingCount += 1
            return
        }
        entries.append(Entry(destination: destination, bindingCount: 1))
        if places != nil {
            places?[destination] = entries.count - 1
        } else if entries.count > Self.searchedCountMax {
            var places: [Destination: Int] = [:]
            for (place, entry) in entries.enumerated() { places[entry.destination] = place }
            self.places = places
        }
    }

    /// Counts one binding less to `destination`, and drops it with the last one.
    mutating func remove(_ destination: Destination) {
        guard let place = place(of: destination) else { return }
        entries[place].bindingCount -= 1
        guard entries[place].bindingCount == 0 else { return }
        // The last entry takes the place of the removed one.
        let last = entries.removeLast()
        if place < entries.count {
            entries[place] = last
            places?[last.destination] = place
        }
        places?[destination] = nil
        if entries.isEmpty { self = DestinationSet() }
    }

    /// Appends every destination to `destinations`.
    func append(to destinations: inout [Destination]) {
        for entry in entries { destinations.append(entry.destination) }
    }

    private func place(of destination: Destination) -> Int? {
        if let places { return places[destination] }
        return entries.firstIndex { $0.destination == destination }
    }
}
