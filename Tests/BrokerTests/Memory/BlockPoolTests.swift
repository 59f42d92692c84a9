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

    @Test("returns what is free but for a bounded rest, in whatever order it was given back")
    func returnsMemory() {
        var pool = BlockPool()
        let count = 100_003
        let blocks = (0..<count).map { _ in pool.allocate(byteCount: 128) }
        #expect(pool.heldBytes >= count * 128)
        for step in 0..<count { pool.free(blocks[step * 7_919 % count], byteCount: 128) }
        // The area of the last run, and one to spare.
        #expect(pool.heldBytes <= 2 * BlockAreaState.runCount * BlockRun.byteCount)
    }

    @Test("uses what one size has given back for another one")
    func sharesMemory() {
        var pool = BlockPool()
        let small = (0..<8_000).map { _ in pool.allocate(byteCount: 64) }
        let held = pool.heldBytes
        for block in small { pool.free(block, byteCount: 64) }
        let large = (0..<90).map { _ in pool.allocate(byteCount: 4_096) }
        #expect(pool.heldBytes == held)
        for block in large { pool.free(block, byteCount: 4_096) }
    }

    @Test("holds nothing without runs")
    func mayHoldNothing() {
        var pool = BlockPool(hasRuns: false)
        let block = pool.allocate(byteCount: 64)
        #expect(pool.heldBytes == 0)
        pool.free(block, byteCount: 64)
        #expect(pool.heldBytes == 0)
    }

    @Test("cuts runs into blocks that do not overlap, of every size")
    func cutsWholeRuns() {
        var pool = BlockPool()
        for size in stride(from: 64, through: 4_096, by: 64) {
            let count = 2 * BlockRun.byteCount / size
            let blocks = (0..<count).map { _ in pool.allocate(byteCount: size) }
            for (number, block) in blocks.enumerated() {
                block.initializeMemory(as: UInt16.self, repeating: UInt16(number), count: size / 2)
            }
            for (number, block) in blocks.enumerated() {
                let words = block.assumingMemoryBound(to: UInt16.self)
                #expect((0..<size / 2).allSatisfy { words[$0] == UInt16(number) })
                pool.free(block, byteCount: size)
            }
        }
        #expect(pool.liveBytes == 0)
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
