import Wire

/// Finds the next frame behind damage by trying every offset.
///
/// Checking an offset costs the same whatever size is claimed there: checksums of all prefixes
/// are made once, and the checksum of any part follows from two of them. Otherwise 64 MiB of the
/// wrong octets could keep a start busy for hours.
struct FrameSearch {
    /// Prefixes are checksummed at multiples of this.
    private static let stride = 256
    /// Below this many octets reading them is cheaper than arithmetic.
    private static let directSizeMax = 1024

    private let view: ByteView
    /// Log sequence number of the view's first octet.
    private let lsn: UInt64
    private let prefixes: [UInt32]
    /// No frame begins from here on: there are only zeros.
    private let startMax: Int

    /// Prepares to search `view`, whose first octet lies at `lsn`.
    init(_ view: ByteView, lsn: UInt64) {
        self.view = view
        self.lsn = lsn
        var prefixes: [UInt32] = [0]
        prefixes.reserveCapacity(view.count / Self.stride + 1)
        var sum: UInt32 = 0
        var offset = 0
        while view.count - offset >= Self.stride {
            sum = view.slice(from: offset, count: Self.stride).checksum(after: sum)
            prefixes.append(sum)
            offset += Self.stride
        }
        self.prefixes = prefixes
        startMax = min(view.nonZeroCount, view.count - JournalFrame.headerSize)
    }

    /// The first offset from `start` on, and below `limit`, where a frame checks out.
    func next(from start: Int, below limit: Int = .max) -> Int? {
        var offset = start
        let end = min(limit, startMax)
        while offset < end {
            if checksOut(at: offset) { return offset }
            offset += 1
        }
        return nil
    }

    @inline(__always)
    private func checksOut(at offset: Int) -> Bool {
        guard let size = JournalFrame.size(in: view, at: offset), size.frame <= view.count - offset
        else { return false }
        let place = lsn + UInt64(offset)
        if size.payload <= Self.directSizeMax {
            return JournalFrame.payload(in: view, at: offset, lsn: place) != nil
        }
        let start = offset + JournalFrame.headerSize
        let seed = JournalFrame.seed(lsn: place, isBarrier: size.isBarrier)
        let sum =
            CRC32CShift.apply(seed ^ prefix(start), octets: size.payload)
            ^ prefix(start + size.payload)
        return sum == view.littleEndianUInt32(at: offset + 4)
    }

    /// The checksum of the first `count` octets.
    private func prefix(_ count: Int) -> UInt32 {
        let index = count / Self.stride
        let start = index * Self.stride
        return view.slice(from: start, count: count - start).checksum(after: prefixes[index])
    }
}

/// What appending zeros does to a CRC-32C, as arithmetic on polynomials.
///
/// The checksum of `a` followed by `b` is that of `a` shifted by the size of `b`, xor that of `b`.
enum CRC32CShift {
    /// The polynomial, reflected.
    private static let polynomial: UInt32 = 0x82f6_3b78
    /// Entry n is x to the power of 2 to the n, modulo the polynomial.
    private static let powers: [UInt32] = {
        var powers: [UInt32] = [1 << 30]
        for index in 0..<63 { powers.append(product(powers[index], powers[index])) }
        return powers
    }()

    /// Shifts `checksum` past `octets` octets.
    static func apply(_ checksum: UInt32, octets: Int) -> UInt32 {
        var result = checksum
        var bits = UInt64(octets)
        var power = 3
        while bits != 0 {
            if bits & 1 != 0 { result = product(powers[power], result) }
            bits >>= 1
            power += 1
        }
        return result
    }

    private static func product(_ left: UInt32, _ right: UInt32) -> UInt32 {
        var product: UInt32 = 0
        var right = right
        var bit: UInt32 = 1 << 31
        while bit != 0 {
            if left & bit != 0 { product ^= right }
            right = right & 1 == 0 ? right >> 1 : right >> 1 ^ polynomial
            bit >>= 1
        }
        return product
    }
}
