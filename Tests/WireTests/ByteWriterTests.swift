import Testing
import Wire

@Suite("Byte writer")
struct ByteWriterTests {
    @Test("Values are appended big-endian")
    func sequence() {
        var writer = ByteWriter(capacity: 64)
        writer.writeUInt8(7)
        writer.writeUInt16(0x0102)
        writer.writeUInt32(0x0102_0304)
        writer.writeUInt64(0x0102_0304_0506_0708)
        writer.writeShortString("hi")
        writer.writeLongString([0xFF])
        writer.writeBytes([9, 8])
        writer.writeBytes([1, 2, 3, 4][1..<3])
        ByteView.with([5, 6]) { writer.writeView($0) }
        #expect(
            writer.bytes == [
                7, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x68, 0x69, 0, 0, 0, 1, 0xFF,
                9, 8, 2, 3, 5, 6,
            ]
        )
    }

    @Test("A placeholder gets the number of octets written after it, also when nested")
    func patching() {
        var writer = ByteWriter()
        let outer = writer.reserveUInt32()
        writer.writeUInt8(0xAA)
        let inner = writer.reserveUInt32()
        writer.writeBytes([UInt8](repeating: 0xBB, count: 0x0102))
        writer.patch(inner)
        writer.patch(outer)
        #expect(writer.bytes.prefix(4) == [0, 0, 1, 7])
        #expect(writer.bytes[5..<9] == [0, 0, 1, 2])
        #expect(writer.count == 4 + 1 + 4 + 0x0102)
    }

    @Test("Removing everything makes room for a new beginning")
    func removal() {
        var writer = ByteWriter()
        writer.writeUInt64(1)
        writer.removeAll()
        writer.writeUInt8(2)
        #expect(writer.bytes == [2])
    }
}
