import Wire

/// Routes to one destination by the hash of a part of the message (RabbitMQ's plugin of that name).
///
/// The binding key is the weight of a destination. Each destination draws a number from the hash
/// of the message and its own name, scaled by its weight, and the lowest number wins (weighted
/// rendezvous hashing). So shares are in proportion to the weights, a destination that comes or
/// goes moves only the messages it gains or loses, and the choice depends on names alone: it is
/// the same after a restart. Routing looks at every destination once.
final class ConsistentHashRouter: Router {
    private struct Entry {
        let destination: Destination
        let nameHash: UInt64
        /// Of its bindings, oldest first: the first one counts, as in RabbitMQ.
        var weights: [Double]
    }

    /// Fixed, so that a message goes the same way after a restart.
    private static let hash = ByteHash(seed: 0x5bd1_e995_9e37_79b9)

    let part: HashedPart
    private var entries: [Entry] = []
    private var scratch = ByteScratch()

    init(hashing part: HashedPart) { self.part = part }

    /// The weight a binding key says.
    ///
    /// Later RabbitMQ refuses weights beyond 10,000, each of which costs it a bucket; here a weight
    /// is one number, however large.
    ///
    /// - Throws: 406 when it is no whole number above 0.
    static func weight(of key: ShortString) throws(ProtocolError) -> Double {
        guard let weight = number(key.bytes) else {
            throw ProtocolError(
                .preconditionFailed,
                "The binding key must be an integer: \(key.string)"
            )
        }
        guard weight >= 1 else {
            throw ProtocolError(.preconditionFailed, "The binding key must be greater than 0")
        }
        return weight
    }

    /// A sign and digits, as Erlang's list_to_integer takes them.
    private static func number(_ text: [UInt8]) -> Double? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative || text.first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        guard !digits.isEmpty else { return nil }
        var value = 0.0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Double(digit - UInt8(ascii: "0"))
        }
        return isNegative ? -value : value
    }

    private static func weight(of binding: Binding) -> Double {
        do throws(ProtocolError) {
            return try weight(of: ShortString(bytes: binding.bindingKey) ?? "")
        } catch {
            preconditionFailure("a binding that was not validated: \(error.text)")
        }
    }

    func add(_ binding: Binding) {
        let weight = Self.weight(of: binding)
        if let index = index(of: binding.destination) {
            entries[index].weights.append(weight)
            return
        }
        entries.append(
            Entry(
                destination: binding.destination,
                nameHash: ByteView.with(binding.destination.identity) { Self.hash.hash($0) },
                weights: [weight]
            )
        )
    }

    func remove(_ binding: Binding) {
        guard let index = index(of: binding.destination) else { return }
        let weight = Self.weight(of: binding)
        if let place = entries[index].weights.firstIndex(of: weight) {
            entries[index].weights.remove(at: place)
        }
        if entries[index].weights.isEmpty { entries.remove(at: index) }
    }

    private func index(of destination: Destination) -> Int? {
        entries.firstIndex { $0.destination == destination }
    }

    func route(
        key: ByteView,
        headers: ByteView?,
        into destinations: inout [Destination]
    ) throws(WireError) {
        try route(key: key, headers: headers, properties: .empty, into: &destinations)
    }

    /// Appends the one destination; messages without the part that is hashed all go the same way.
    func route(
        key: ByteView,
        headers: ByteView?,
        properties: ByteView,
        into destinations: inout [Destination]
    ) throws(WireError) {
        guard entries.count > 1 else {
            if let only = entries.first { destinations.append(only.destination) }
            return
        }
        let hash = try hash(key: key, headers: headers, properties: properties)
        var best = 0
        var lowest = Double.infinity
        for index in entries.indices {
            let drawn = RendezvousDraw.draw(hash ^ entries[index].nameHash)
            let scaled = drawn / entries[index].weights[0]
            if scaled < lowest {
                lowest = scaled
                best = index
            }
        }
        destinations.append(entries[best].destination)
    }

    private func hash(
        key: ByteView,
        headers: ByteView?,
        properties: ByteView
    ) throws(WireError) -> UInt64 {
        switch part {
        case .routingKey: return Self.hash.hash(key)
        case .property(let property):
            return Self.hash.hash(try PropertyScan(properties).octets(of: property) ?? .empty)
        case .header(let name):
            scratch.truncate(to: 0)
            if let headers {
                var cursor = FieldTableCursor(entries: headers)
                while let (found, value) = try cursor.next() {
                    guard found == name.bytes else { continue }
                    try HeaderCondition.append(value, name: 0, occurrence: 0, to: &scratch)
                    break
                }
            }
            return Self.hash.hash(scratch.view)
        }
    }
}

/// Numbers of an exponential distribution, the same for the same bits on every machine.
enum RendezvousDraw {
    /// The negative natural logarithm of `bits`, well mixed, as a fraction of 2^64.
    ///
    /// - Parameter bits: Any; close ones give unrelated numbers.
    /// - Returns: Above 0, with mean 1; exact to nine digits.
    static func draw(_ bits: UInt64) -> Double {
        var mixed = bits
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        let fraction = (Double(mixed >> 11) + 0.5) * 0x1p-53
        // ln(significand) by the series of the inverse hyperbolic tangent; t is below 1/3.
        let t = (fraction.significand - 1) / (fraction.significand + 1)
        let square = t * t
        var sum = 0.0
        for divisor in [17.0, 15, 13, 11, 9, 7, 5, 3, 1] { sum = sum * square + 1 / divisor }
        let logarithm = Double(fraction.exponent) * 0.693_147_180_559_945_3 + 2 * t * sum
        return -logarithm
    }
}
