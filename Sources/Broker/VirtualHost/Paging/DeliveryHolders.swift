/// Channels with deliveries that may leave memory, while memory is short.
///
/// Each has a number, so that what still speaks of a channel that has gone finds nothing.
struct DeliveryHolders: ~Copyable {
    private var channels: [UInt64: Channel] = [:]
    /// Those that may have something to page, each once, and some that have gone.
    private var candidates = Ring<UInt64>()
    private var lastNumber: UInt64 = 0

    /// So many that have gone are kept among the candidates.
    private static let goneCountKept = 64

    init() {}

    /// How many may have something to page, at most.
    var candidateCount: Int { candidates.count }

    /// The channel with a number; `nil` when it has gone.
    func channel(_ number: UInt64) -> Channel? { channels[number] }

    /// The number of a channel, which has one from now on.
    mutating func number(of channel: Channel) -> UInt64 {
        if channel.state.holderNumber == 0 {
            lastNumber += 1
            channel.state.holderNumber = lastNumber
            channels[lastNumber] = channel
        }
        return channel.state.holderNumber
    }

    /// Notes that a channel may have something to page.
    mutating func note(_ channel: Channel) {
        channel.state.isPagingCandidate = true
        candidates.append(number(of: channel))
        if candidates.count > 2 * channels.count + Self.goneCountKept { dropGone() }
    }

    /// Takes a channel to look at; it is noted again if it may have more.
    mutating func takeCandidate() -> Channel? {
        while let number = candidates.popFirst() {
            guard let channel = channels[number] else { continue }
            channel.state.isPagingCandidate = false
            return channel
        }
        return nil
    }

    /// A channel has given back what it had.
    mutating func forget(_ channel: Channel) {
        guard channel.state.holderNumber != 0 else { return }
        channels[channel.state.holderNumber] = nil
        channel.state.holderNumber = 0
        channel.state.isPagingCandidate = false
    }

    private mutating func dropGone() {
        for _ in 0..<candidates.count {
            guard let number = candidates.popFirst() else { return }
            if channels[number] != nil { candidates.append(number) }
        }
    }
}
