import Testing
import Wire

@testable import Broker

@Suite("Byte scratch")
struct ByteScratchTests {
    @Test("keeps what was appended, through every growth")
    func keepsBytes() {
        var scratch = ByteScratch(capacity: 16)
        var expected: [UInt8] = []
        for step in 0..<200 {
            scratch.append(UInt8(truncatingIfNeeded: step))
            expected.append(UInt8(truncatingIfNeeded: step))
            let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: ~step), count: step % 40)
            ByteView.with(piece) { scratch.append($0) }
            expected += piece
            #expect(scratch.view == expected)
        }
        scratch.truncate(to: 5)
        #expect(scratch.view == Array(expected[..<5]))
        scratch.truncate(to: 0)
        #expect(scratch.view.count == 0)
    }

    @Test("reads back integers at any offset, and patches them in place")
    func integers() {
        var scratch = ByteScratch()
        scratch.append(UInt8(1))
        scratch.append(UInt32(0xdead_beef))
        scratch.append(UInt16(7))
        scratch.append(UInt64.max)
        #expect(scratch.count == 15)
        #expect(scratch.load(UInt32.self, at: 1) == 0xdead_beef)
        #expect(scratch.load(UInt64.self, at: 7) == .max)
        scratch.patch(UInt32(5), at: 1)
        #expect(scratch.load(UInt8.self, at: 0) == 1)
        #expect(scratch.load(UInt32.self, at: 1) == 5)
        #expect(scratch.load(UInt16.self, at: 5) == 7)
    }

    @Test("traps on reading, patching or truncating outside")
    func trapsOutside() async {
        await #expect(processExitsWith: .failure) {
            var scratch = ByteScratch()
            scratch.append(UInt16(1))
            _ = scratch.load(UInt32.self, at: 0)
        }
        await #expect(processExitsWith: .failure) {
            var scratch = ByteScratch()
            scratch.append(UInt32(1))
            scratch.patch(UInt32(1), at: 1)
        }
        await #expect(processExitsWith: .failure) {
            var scratch = ByteScratch()
            scratch.truncate(to: 1)
        }
    }
}
