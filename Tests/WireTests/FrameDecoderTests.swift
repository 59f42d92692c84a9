import TestSupport
import Testing
import Wire

@Suite("Frame decoder")
struct FrameDecoderTests {
    static let frames = [
        Frame(type: .method, channel: 1, payload: [0, 60, 0, 11]),
        Frame(type: .heartbeat, channel: 0, payload: []),
        Frame(type: .body, channel: 0xFFFF, payload: [0xCE, 0xCE, 1, 0xCE]),
        Frame(type: .header, channel: 2, payload: [0, 60] + [UInt8](repeating: 0, count: 12)),
    ]

    static func bytes(of frames: [Frame]) -> [UInt8] {
        var encoder = FrameEncoder()
        for frame in frames { encoder.append(frame) }
        return encoder.bytes
    }

    static func verifier(frameMax: Int) -> StreamVerifier<Frame> {
        StreamVerifier {
            var decoder = FrameDecoder()
            return { chunk in
                decoder.append(chunk)
                var frames: [Frame] = []
                while let frame = try decoder.next(frameMax: frameMax) { frames.append(frame) }
                return frames
            }
        }
    }

    @Test("Frames come out whole however the stream is cut")
    func cuts() throws {
        let verifier = Self.verifier(frameMax: 4096)
        for frame in Self.frames { try verifier.verify(Self.bytes(of: [frame]), give: [frame]) }
        try verifier.verify(Self.bytes(of: Self.frames), give: Self.frames)
    }

    @Test("Random octets never trap", arguments: 0..<16)
    func total(seed: UInt64) {
        var random = Seed(seed)
        let verifier = Self.verifier(frameMax: 64)
        for _ in 0..<100 {
            let start = random.octets(upTo: 40)
            verifier.verifyTotal(Self.bytes(of: Self.frames) + start)
            verifier.verifyTotal(start)
        }
    }

    @Test("A frame that is too large is refused from its header alone")
    func tooLarge() throws {
        var decoder = FrameDecoder()
        decoder.append([1, 0, 1, 0, 0, 0x10, 0x01])
        #expect(throws: WireError.frameTooLarge(payload: 4097, max: 4096)) {
            try decoder.next(frameMax: 4096)
        }
    }

    @Test("A payload as large as frame-max still passes")
    func largest() throws {
        let frame = Frame(type: .body, channel: 1, payload: [UInt8](repeating: 7, count: 4096))
        var decoder = FrameDecoder()
        decoder.append(Self.bytes(of: [frame]))
        #expect(try decoder.next(frameMax: 4096) == frame)
    }

    @Test("Every type octet but 1, 2, 3 and 8 is refused")
    func unknownTypes() {
        for octet in UInt8.min...UInt8.max where ![1, 2, 3, 8].contains(octet) {
            var decoder = FrameDecoder()
            decoder.append([octet, 0, 0, 0, 0, 0, 0])
            #expect(throws: WireError.unknownFrameType(octet)) {
                try decoder.next(frameMax: 4096)
            }
        }
    }

    @Test("Every end octet but 206 is refused")
    func badEnds() {
        for octet in UInt8.min...UInt8.max where octet != Frame.end {
            var decoder = FrameDecoder()
            decoder.append([8, 0, 0, 0, 0, 0, 0, octet])
            #expect(throws: WireError.badFrameEnd(octet)) { try decoder.next(frameMax: 4096) }
        }
    }

    @Test("What has been taken is not kept")
    func memory() throws {
        var decoder = FrameDecoder()
        let bytes = Self.bytes(of: Self.frames)
        for _ in 0..<100 {
            ByteView.with(bytes) { decoder.append($0) }
            decoder.append([3])
            while try decoder.next(frameMax: 4096) != nil {}
            #expect(decoder.bufferedCount == 1)
            decoder.append([0, 0, 0, 0, 0, 0, 0xCE])
            #expect(try decoder.next(frameMax: 4096)?.payload == [])
        }
    }
}
