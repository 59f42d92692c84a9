import Testing
import Wire

@testable import Broker

@Suite("The memory of batches for the journal")
struct JournalBufferTests {
    private let large = [UInt8](repeating: 7, count: 1 << 20)

    /// What two batches of 4 MiB leave, one written while the other collected.
    private func burst() -> JournalBuffer {
        var buffer = JournalBuffer(nextLSN: 0)
        var batches: [JournalBatch] = []
        for _ in 0..<2 {
            for _ in 0..<4 { buffer.append(large) }
            if let batch = buffer.take() { batches.append(batch) }
        }
        for batch in batches { buffer.reuse(batch) }
        return buffer
    }

    @Test("memory of large batches serves the next ones until it is taken out")
    func unused() {
        var buffer = burst()
        let kept = (buffer.hasServedLarge, buffer.capacityKept)
        #expect(kept.0)
        #expect(kept.1 >= 8 << 20)
        _ = buffer.takeUnused()
        let left = (buffer.hasServedLarge, buffer.capacityKept)
        #expect(left == (false, 0))
    }

    @Test("memory in which records stand is not taken out")
    func used() throws {
        var buffer = burst()
        let lsn = buffer.nextLSN
        buffer.append([1, 2, 3])
        let before = buffer.capacityKept
        _ = buffer.takeUnused()
        let after = buffer.capacityKept
        #expect(after > 0)
        #expect(after < before)
        let taken = buffer.take()
        let batch = try #require(taken)
        #expect(batch.firstLSN == lsn)
        let payload = UnsafeRawBufferPointer(
            start: batch.base + JournalBuffer.frameHeadSize,
            count: 3
        )
        #expect(Array(payload) == [1, 2, 3])
        buffer.reuse(batch)
    }

    @Test("small buffers stay")
    func small() throws {
        var buffer = JournalBuffer(nextLSN: 0)
        buffer.append([1])
        let taken = buffer.take()
        buffer.reuse(try #require(taken))
        let before = (buffer.hasServedLarge, buffer.capacityKept)
        #expect(!before.0)
        #expect(before.1 > 0)
        _ = buffer.takeUnused()
        let after = buffer.capacityKept
        #expect(after == before.1)
    }
}
