import Wire

/// Routes to one binding by the hash of the routing key, modulo their number (RabbitMQ's sharding).
///
/// Bindings are kept in order of their destinations' names, so that a key goes the same way after
/// a restart. A destination bound several times gets several shares.
final class ModulusHashRouter: Router {
    private struct Entry {
        let destination: Destination
        let identity: [UInt8]
    }

    /// Fixed, so that a message goes the same way after a restart.
    private static let hash = ByteHash(seed: 0x2545_f491_4f6c_dd1d)

    private var entries: [Entry] = []

    init() {}

    func add(_ binding: Binding) {
        let identity = binding.destination.identity
        let entry = Entry(destination: binding.destination, identity: identity)
        entries.insert(entry, at: place(of: identity))
    }

    func remove(_ binding: Binding) {
        let index = place(of: binding.destination.identity)
        guard index < entries.count, entries[index].destination == binding.destination else {
            return
        }
        entries.remove(at: index)
    }

    func route(key: ByteView, headers: ByteView?, into destinations: inout [Destination]) {
        guard !entries.isEmpty else { return }
        let index = Self.hash.hash(key) % UInt64(entries.count)
        destinations.append(entries[Int(index)].destination)
    }

    /// The first place whose identity is not lower.
    private func place(of identity: [UInt8]) -> Int {
        (0..<entries.count).partitionPoint {
            entries[$0].identity.lexicographicallyPrecedes(identity)
        }
    }
}
