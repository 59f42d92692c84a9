import Wire

/// The first half of the SHA-256 of a value (FIPS 180-4).
///
/// It stands for the value wherever values are remembered, so that each takes the same room. Nobody
/// can make two values with one digest: that takes 2^64 attempts.
struct ValueDigest: Hashable, BitwiseCopyable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(of bytes: ByteView) {
        var hash = SHA256()
        hash.add(bytes)
        high = UInt64(hash.state[0]) << 32 | UInt64(hash.state[1])
        low = UInt64(hash.state[2]) << 32 | UInt64(hash.state[3])
    }
}

/// The compression function of SHA-256, and its padding.
private struct SHA256 {
    private(set) var state: InlineArray<8, UInt32> = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c,
        0x1f83_d9ab, 0x5be0_cd19,
    ]

    private static let blockSize = 64

    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
        0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
        0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
        0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
        0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
        0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
        0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
        0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
        0xc671_78f2,
    ]

    /// Takes in the one message there is, with its padding.
    mutating func add(_ bytes: ByteView) {
        let whole = bytes.count / Self.blockSize * Self.blockSize
        for offset in stride(from: 0, to: whole, by: Self.blockSize) {
            compress(bytes.slice(from: offset, count: Self.blockSize))
        }
        var tail = bytes.slice(from: whole, count: bytes.count - whole).bytes
        tail.append(0x80)
        while tail.count % Self.blockSize != 56 { tail.append(0) }
        let bits = UInt64(bytes.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            tail.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        ByteView.with(tail) { view in
            for offset in stride(from: 0, to: view.count, by: Self.blockSize) {
                compress(view.slice(from: offset, count: Self.blockSize))
            }
        }
    }

    private mutating func compress(_ block: ByteView) {
        var words = InlineArray<64, UInt32>(repeating: 0)
        for index in 0..<16 { words[index] = block.loadUInt32(at: index * 4) }
        for index in 16..<64 {
            let early = words[index - 15]
            let late = words[index - 2]
            let first = early.rotated(7) ^ early.rotated(18) ^ (early >> 3)
            let second = late.rotated(17) ^ late.rotated(19) ^ (late >> 10)
            words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
        }
        var work = state
        for index in 0..<64 {
            let e = work[4]
            let choice = (e & work[5]) ^ (~e & work[6])
            let mixed = e.rotated(6) ^ e.rotated(11) ^ e.rotated(25)
            let first = work[7] &+ mixed &+ choice &+ Self.constants[index] &+ words[index]
            let a = work[0]
            let majority = (a & work[1]) ^ (a & work[2]) ^ (work[1] & work[2])
            let second = (a.rotated(2) ^ a.rotated(13) ^ a.rotated(22)) &+ majority
            work[7] = work[6]
            work[6] = work[5]
            work[5] = e
            work[4] = work[3] &+ first
            work[3] = work[2]
            work[2] = work[1]
            work[1] = a
            work[0] = first &+ second
        }
        for index in 0..<8 { state[index] = state[index] &+ work[index] }
    }
}

extension UInt32 {
    /// The bits moved to the right, and in again on the left.
    fileprivate func rotated(_ distance: UInt32) -> UInt32 {
        self >> distance | self << (32 - distance)
    }
}
