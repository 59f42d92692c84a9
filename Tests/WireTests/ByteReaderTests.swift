import Testing
import Wire

@Suite("Byte reader")
struct ByteReaderTests {
    @Test("Values come off the front one after the other")
    func sequence() throws {
        let bytes: [UInt8] = [
            7, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x68, 0x69, 0, 0, 0, 1, 0xFF,
        ]
        try ByteView.with(bytes) { view in
            var reader = ByteReader(view)
            #expect(try reader.readUInt8() == 7)
            #expect(try reader.readUInt16() == 0x0102)
            #expect(try reader.readUInt32() == 0x0102_0304)
            #expect(try reader.readUInt64() == 0x0102_0304_0506_0708)
            #expect(try reader.readShortString() == "hi")
            #expect(try reader.readLongString() == [0xFF])
            #expect(reader.position == bytes.count)
            try reader.finish()
        }
    }

    @Test("A value that is cut short is refused, for every kind of value")
    func truncated() {
        expectTruncated([]) { try $0.readUInt8() }
        expectTruncated([1]) { try $0.readUInt16() }
        expectTruncated([1, 2, 3]) { try $0.readUInt32() }
        expectTruncated([1, 2, 3, 4, 5, 6, 7]) { try $0.readUInt64() }
        expectTruncated([3, 1, 2]) { try $0.readShortString() }
        expectTruncated([3, 1, 2]) { try $0.readTextShortString() }
        expectTruncated([0, 0, 0, 2, 1]) { try $0.readLongString() }
        expectTruncated([0xFF, 0xFF, 0xFF, 0xFF, 1]) { try $0.readLongString() }
        expectTruncated([0, 0, 0, 2, 1]) { try $0.readTable() }
        expectTruncated([1, 2]) { try $0.readView(3).bytes }
    }

    @Test("Octets nobody asked for are counted")
    func leftOver() {
        #expect(throws: WireError.leftOver(octets: 2)) {
            try ByteView.with([1, 2, 3]) { view in
                var reader = ByteReader(view)
                _ = try reader.readUInt8()
                try reader.finish()
            }
        }
    }

    @Test("Only the text form of a short string insists on UTF-8")
    func text() throws {
        let octets = try ByteView.with([1, 0xFF]) { view in
            var reader = ByteReader(view)
            return try reader.readShortString().bytes
        }
        #expect(octets == [0xFF])
        #expect(throws: WireError.malformedUTF8) {
            try ByteView.with([1, 0xFF]) { view in
                var reader = ByteReader(view)
                _ = try reader.readTextShortString()
            }
        }
    }

    private func expectTruncated<Value>(
        _ bytes: [UInt8],
        _ read: (inout ByteReader) throws -> Value
    ) {
        #expect(throws: WireError.truncated) {
            try ByteView.with(bytes) { view in
                var reader = ByteReader(view)
                _ = try read(&reader)
            }
        }
    }
}
