/// A generator whose seed is a parameter, so that a run of the whole broker can be replayed.
///
/// xoshiro256** by Blackman and Vigna. Names and reply addresses made from it are unguessable
/// only as far as the seed is; the daemon seeds it from the operating system.
struct RandomSource: RandomNumberGenerator, Sendable {
    /// Four words of seed; all zero is replaced, the generator would stand still.
    struct Seed: Sendable, Equatable {
        var words: (UInt64, UInt64, UInt64, UInt64)

        static func == (left: Seed, right: Seed) -> Bool { left.words == right.words }
    }

    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: Seed) {
        let words = seed.words
        state = words == (0, 0, 0, 0) ? (1, 2, 3, 4) : words
    }

    mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = (state.3 << 45) | (state.3 >> 19)
        return result
    }

    /// `count` random octets from the URL-safe base64 alphabet, 6 bits each.
    mutating func name(count: Int) -> [UInt8] {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
        )
        return (0..<count).map { _ in alphabet[Int(next() >> 58)] }
    }
}
