import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("A message in a stream")
struct StreamEntryTests {
    /// Writes a message as a chunk of one, and gives what can be read there.
    private func roundTrip<Result>(
        _ properties: [UInt8],
        body: [UInt8] = Array("body".utf8),
        offset: UInt64 = 77,
        _ look: (StreamEntry) throws -> Result
    ) throws -> Result {
        var pool = BlockPool()
        let route: [UInt8] = [1, 0x65, 2, 0x6B, 0x6B]
        let message = ByteView.with(route) { route in
            ByteView.with(properties) { properties in
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
        defer { message.release(to: &pool) }
        let writer = try #require(StreamEntryWriter(message))
        let chunk = StreamChunk(
            firstOffset: offset,
            count: 1,
            time: WallTime(milliseconds: 5)
        )
        let size = chunk.prefix.count + writer.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        defer { memory.deallocate() }
        memory.copyMemory(from: chunk.prefix, byteCount: chunk.prefix.count)
        writer.write(to: memory + chunk.prefix.count, offset: offset)
        let payload = ByteView(base: UnsafeRawPointer(memory), count: size)
        #expect(StreamChunk(payload) == chunk)
        var result: Result?
        var failure: (any Error)?
        let isWhole = StreamChunk.forEachEntry(of: payload) { found, entry in
            #expect(found == offset)
            do { result = try look(entry) } catch { failure = error }
        }
        if let failure { throw failure }
        #expect(isWhole)
        return try #require(result)
    }

    private func encoded(_ properties: BasicProperties) -> [UInt8] {
        var writer = ByteWriter()
        properties.encode(into: &writer)
        return writer.bytes
    }

    private static let full: BasicProperties = {
        var properties = BasicProperties()
        properties.contentType = "text/plain"
        properties.contentEncoding = "gzip"
        properties.headers = ["a": .int16(5), "x-stream-filter-value": "red", "b": .bool(true)]
        properties.deliveryMode = 2
        properties.priority = 9
        properties.correlationID = "c"
        properties.expiration = "100"
        properties.timestamp = 99
        properties.appID = "app"
        return properties
    }()

    @Test("keeps its properties in order, with the offset behind its headers")
    func properties() throws {
        let found = try roundTrip(encoded(Self.full)) { entry in
            #expect(entry.filterValue.map { $0.string } == "red")
            #expect(entry.body.string == "body")
            #expect(entry.route.bytes == [1, 0x65, 2, 0x6B, 0x6B])
            return try BasicProperties(decoding: entry.properties)
        }
        var expected = Self.full
        expected.headers?["x-stream-offset"] = .int64(77)
        #expect(found == expected)
        #expect(found.headers?.entries.map(\.name.string).last == "x-stream-offset")
    }

    @Test("gets headers when it has none", arguments: [true, false])
    func noHeaders(hasType: Bool) throws {
        var properties = BasicProperties()
        if hasType { properties.contentType = "t" }
        properties.deliveryMode = 1
        let found = try roundTrip(encoded(properties), body: []) { entry in
            #expect(entry.filterValue == nil)
            #expect(entry.body.count == 0)
            return try BasicProperties(decoding: entry.properties)
        }
        properties.headers = ["x-stream-offset": .int64(77)]
        #expect(found == properties)
    }

    @Test("loses an offset that it brought along")
    func oldOffset() throws {
        var properties = BasicProperties()
        properties.headers = ["a": .int32(1), "x-stream-offset": "mine", "b": .int32(2)]
        let found = try roundTrip(encoded(properties)) { entry in
            try BasicProperties(decoding: entry.properties)
        }
        #expect(found.headers == ["a": .int32(1), "b": .int32(2), "x-stream-offset": .int64(77)])
    }

    @Test("has no filter value when that is too long, or no string")
    func noFilterValue() throws {
        let values: [FieldValue] = [.string(String(repeating: "x", count: 256)), .int32(5)]
        for value in values {
            var properties = BasicProperties()
            properties.headers = ["x-stream-filter-value": value]
            let isFiltered = try roundTrip(encoded(properties)) { $0.filterValue != nil }
            #expect(!isFiltered)
        }
    }

    @Test("is not taken for one when octets are missing or wrong")
    func damaged() throws {
        let image = try roundTrip(encoded(Self.full)) { $0.image.bytes }
        var payload = StreamChunk(
            firstOffset: 0,
            count: 1,
            time: WallTime(milliseconds: 0)
        ).prefix
        payload.append(littleEndian: UInt32(image.count + 2))
        payload.append(littleEndian: UInt16(0))
        payload += image
        #expect(ByteView.with(payload) { StreamChunk.forEachEntry(of: $0) { _, _ in } })
        for count in 0..<payload.count {
            let isWhole = ByteView.with(Array(payload[..<count])) {
                StreamChunk.forEachEntry(of: $0) { _, _ in }
            }
            #expect(!isWhole, "\(count) octets")
        }
        var random = Seed(7)
        for _ in 0..<20_000 {
            var changed = payload
            let place = Int.random(in: 0..<changed.count, using: &random)
            changed[place] = UInt8.random(in: 0...255, using: &random)
            // Whatever it says, nothing is read outside of it.
            _ = ByteView.with(changed) { view in
                StreamChunk.forEachEntry(of: view) { _, entry in
                    #expect(entry.body.count <= payload.count)
                    #expect(entry.properties.count <= payload.count)
                }
            }
        }
    }
}
