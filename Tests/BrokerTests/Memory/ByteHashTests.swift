import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Byte hash")
struct ByteHashTests {
    private func hash(_ bytes: [UInt8], seed: UInt64 = 1) -> UInt64 {
        ByteView.with(bytes) { ByteHash(seed: seed).hash($0) }
    }

    @Test("depends on every bit of keys of every short length")
    func everyBitCounts() {
        for count in 0...70 {
            let key = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let plain = hash(key)
            #expect(hash(key + [0]) != plain)
            for bit in 0..<(count * 8) {
                var flipped = key
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(hash(flipped) != plain)
            }
        }
    }

    @Test("depends on the seed, for the empty key too")
    func seedCounts() {
        for key in [[], [1], [UInt8](repeating: 7, count: 24)] {
            #expect(hash(key, seed: 1) != hash(key, seed: 2))
            #expect(hash(key, seed: 1) == hash(key, seed: 1))
        }
    }

    @Test("reads nothing but the bytes it is given")
    func readsOnlyTheView() {
        let text = Array("......some.routing.key......".utf8)
        let inside = ByteView.with(text) { view in
            ByteHash(seed: 3).hash(view.slice(from: 6, count: 16))
        }
        #expect(inside == hash(Array("some.routing.key".utf8), seed: 3))
    }

    @Test("spreads consecutive names evenly in both halves", arguments: [0, 32] as [UInt64])
    func spreads(shift: UInt64) {
        var buckets = [Int](repeating: 0, count: 256)
        for number in 0..<25_600 {
            let key = Array("queue-\(number)".utf8)
            buckets[Int((hash(key) >> shift) & 255)] += 1
        }
        // 100 expected, standard deviation 10.
        #expect(buckets.allSatisfy { (50...150).contains($0) })
    }
}
