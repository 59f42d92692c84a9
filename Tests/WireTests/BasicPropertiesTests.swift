import TestSupport
import Testing
import Wire

/// Properties and their octets as another implementation has them.
struct PropertiesExample: CustomStringConvertible {
    let description: String
    let properties: BasicProperties
    let hexadecimal: String

    init(_ description: String, _ hexadecimal: String, set: (inout BasicProperties) -> Void) {
        self.description = description
        self.hexadecimal = hexadecimal
        var properties = BasicProperties()
        set(&properties)
        self.properties = properties
    }

    var bytes: [UInt8] { [UInt8](hexadecimal: hexadecimal) }

    static let none = PropertiesExample("none", "0000") { _ in }

    static let single = [
        PropertiesExample("content type", "8000 0a746578742f706c61696e") {
            $0.contentType = "text/plain"
        },
        PropertiesExample("content encoding", "4000 057574662d38") { $0.contentEncoding = "utf-8" },
        PropertiesExample("headers", "2000 00000008016b530000000176") {
            $0.headers = ["k": .string("v")]
        },
        PropertiesExample("delivery mode", "1000 02") { $0.deliveryMode = 2 },
        PropertiesExample("priority", "0800 07") { $0.priority = 7 },
        PropertiesExample("correlation id", "0400 03632d31") { $0.correlationID = "c-1" },
        PropertiesExample("reply to", "0200 0172") { $0.replyTo = "r" },
        PropertiesExample("expiration", "0100 053630303030") { $0.expiration = "60000" },
        PropertiesExample("message id", "0080 036d2d31") { $0.messageID = "m-1" },
        PropertiesExample("timestamp", "0040 000000006553f100") { $0.timestamp = 1_700_000_000 },
        PropertiesExample("type", "0020 0174") { $0.type = "t" },
        PropertiesExample("user id", "0010 056775657374") { $0.userID = "guest" },
        PropertiesExample("application id", "0008 0161") { $0.appID = "a" },
        PropertiesExample("cluster id", "0004 02636c") { $0.clusterID = "cl" },
    ]

    static let everything = PropertiesExample(
        "all fourteen",
        "fffc 0a746578742f706c61696e 057574662d38 00000008016b530000000176 02 07 03632d31 0172"
            + " 053630303030 036d2d31 000000006553f100 0174 056775657374 0161 02636c"
    ) {
        $0.contentType = "text/plain"
        $0.contentEncoding = "utf-8"
        $0.headers = ["k": .string("v")]
        $0.deliveryMode = 2
        $0.priority = 7
        $0.correlationID = "c-1"
        $0.replyTo = "r"
        $0.expiration = "60000"
        $0.messageID = "m-1"
        $0.timestamp = 1_700_000_000
        $0.type = "t"
        $0.userID = "guest"
        $0.appID = "a"
        $0.clusterID = "cl"
    }

    static let all = [none] + single + [everything]
}

@Suite("Basic properties")
struct BasicPropertiesTests {
    static let verifier = DecoderVerifier<BasicProperties>(
        decode: { try ByteView.with($0) { try BasicProperties(decoding: $0) } },
        encode: { $0.encoded }
    )

    @Test("Each property alone, all and none survive the wire", arguments: PropertiesExample.all)
    func roundTrip(_ example: PropertiesExample) throws {
        try Self.verifier.verify(example.properties, is: example.bytes)
    }

    @Test("Empty strings, zeroes and an empty table are not the same as none")
    func empties() throws {
        var properties = BasicProperties()
        properties.contentType = ""
        properties.headers = [:]
        properties.priority = 0
        properties.timestamp = 0
        let decoded = try Self.verifier.decode(properties.encoded)
        #expect(decoded == properties)
        #expect(decoded != BasicProperties())
    }

    @Test("A second word of flags is read when it names no property")
    func continuation() throws {
        #expect(try Self.verifier.decode([0x10, 0x01, 0, 0, 2]).deliveryMode == 2)
        #expect(try Self.verifier.decode([0x10, 0x01, 0, 1, 0, 0, 2]).deliveryMode == 2)
    }

    @Test("Flags of properties that basic does not have are refused")
    func unknownProperties() {
        #expect(throws: WireError.unknownProperty(flags: 0x0002)) {
            try Self.verifier.decode([0x00, 0x02])
        }
        #expect(throws: WireError.unknownProperty(flags: 0x8000)) {
            try Self.verifier.decode([0x00, 0x01, 0x80, 0x00])
        }
        #expect(throws: WireError.truncated) { try Self.verifier.decode([0x00, 0x01]) }
    }
}
