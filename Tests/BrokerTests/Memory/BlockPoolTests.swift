import TestSupport
import Testing

@testable import Broker

@Suite("Block pool")
struct BlockPoolTests {
    @Test("gives a freed block to the next request of its size class")
    func reusesBlocks() {
        var pool = BlockPool()
        let first = pool.allocate(byteCount: 65)
        pool.free(first, byteCount: 65)
        let smaller = pool.allocate(byteCount: 64)
        let same = pool.allocate(byteCount: 128)
        #expect(same == first)
        #expect(smaller != first)
        pool.free(smaller, byteCount: 64)
        pool.free(same, byteCount: 128)
    }

    @Test("counts the bytes and blocks that are out")
    func countsLiveBytes() {
        var pool = BlockPool()
        let small = pool.allocate(byteCount: 10)
        let large = pool.allocate(byteCount: 1_000_000)
        #expect(pool.liveBytes == 1_000_010)
        #expect(pool.liveBlocks == 2)
        pool.free(small, byteCount: 10)
        #expect(pool.liveBytes == 1_000_000)
        pool.free(large, byteCount: 1_000_000)
        #expect(pool.liveBytes == 0)
        #expect(pool.liveBlocks == 0)
    }

    @Test("keeps no more free bytes than it was told", arguments: [0, 64, 128, 4_096])
    func boundsFreeBytes(kept: Int) {
        var pool = BlockPool(keptBytesPerClass: kept)
        let blocks = (0..<100).map { _ in pool.allocate(byteCount: 64) }
        for block in blocks { pool.free(block, byteCount: 64) }
        #expect(pool.freeBytes == min(kept, 6_400))
    }

    @Test("gives every block its whole size, to itself, at every size around a class boundary")
    func blocksDoNotOverlap() {
        var pool = BlockPool()
        let sizes = [0, 1, 63, 64, 65, 127, 128, 129, 4_032, 4_033, 4_095, 4_096, 4_097, 9_000]
        for _ in 0..<3 {
            var blocks: [(UnsafeMutableRawPointer, Int)] = []
            for size in sizes + sizes {
                let block = pool.allocate(byteCount: size)
                #expect(UInt(bitPattern: block) % 16 == 0)
                block.initializeMemory(
                    as: UInt8.self,
                    repeating: UInt8(truncatingIfNeeded: blocks.count),
                    count: size
                )
                blocks.append((block, size))
            }
            for (number, (block, size)) in blocks.enumerated() {
                let bytes = UnsafeRawBufferPointer(start: block, count: size)
                #expect(bytes.allSatisfy { $0 == UInt8(truncatingIfNeeded: number) })
                pool.free(block, byteCount: size)
            }
        }
        #expect(pool.liveBytes == 0)
    }

    @Test("traps when more is freed than was allocated")
    func trapsOnDoubleFree() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool()
            let block = pool.allocate(byteCount: 8)
            pool.free(block, byteCount: 8)
            pool.free(block, byteCount: 8)
        }
    }
}
