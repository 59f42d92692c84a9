import Testing
import TestSupport
import Wire

@testable import Broker

@Suite("Frame search")
struct FrameSearchTests {
    private func frame(_ payload: [UInt8], lsn: UInt64) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: 8) + payload
        frame.withUnsafeMutableBytes { JournalFrame.seal($0, lsn: lsn, isBarrier: false) }
        return frame
    }

    @Test("appending zeros shifts a checksum", arguments: [0, 1, 2, 7, 255, 4096, 100_000])
    func shift(count: Int) {
        let start = Array("some octets".utf8)
        let zeros = [UInt8](repeating: 0, count: count)
        let whole = (start + zeros).withUnsafeBytes { CRC32C.checksum($0) }
        let head = start.withUnsafeBytes { CRC32C.checksum($0) }
        let tail = zeros.withUnsafeBytes { CRC32C.checksum($0) }
        #expect(CRC32CShift.apply(head, octets: count) ^ tail == whole)
    }

    @Test("finds a frame of any size behind octets of any content")
    func finds() {
        var random = Seed(5)
        for size in [1, 2, 300, 1023, 1024, 1025, 5000, 70_000] {
            let garbage = random.octets(upTo: 2000)
            let payload = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            let lsn = UInt64.random(in: 0..<1 << 60, using: &random)
            let octets =
                garbage + frame(payload, lsn: lsn + UInt64(garbage.count)) + random.octets(upTo: 99)
            ByteView.with(octets) { view in
                #expect(FrameSearch(view, lsn: lsn).next(from: 0) == garbage.count)
                #expect(FrameSearch(view, lsn: lsn).next(from: garbage.count + 1) == nil)
            }
        }
    }

    @Test("a frame that ends in zeros is found before more zeros")
    func zeros() {
        let zeros = [UInt8](repeating: 0, count: 3000)
        for size in [1, 20, 2000] {
            let payload = [1] + [UInt8](repeating: 0, count: size - 1)
            ByteView.with([9] + frame(payload, lsn: 1) + zeros) { view in
                #expect(FrameSearch(view, lsn: 0).next(from: 0) == 1)
                #expect(FrameSearch(view, lsn: 0).next(from: 2) == nil)
            }
        }
    }

    @Test("a frame in another place than its own is not one")
    func displaced() {
        let octets = [9, 9, 9] + frame(Array("a payload".utf8), lsn: 100)
        ByteView.with(octets) { view in
            #expect(FrameSearch(view, lsn: 97).next(from: 0) == 3)
            #expect(FrameSearch(view, lsn: 98).next(from: 0) == nil)
        }
    }
}
