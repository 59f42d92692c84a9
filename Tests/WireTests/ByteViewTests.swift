import Testing
import Wire

@Suite("Byte view")
struct ByteViewTests {
    @Test("Integers are read big-endian at any alignment")
    func integers() {
        ByteView.with([0xFF, 1, 2, 3, 4, 5, 6, 7, 8]) { view in
            #expect(view[0] == 0xFF)
            #expect(view.loadUInt16(at: 1) == 0x0102)
            #expect(view.loadUInt32(at: 1) == 0x0102_0304)
            #expect(view.loadUInt64(at: 1) == 0x0102_0304_0506_0708)
        }
    }

    @Test("A slice shows its part, down to an empty one at the end")
    func slices() {
        ByteView.with([1, 2, 3, 4]) { view in
            #expect(view.slice(from: 1, count: 2).bytes == [2, 3])
            #expect(view.slice(from: 4, count: 0).isEmpty)
            #expect(view.slice(from: 1, count: 3).slice(from: 1, count: 1).bytes == [3])
        }
    }

    @Test("Views of no bytes are equal and copy to no bytes")
    func empty() {
        ByteView.with([]) { view in
            #expect(view.isEmpty)
            #expect(view == ByteView.empty)
            #expect(view.bytes == [])
            #expect(view == [])
        }
    }

    @Test("Views are equal by content, whatever their size", arguments: 0...40)
    func equality(count: Int) {
        let bytes = (0..<count).map { UInt8($0) }
        ByteView.with(bytes) { left in
            ByteView.with(Array(bytes)) { #expect(left == $0) }
            ByteView.with(bytes + [0]) { #expect(left != $0) }
            for index in bytes.indices {
                var other = bytes
                other[index] ^= 0x80
                #expect(left != other)
            }
        }
    }

    @Test(
        "Well-formed UTF-8 is told from other octets",
        arguments: [
            ([], true), (Array("plain".utf8), true), (Array("grüße 🐇".utf8), true),
            ([0x61, 0xFF], false), ([0xC3], false), ([0x80], false), ([0xED, 0xA0, 0x80], false),
        ] as [([UInt8], Bool)]
    )
    func utf8(bytes: [UInt8], isUTF8: Bool) {
        #expect(ByteView.with(bytes) { $0.isUTF8 } == isUTF8)
    }

    @Test("Octets that are not UTF-8 are repaired in text")
    func repairedText() {
        #expect(ByteView.with([0x61, 0xFF, 0x62]) { $0.string } == "a\u{FFFD}b")
    }

    @Test("Reading past the end traps")
    func bounds() async {
        await #expect(processExitsWith: .failure) {
            ByteView.with([1, 2, 3]) { _ = $0.loadUInt32(at: 0) }
        }
    }

    @Test("A slice past the end traps, even when its end overflows")
    func sliceBounds() async {
        await #expect(processExitsWith: .failure) {
            ByteView.with([1, 2, 3]) { _ = $0.slice(from: 2, count: Int.max) }
        }
    }
}
