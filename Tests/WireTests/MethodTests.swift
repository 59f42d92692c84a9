import TestSupport
import Testing
import Wire

@Suite("Methods")
struct MethodTests {
    static let verifier = DecoderVerifier<Method>(
        decode: { try ByteView.with($0) { try Method.decode($0) } },
        encode: { method in
            var writer = ByteWriter()
            method.arguments.encode(into: &writer)
            return writer.bytes
        }
    )

    @Test("Every method survives the wire and refuses cuts", arguments: MethodExample.all)
    func roundTrip(_ example: MethodExample) throws {
        try Self.verifier.verify(example.method, is: example.bytes)
    }

    @Test("There is an example of every method")
    func complete() {
        #expect(MethodExample.all.map(\.method.id) == MethodID.all)
    }

    @Test("An id that is nobody's is refused")
    func unknown() {
        let known = Set(MethodID.all)
        for classID in [UInt16(0), 10, 20, 30, 40, 50, 60, 70, 85, 90, 0xFFFF] {
            for methodID in UInt16(0)...130 {
                let id = MethodID(classID: classID, methodID: methodID)
                if known.contains(id) { continue }
                #expect(throws: WireError.unknownMethod(id)) {
                    try Self.verifier.decode(octets(of: id))
                }
            }
        }
    }

    @Test("Names must be UTF-8, except in methods with content")
    func text() throws {
        #expect(throws: WireError.malformedUTF8) {
            try Self.verifier.decode([UInt8](hexadecimal: "0032000a 0000 01ff 00 00000000"))
        }
        let publish = try Self.verifier.decode([UInt8](hexadecimal: "003c0028 0000 00 01ff 00"))
        guard case .basicPublish(let arguments) = publish else {
            Issue.record("decoded \(publish)")
            return
        }
        #expect(arguments.routingKey.bytes == [0xFF])
    }

    @Test("Arguments left out have the specification's defaults")
    func defaults() {
        #expect(BasicReject(deliveryTag: 1).requeue)
        #expect(ConnectionOpen().virtualHost == "/")
        #expect(AccessRequestOk().ticket == 1)
        #expect(QueueDeclare() == QueueDeclare(queue: "", durable: false, arguments: [:]))
    }

    private func octets(of id: MethodID) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: id.packed >> UInt32($0)) }
    }
}
