import Testing
import Wire

@Suite("Methods")
struct MethodTests {
    @Test("A method comes back from its own bytes")
    func roundTrip() throws {
        let declare = QueueDeclare(
            queue: "q",
            durable: true,
            noWait: true,
            arguments: ["x-max-length": .int32(5)]
        )
        var writer = ByteWriter()
        declare.encode(into: &writer)
        let decoded = try ByteView.with(writer.bytes) { try Method.decode($0) }
        #expect(decoded == .queueDeclare(declare))
        #expect(decoded.name == "queue.declare")
    }

    @Test("Octets after the last argument are refused")
    func leftOver() {
        let bytes: [UInt8] = [0, 60, 0, 11, 1, 2]
        #expect(throws: WireError.leftOver(octets: 2)) {
            try ByteView.with(bytes) { try Method.decode($0) }
        }
    }
}
