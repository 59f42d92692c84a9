import TestSupport
import Testing
import Wire

@Suite("Content header")
struct ContentHeaderTests {
    static let verifier = DecoderVerifier<ContentHeader>(
        decode: { try ByteView.with($0) { try ContentHeader(decoding: $0) } },
        encode: { header in
            var writer = ByteWriter()
            header.encode(into: &writer)
            return writer.bytes
        }
    )

    @Test("Size and properties survive the wire", arguments: PropertiesExample.all)
    func roundTrip(_ example: PropertiesExample) throws {
        let header = ContentHeader(bodySize: 0x0102_0304_0506_0708, properties: example.properties)
        let bytes = [UInt8](hexadecimal: "003c 0000 0102030405060708") + example.bytes
        try Self.verifier.verify(header, is: bytes)
    }

    @Test("The largest size is kept and costs nothing")
    func largest() throws {
        let header = ContentHeader(bodySize: .max)
        #expect(try Self.verifier.decode(Self.verifier.encode(header)).bodySize == .max)
    }

    @Test("A header for another class than basic is an unexpected frame")
    func otherClass() {
        let bytes = [UInt8](hexadecimal: "003d 0000 0000000000000000 0000")
        #expect(throws: WireError.unexpectedContentClass(61)) { try Self.verifier.decode(bytes) }
    }

    @Test("The view leaves the properties as they lie, even when they are wrong")
    func view() throws {
        let bytes = [UInt8](hexadecimal: "003c 0007 0000000000000005 fffc")
        try ByteView.with(bytes) { payload in
            let view = try ContentHeaderView(payload)
            #expect(view.weight == 7)
            #expect(view.bodySize == 5)
            #expect(view.propertyBytes == [0xFF, 0xFC])
        }
    }
}
