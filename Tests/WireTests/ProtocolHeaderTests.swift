import Testing
import Wire

@Suite("Protocol header")
struct ProtocolHeaderTests {
    @Test("AMQP 0-9-1 is eight known octets")
    func bytes() {
        #expect(ProtocolHeader.bytes == [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1])
        #expect(ProtocolHeader.bytes.count == ProtocolHeader.size)
    }

    @Test(
        "The three headers RabbitMQ serves are accepted, and their beginnings wait for more",
        arguments: [[0, 0, 9, 1], [1, 1, 0, 9], [1, 1, 8, 0]] as [[UInt8]]
    )
    func accepted(version: [UInt8]) throws {
        let header = Array("AMQP".utf8) + version
        for count in 0...header.count {
            let isComplete = try ByteView.with(Array(header.prefix(count))) {
                try ProtocolHeader.accept($0)
            }
            #expect(isComplete == (count == header.count))
        }
        #expect(try ByteView.with(header + [1, 0, 0]) { try ProtocolHeader.accept($0) })
    }

    @Test("Anything else is refused at its first wrong octet", arguments: 0..<8)
    func refused(index: Int) {
        var header = Array(ProtocolHeader.bytes.prefix(index + 1))
        header[index] ^= 0x20
        #expect(throws: WireError.badProtocolHeader) {
            try ByteView.with(header) { try ProtocolHeader.accept($0) }
        }
    }
}
