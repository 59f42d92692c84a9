import TestSupport
import Testing
import Wire

/// A table whose only entry is "v", and its octets as another implementation has them.
struct FieldExample: CustomStringConvertible {
    let description: String
    let value: FieldValue
    let hexadecimal: String

    init(_ description: String, _ value: FieldValue, _ hexadecimal: String) {
        self.description = description
        self.value = value
        self.hexadecimal = hexadecimal
    }

    static let all = [
        FieldExample("true", .bool(true), "00000004 01767401"),
        FieldExample("false", .bool(false), "00000004 01767400"),
        FieldExample("int8", .int8(-128), "00000004 01766280"),
        FieldExample("uint8", .uint8(255), "00000004 017642ff"),
        FieldExample("int16", .int16(-32768), "00000005 0176738000"),
        FieldExample("uint16", .uint16(65535), "00000005 017675ffff"),
        FieldExample("int32", .int32(.min), "00000007 01764980000000"),
        FieldExample("uint32", .uint32(.max), "00000007 017669ffffffff"),
        FieldExample("int64", .int64(.min), "0000000b 01766c8000000000000000"),
        FieldExample("float", .float(0.5), "00000007 0176663f000000"),
        FieldExample("double", .double(1e300), "0000000b 0176647e37e43c8800759c"),
        FieldExample("decimal", .decimal(scale: 2, value: 314), "00000008 017644020000013a"),
        FieldExample("string", .string("grüße"), "0000000e 017653000000076772c3bcc39f65"),
        FieldExample("bytes", .byteArray([0, 0xFF, 0xCE]), "0000000a 0176780000000300ffce"),
        FieldExample("timestamp", .timestamp(1_700_000_000), "0000000b 017654000000006553f100"),
        FieldExample("void", .void, "00000003 017656"),
        FieldExample(
            "table",
            .table(["a": .int32(1), "b": .table(["c": .string("d")])]),
            "0000001d 017646000000160161490000000101624600000008 0163530000000164"
        ),
        FieldExample(
            "array",
            .array([.int32(1), .string("x"), .array([.bool(true)])]),
            "00000019 0176410000001249000000015300000001784100000002 7401"
        ),
        FieldExample("empty table", .table([:]), "00000007 01764600000000"),
        FieldExample("empty array", .array([]), "00000007 01764100000000"),
    ]
}

@Suite("Field table")
struct FieldTableTests {
    static let verifier = DecoderVerifier<FieldTable>(
        decode: { try ByteView.with($0) { try FieldTable(decoding: $0) } },
        encode: { table in
            var writer = ByteWriter()
            table.encode(into: &writer)
            return writer.bytes
        }
    )

    @Test("Every type survives the wire and refuses cuts", arguments: FieldExample.all)
    func types(_ example: FieldExample) throws {
        let bytes = [UInt8](hexadecimal: example.hexadecimal)
        try Self.verifier.verify(["v": example.value], is: bytes)
    }

    @Test("All types together survive the wire")
    func allTypes() throws {
        let table = FieldTable(
            FieldExample.all.compactMap { example in
                ShortString(example.description).map { .init(name: $0, value: example.value) }
            }
        )
        #expect(try Self.verifier.decode(Self.verifier.encode(table)) == table)
    }

    @Test("An empty table is four octets of zero")
    func empty() throws {
        try Self.verifier.verify([:], is: [0, 0, 0, 0])
    }

    @Test("L is read as a signed integer and written as l")
    func alternativeInteger() throws {
        let bytes = [UInt8](hexadecimal: "0000000b 01764cffffffffffffffff")
        let table = try Self.verifier.decode(bytes)
        #expect(table == ["v": .int64(-1)])
        #expect(
            Self.verifier.encode(table) == [UInt8](hexadecimal: "0000000b 01766cffffffffffffffff")
        )
    }

    @Test("Any octet but zero is true")
    func booleans() throws {
        #expect(try Self.verifier.decode([0, 0, 0, 4, 1, 0x76, 0x74, 0xFF]) == ["v": .bool(true)])
    }

    @Test("Type octets RabbitMQ does not know are refused")
    func unknownTypes() {
        let known = Set(FieldType.allCases.map(\.rawValue))
        for octet in UInt8.min...UInt8.max where !known.contains(octet) {
            #expect(throws: WireError.unknownFieldType(octet)) {
                try Self.verifier.decode([0, 0, 0, 4, 1, 0x76, octet, 0])
            }
        }
    }

    @Test("A nested length that exceeds the table is refused")
    func nestedLength() {
        #expect(throws: WireError.truncated) {
            try Self.verifier.decode([UInt8](hexadecimal: "00000007 017646 00000001"))
        }
        #expect(throws: WireError.truncated) {
            try Self.verifier.decode([UInt8](hexadecimal: "00000007 017653 ffffffff"))
        }
    }

    @Test("Tables nest to the limit and no further")
    func nesting() throws {
        #expect(throws: Never.self) { try Self.verifier.decode(nested(FieldTable.depthMax, "F")) }
        #expect(throws: WireError.nestedTooDeep) {
            try Self.verifier.decode(nested(FieldTable.depthMax + 1, "F"))
        }
    }

    @Test("Arrays count towards the depth of nesting")
    func nestedArrays() throws {
        #expect(throws: Never.self) { try Self.verifier.decode(nested(FieldTable.depthMax, "A")) }
        #expect(throws: WireError.nestedTooDeep) {
            try Self.verifier.decode(nested(FieldTable.depthMax + 1, "A"))
        }
    }

    @Test("A hundred thousand levels are refused like one too many")
    func abyss() {
        #expect(throws: WireError.nestedTooDeep) {
            try Self.verifier.decode(nested(100_000, "F"))
        }
    }

    @Test("Order and duplicates come back as they were sent, and look-up takes the first")
    func duplicates() throws {
        let table: FieldTable = ["b": .int8(1), "a": .int8(2), "b": .int8(3)]
        let decoded = try Self.verifier.decode(Self.verifier.encode(table))
        #expect(decoded.entries.map(\.name) == ["b", "a", "b"])
        #expect(decoded["b"] == .int8(1))
        #expect(decoded["c"] == nil)
    }

    @Test("Setting replaces in place or appends; removing takes every entry of the name")
    func changes() {
        var table: FieldTable = ["a": .int8(1), "b": .int8(2), "a": .int8(3)]
        table["a"] = .int8(9)
        table["c"] = .void
        #expect(table == ["a": .int8(9), "b": .int8(2), "a": .int8(3), "c": .void])
        #expect(table.remove("a") == .int8(9))
        #expect(table.remove("a") == nil)
        table["c"] = nil
        #expect(table == ["b": .int8(2)])
        #expect(!table.isEmpty)
    }

    /// A table that holds a table (or array), and so on, `depth` levels in all, built iteratively.
    private func nested(_ depth: Int, _ kind: Character) -> [UInt8] {
        let (head, type): ([UInt8], UInt8) =
            kind == "F" ? ([1, 0x76, 0x46], 0x46) : ([0x41], 0x41)
        var sizes: [Int] = [0]
        for level in 1..<depth {
            let isOutermost = level == depth - 1
            let headSize = isOutermost ? 3 : head.count
            sizes.append(sizes[level - 1] + headSize + 4)
        }
        var writer = ByteWriter()
        writer.writeUInt32(UInt32(sizes[depth - 1]))
        for level in stride(from: depth - 2, through: 0, by: -1) {
            let isOutermost = level == depth - 2
            writer.writeBytes(isOutermost ? [1, 0x76, type] : head)
            writer.writeUInt32(UInt32(sizes[level]))
        }
        return writer.bytes
    }
}
