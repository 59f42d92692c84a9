import Wire

/// A keyed 64-bit hash over raw bytes, for tables whose keys a client chooses.
///
/// Blocks of 16 bytes are folded with a 64 × 64 → 128 bit multiplication (the wyhash
/// construction). Both factors are masked with words derived from the seed, so that nobody who
/// does not know the seed can make a factor zero, or find names that collide. It is not a
/// cryptographic hash, and equal seeds give equal hashes: the process draws one seed at start.
@safe
struct ByteHash: Sendable, Equatable {
    private let seed: UInt64
    private let mask: UInt64

    /// Derives the hash function of `seed`.
    init(seed: UInt64) {
        self.seed = Self.fold(seed ^ 0xa3b1_95c6_2f84_d7e9, 0x9e6c_63d0_876a_3f35)
        self.mask = Self.fold(self.seed ^ 0xd1f2_8b4e_57a9_630d, seed ^ 0xc6a4_a793_5bd1_e995)
    }

    /// The hash of `bytes`.
    @inline(__always)
    func hash(_ bytes: ByteView) -> UInt64 {
        let base = unsafe bytes.base
        let count = bytes.count
        var state = seed
        let first: UInt64
        let second: UInt64
        if count >= 16 {
            var offset = 0
            // The last block overlaps the one before it, so no length needs a byte loop.
            while offset &+ 16 < count {
                let low = unsafe Self.load8(base + offset)
                let high = unsafe Self.load8(base + offset + 8)
                state = Self.fold(low ^ mask, high ^ state)
                offset &+= 16
            }
            first = unsafe Self.load8(base + (count &- 16))
            second = unsafe Self.load8(base + (count &- 8))
        } else if count >= 8 {
            first = unsafe Self.load8(base)
            second = unsafe Self.load8(base + (count &- 8))
        } else if count >= 4 {
            first = unsafe UInt64(Self.load4(base))
            second = unsafe UInt64(Self.load4(base + (count &- 4)))
        } else if count > 0 {
            let outer = unsafe UInt64(base.load(as: UInt8.self)) << 8
            let middle = unsafe UInt64(base.load(fromByteOffset: count >> 1, as: UInt8.self)) << 16
            first =
                unsafe outer | middle | UInt64(base.load(fromByteOffset: count - 1, as: UInt8.self))
            second = 0
        } else {
            return Self.fold(seed ^ mask, seed)
        }
        state = Self.fold(first ^ mask, second ^ state)
        return Self.fold(state ^ mask, UInt64(truncatingIfNeeded: count) ^ seed)
    }

    /// Both halves of the product, so that every input bit reaches every output bit.
    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func load8(_ address: UnsafeRawPointer) -> UInt64 {
        unsafe address.loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    private static func load4(_ address: UnsafeRawPointer) -> UInt32 {
        unsafe address.loadUnaligned(as: UInt32.self)
    }
}
