import Wire

/// Routes to one binding by chance, each with the same chance (x-random, x-local-random).
final class RandomRouter: Router {
    private var destinations: [Destination] = []
    private var random: RandomSource

    init(drawingFrom source: inout RandomSource) {
        random = RandomSource(
            seed: .init(words: (source.next(), source.next(), source.next(), source.next()))
        )
    }

    /// Checks a binding of an x-local-random exchange.
    ///
    /// - Throws: 406 unless it leads to a classic queue and its key is empty.
    static func validateLocal(
        _ destination: Destination,
        key: ShortString
    ) throws(ProtocolError) {
        guard key.isEmpty else {
            throw ProtocolError(
                .preconditionFailed,
                "Non empty binding '\(key.string)' key not permitted"
            )
        }
        guard case .queue(let queue) = destination else {
            throw ProtocolError(.preconditionFailed, "Destination not found")
        }
        let type = queue.state.settings.type
        guard type == .classic else {
            throw ProtocolError(
                .preconditionFailed,
                "Queue type \(type.rawValue) not valid for this exchange type"
            )
        }
    }

    func add(_ binding: Binding) { destinations.append(binding.destination) }

    func remove(_ binding: Binding) {
        guard let index = destinations.firstIndex(of: binding.destination) else { return }
        destinations.swapAt(index, destinations.count - 1)
        destinations.removeLast()
    }

    func route(key: ByteView, headers: ByteView?, into destinations: inout [Destination]) {
        guard !self.destinations.isEmpty else { return }
        let index = Int.random(in: 0..<self.destinations.count, using: &random)
        destinations.append(self.destinations[index])
    }
}
