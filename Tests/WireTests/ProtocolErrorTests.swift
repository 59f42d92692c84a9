import Testing
import Wire

@Suite("Protocol error")
struct ProtocolErrorTests {
    @Test("The text begins with the name of the code")
    func text() {
        let error = ProtocolError(.notFound, "no queue 'q' in vhost '/'", method: BasicGet.id)
        #expect(error.text == "NOT_FOUND - no queue 'q' in vhost '/'")
        #expect(error.method == MethodID(classID: 60, methodID: 70))
        #expect(error.replyText.string == error.text)
    }

    @Test("A long text is shortened to fit the close method")
    func shortened() {
        let error = ProtocolError(.notFound, String(repeating: "x", count: 300))
        #expect(error.replyText.count == 255)
        #expect(error.replyText.string.hasSuffix("x..."))
    }

    @Test("What the decoder found keeps its code")
    func fromWire() {
        #expect(ProtocolError(.truncated).code == .frameError)
        #expect(ProtocolError(.badFrameEnd(0)).text.hasPrefix("FRAME_ERROR - "))
    }
}
