/// A repeatable source of random numbers: the same seed gives the same test on every machine.
///
/// SplitMix64. Tests name their seeds, so that a failure replays from the report alone.
public struct Seed: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts the sequence of `seed`.
    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True once in `count` draws, on average.
    public mutating func oneIn(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &self) == 0
    }

    /// Up to `max` random octets.
    public mutating func octets(upTo max: Int) -> [UInt8] {
        (0..<Int.random(in: 0...max, using: &self)).map { _ in
            UInt8.random(in: 0...255, using: &self)
        }
    }
}
