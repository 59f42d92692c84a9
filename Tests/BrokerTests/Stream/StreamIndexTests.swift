import Testing

@testable import Broker

@Suite("Index of a stream")
struct StreamIndexTests {
    /// Chunks of ten messages, a second and 300,000 octets apart, four in each file.
    private func index(chunkCount: Int) -> StreamIndex {
        var index = StreamIndex()
        for number in 0..<chunkCount {
            index.add(
                StreamChunk(
                    firstOffset: UInt64(number * 10),
                    count: 10,
                    time: WallTime(milliseconds: Int64(number) * 1_000)
                ),
                at: UInt64(number * 300_000),
                segment: UInt64(number / 4 * 1_200_000)
            )
        }
        return index
    }

    @Test("leads to a chunk at or before an offset, less than 2 MiB away")
    func offsets() throws {
        let index = index(chunkCount: 100)
        for offset in 0..<1_000 {
            let lsn = try #require(index.lsn(of: UInt64(offset)))
            let exact = UInt64(offset / 10 * 300_000)
            #expect(lsn <= exact && exact - lsn < 2 << 20)
        }
        #expect(index.lsn(of: 5_000) == index.lsn(of: 999))
    }

    @Test("leads to a chunk before every message of a time or later")
    func times() throws {
        let index = index(chunkCount: 100)
        for second in 0..<100 {
            let lsn = try #require(index.lsn(of: WallTime(milliseconds: Int64(second) * 1_000)))
            #expect(lsn <= UInt64(second * 300_000))
        }
    }

    @Test("knows the file of a place, and the one behind it")
    func segments() {
        let index = index(chunkCount: 10)
        #expect(index.segments.map(\.base) == [0, 1_200_000, 2_400_000])
        #expect(index.segments.map(\.firstOffset) == [0, 40, 80])
        #expect(index.segment(with: 1_199_999)?.base == 0)
        #expect(index.segment(with: 1_199_999)?.next == 1_200_000)
        #expect(index.segment(with: 2_700_000)?.base == 2_400_000)
        #expect(index.segment(with: 2_700_000)?.next == nil)
        #expect(StreamIndex().segment(with: 0) == nil)
    }

    @Test("forgets its oldest file with all that points into it")
    func removing() {
        var index = index(chunkCount: 10)
        index.removeFirst()
        #expect(index.firstLSN == 1_200_000)
        #expect(index.lsn(of: 0) == 1_200_000)
        #expect(index.lsn(of: 80) == 2_400_000)
    }
}
