import Testing

@testable import Broker

@Suite("CRC-32C")
struct CRC32CTests {
    /// Known values (RFC 3720 §B.4).
    @Test(
        "has the values of RFC 3720",
        arguments: [
            (Array("123456789".utf8), 0xe306_9283), ([], 0),
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            (Array(UInt8(0)..<32), 0x46dd_794e), (Array((UInt8(0)..<32).reversed()), 0x113f_db5c),
        ] as [([UInt8], UInt32)]
    )
    func known(octets: [UInt8], expected: UInt32) {
        #expect(octets.withUnsafeBytes { CRC32C.checksum($0) } == expected)
        #expect(octets.withUnsafeBytes { CRC32C.portable($0) } == expected)
    }

    @Test("is the same for pieces as for the whole, on both ways, at every length and alignment")
    func pieces() {
        let octets = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ $0 >> 3) }
        octets.withUnsafeBytes { bytes in
            for start in 0..<9 {
                for end in start..<bytes.count {
                    let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                    let middle = (start + end) / 2
                    let head = UnsafeRawBufferPointer(rebasing: bytes[start..<middle])
                    let tail = UnsafeRawBufferPointer(rebasing: bytes[middle..<end])
                    let expected = CRC32C.portable(whole)
                    if CRC32C.checksum(whole) != expected
                        || CRC32C.checksum(tail, after: CRC32C.checksum(head)) != expected
                    {
                        Issue.record("differs for \(start)..<\(end)")
                    }
                }
            }
        }
    }

    @Test("is the same on both ways where long stretches are taken side by side")
    func longStretches() {
        let octets = (0..<4_700).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ $0 >> 3) }
        octets.withUnsafeBytes { bytes in
            for count in stride(from: 740, through: 4_690, by: 5) {
                let part = UnsafeRawBufferPointer(rebasing: bytes[count % 9..<count])
                let previous = UInt32(truncatingIfNeeded: count &* 2_654_435_761)
                if CRC32C.checksum(part, after: previous)
                    != CRC32C.portable(part, after: previous)
                {
                    Issue.record("differs for \(count) octets")
                }
            }
        }
    }
}
