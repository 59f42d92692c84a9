import Testing
import Wire

@Suite("Reply code")
struct ReplyCodeTests {
    @Test("Soft errors end the channel and hard ones the connection (AMQP 0-9-1 §1.2)")
    func scopes() {
        let soft = ReplyCode.allCases.filter { $0.scope == .channel }.map(\.value)
        #expect(soft == [311, 312, 313, 403, 404, 405, 406])
        let hard = ReplyCode.allCases.filter { $0.scope == .connection }.map(\.value)
        #expect(hard == [200, 320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541])
    }

    @Test("Names are those of RabbitMQ's reply texts")
    func names() {
        #expect(ReplyCode.notFound.name == "NOT_FOUND")
        #expect(ReplyCode.connectionForced.name == "CONNECTION_FORCED")
        #expect(Set(ReplyCode.allCases.map(\.name)).count == ReplyCode.allCases.count)
    }
}
