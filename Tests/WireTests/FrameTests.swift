import Testing
import Wire

@Suite("Frame header")
struct FrameTests {
    @Test("Type, channel and size are read from seven octets")
    func header() throws {
        let header = try ByteView.with([3, 0x12, 0x34, 0, 0, 1, 2, 0xFF]) {
            try FrameHeader($0, frameMax: 4096)
        }
        #expect(header.type == .body)
        #expect(header.channel == 0x1234)
        #expect(header.payloadSize == 0x0102)
    }

    @Test("The size is checked against the limit it is given", arguments: [4096, 131_072])
    func limit(frameMax: Int) {
        var bytes: [UInt8] = [1, 0, 0]
        withUnsafeBytes(of: UInt32(frameMax).bigEndian) { bytes += $0 }
        #expect(throws: Never.self) {
            try ByteView.with(bytes) { _ = try FrameHeader($0, frameMax: frameMax) }
        }
        #expect(throws: WireError.frameTooLarge(payload: frameMax, max: frameMax - 1)) {
            try ByteView.with(bytes) { _ = try FrameHeader($0, frameMax: frameMax - 1) }
        }
    }

    @Test("A frame adds eight octets to its payload")
    func overhead() {
        var encoder = FrameEncoder()
        encoder.append(Frame(type: .body, channel: 1, payload: [1, 2, 3]))
        #expect(encoder.bytes.count == 3 + Frame.overhead)
    }
}
