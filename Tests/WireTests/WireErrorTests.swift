import Testing
import Wire

@Suite("Wire error")
struct WireErrorTests {
    static let undecodable: [WireError] = [
        .truncated, .leftOver(octets: 1), .unknownFieldType(0), .nestedTooDeep, .malformedUTF8,
        .unknownProperty(flags: 2), .unknownFrameType(0), .badFrameEnd(0),
        .frameTooLarge(payload: 2, max: 1), .badProtocolHeader,
    ]

    @Test("What cannot be decoded is 501, as RabbitMQ has it", arguments: undecodable)
    func frameErrors(_ error: WireError) {
        #expect(error.replyCode == .frameError)
    }

    @Test("A decodable frame in the wrong place, or with an unknown method, has its own code")
    func otherErrors() {
        #expect(WireError.unexpectedContentClass(10).replyCode == .unexpectedFrame)
        let unknown = WireError.unknownMethod(MethodID(classID: 99, methodID: 1))
        #expect(unknown.replyCode == .notImplemented)
        #expect(unknown.description == "unknown method 99.1")
    }

    @Test("Every error says what is wrong in its own words")
    func descriptions() {
        #expect(Set(Self.undecodable.map(\.description)).count == Self.undecodable.count)
    }
}
