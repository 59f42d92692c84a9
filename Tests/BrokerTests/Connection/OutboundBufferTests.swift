import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Outbound buffer")
struct OutboundBufferTests {
    private func sendingBytes(_ buffer: borrowing OutboundBuffer) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<buffer.sending.count {
            let segment = buffer.sending[index]
            bytes +=
                ByteView(
                    base: segment.base + segment.start,
                    count: segment.end - segment.start
                ).bytes
        }
        return bytes
    }

    private func makeMessage(_ body: [UInt8], _ pool: inout BlockPool) -> Message {
        let message = ByteView.with([0, 1, 65]) { route in
            ByteView.with([0, 0]) { properties in
                ByteView.with(body) { body in
                    var builder = MessageBuilder(
                        route: route,
                        properties: properties,
                        bodySize: body.count,
                        pool: &pool
                    )
                    builder.append(body, pool: &pool)
                    return builder.finish()
                }
            }
        }
        message.retain()
        return message
    }

    private func fill(_ buffer: inout OutboundBuffer, _ pool: inout BlockPool) -> [UInt8] {
        var expected: [UInt8] = []
        let body = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        let message = makeMessage(body, &pool)
        for number in 0..<3 {
            let head = [UInt8](repeating: UInt8(number), count: 40)
            buffer.append(head, pool: &pool)
            buffer.append(bodyOf: message, from: number * 10, count: 200, pool: &pool)
            expected += head + body[(number * 10)..<(number * 10 + 200)]
        }
        buffer.append([9, 9, 9], pool: &pool)
        message.release(to: &pool)
        return expected + [9, 9, 9]
    }

    @Test("sends in order and frees all, wherever a socket stops twice")
    func everyOffset() {
        var pool = BlockPool()
        for first in stride(from: 0, through: 723, by: 3) {
            var buffer = OutboundBuffer()
            let expected = fill(&buffer, &pool)
            #expect(buffer.byteCount == 723)
            buffer.takeForSending(pool: &pool)
            #expect(buffer.hasWaiting == false)
            #expect(sendingBytes(buffer) == expected)
            buffer.finishSending(first, pool: &pool)
            #expect(sendingBytes(buffer) == Array(expected[first...]))
            // More comes while a part is still unsent.
            buffer.append([7, 8], pool: &pool)
            #expect(buffer.hasWaiting == true)
            buffer.takeForSending(pool: &pool)
            let second = (723 - first) / 2
            buffer.finishSending(second, pool: &pool)
            #expect(buffer.byteCount == 725 - first - second)
            var sent = 0
            while buffer.byteCount > 0 {
                buffer.takeForSending(pool: &pool)
                let rest = Array((expected + [7, 8])[(first + second + sent)...])
                let bytes = sendingBytes(buffer)
                #expect(!bytes.isEmpty)
                #expect(rest.starts(with: bytes))
                buffer.finishSending(bytes.count, pool: &pool)
                sent += bytes.count
            }
            #expect(sent == 725 - first - second)
            #expect(pool.liveBlocks == 0)
        }
    }

    @Test("frees everything unsent, taken or not")
    func removeAll() {
        var pool = BlockPool()
        var buffer = OutboundBuffer()
        _ = fill(&buffer, &pool)
        buffer.takeForSending(pool: &pool)
        buffer.finishSending(100, pool: &pool)
        _ = fill(&buffer, &pool)
        buffer.removeAll(pool: &pool)
        #expect(buffer.byteCount == 0)
        #expect(buffer.hasWaiting == false)
        #expect(pool.liveBlocks == 0)
        #expect(pool.liveBytes == 0)
    }

    @Test("keeps what was reserved and committed in one piece, and owns nothing when empty")
    func reserve() {
        var pool = BlockPool()
        var buffer = OutboundBuffer()
        #expect(pool.liveBlocks == 0)
        var expected: [UInt8] = []
        for size in [1, 4_000, 200, 70_000, 3, 4_096, 65_536, 100] {
            let place = buffer.reserve(size, pool: &pool)
            for offset in 0..<size {
                place.storeBytes(
                    of: UInt8(truncatingIfNeeded: size &+ offset),
                    toByteOffset: offset,
                    as: UInt8.self
                )
                expected.append(UInt8(truncatingIfNeeded: size &+ offset))
            }
            buffer.commit(size)
        }
        // Reserved in vain.
        _ = buffer.reserve(100_000, pool: &pool)
        buffer.takeForSending(pool: &pool)
        #expect(sendingBytes(buffer) == expected)
        buffer.finishSending(expected.count, pool: &pool)
        #expect(pool.liveBlocks == 0)
    }

    @Test("of large bodies owns little more than the bodies")
    func overhead() {
        var pool = BlockPool()
        var buffer = OutboundBuffer()
        let size = OutboundBuffer.sliceSizeMin
        let message = makeMessage([UInt8](repeating: 1, count: size), &pool)
        let before = pool.liveBytes
        for _ in 0..<300 {
            buffer.append([UInt8](repeating: 2, count: 60), pool: &pool)
            buffer.append(bodyOf: message, from: 0, count: size, pool: &pool)
        }
        #expect(buffer.byteCount == 300 * (size + 60))
        #expect(pool.liveBytes - before < buffer.byteCount / 2)
        buffer.removeAll(pool: &pool)
        message.release(to: &pool)
        #expect(pool.liveBlocks == 0)
    }
}
