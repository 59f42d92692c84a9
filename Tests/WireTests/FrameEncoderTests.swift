import Testing
import Wire

@Suite("Frame encoder")
struct FrameEncoderTests {
    @Test("A method frame is header, ids, arguments and 206")
    func method() {
        var encoder = FrameEncoder()
        encoder.appendMethod(BasicAck(deliveryTag: 5, multiple: true), channel: 0x0102)
        #expect(
            encoder.bytes == [
                1, 1, 2, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 5, 1, 206,
            ]
        )
    }

    @Test("A heartbeat is eight octets on channel 0")
    func heartbeat() {
        var encoder = FrameEncoder()
        encoder.appendHeartbeat()
        #expect(encoder.bytes == [8, 0, 0, 0, 0, 0, 0, 206])
    }

    @Test(
        "A body is split so that no frame exceeds frame-max",
        arguments: [
            (0, []), (1, [1]), (4088, [4088]), (4089, [4088, 1]), (9000, [4088, 4088, 824]),
        ] as [(Int, [Int])]
    )
    func split(size: Int, parts: [Int]) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        var properties = BasicProperties()
        properties.deliveryMode = 2
        var encoder = FrameEncoder(capacity: size)
        encoder.appendContent(body, properties: properties, channel: 3, frameMax: 4096)

        var frames = try decode(encoder.bytes)
        let header = try ByteView.with(frames.removeFirst().payload) {
            try ContentHeader(decoding: $0)
        }
        #expect(header == ContentHeader(bodySize: UInt64(size), properties: properties))
        #expect(frames.map(\.payload.count) == parts)
        #expect(frames.flatMap(\.payload) == body)
        #expect(frames.allSatisfy { $0.type == .body && $0.channel == 3 })
    }

    @Test("Removing everything makes room for the next frames")
    func removal() {
        var encoder = FrameEncoder()
        encoder.appendHeartbeat()
        encoder.removeAll()
        #expect(encoder.bytes.isEmpty)
    }

    private func decode(_ bytes: [UInt8]) throws -> [Frame] {
        var decoder = FrameDecoder()
        decoder.append(bytes)
        var frames: [Frame] = []
        while let frame = try decoder.next(frameMax: 4096) { frames.append(frame) }
        return frames
    }
}
