import Testing
import Wire

@testable import Broker

@Suite("Authentication")
struct AuthenticationTests {
    private let authentication = Authentication()

    @Test("offers PLAIN first, then AMQPLAIN")
    func mechanisms() { #expect(authentication.mechanisms == ["PLAIN", "AMQPLAIN"]) }

    @Test(
        "lets guest in with the right password, by PLAIN",
        arguments: ["\0guest\0guest", "guest\0guest\0guest"]
    )
    func plain(response: String) {
        #expect(login("PLAIN", response) == .accepted(user: "guest"))
    }

    @Test(
        "refuses what is not right, by PLAIN",
        arguments: [
            ("\0guest\0wrong", "guest", "wrong password"), ("\0guest\0", "guest", "wrong password"),
            ("\0guest\0guestguest", "guest", "wrong password"),
            ("\0guest\0gues", "guest", "wrong password"),
            ("\0Guest\0guest", "Guest", "unknown user"), ("\0\0", "", "unknown user"),
            ("\0admin\0guest", "admin", "unknown user"), ("", "", "malformed response"),
            ("guest", "", "malformed response"), ("\0guest", "", "malformed response"),
            ("guest\0guest", "", "malformed response"),
            ("admin\0guest\0guest", "", "malformed response"),
            ("\0guest\0guest\0", "", "malformed response"),
        ]
    )
    func plainRefused(response: String, user: String, reason: String) {
        #expect(login("PLAIN", response) == .refused(user: user, reason: reason))
    }

    @Test("lets guest in with the right password, by AMQPLAIN")
    func amqPlain() {
        let response = entries(["LOGIN": .string("guest"), "PASSWORD": .string("guest")])
        #expect(login("AMQPLAIN", response) == .accepted(user: "guest"))
    }

    @Test("refuses what is not right, by AMQPLAIN")
    func amqPlainRefused() {
        let wrong = entries(["LOGIN": .string("guest"), "PASSWORD": .string("x")])
        #expect(login("AMQPLAIN", wrong) == .refused(user: "guest", reason: "wrong password"))
        let malformed = LoginOutcome.refused(user: "", reason: "malformed response")
        #expect(login("AMQPLAIN", entries(["LOGIN": .string("guest")])) == malformed)
        let number = entries(["LOGIN": .string("guest"), "PASSWORD": .int32(5)])
        #expect(login("AMQPLAIN", number) == malformed)
        let whole = entries(["LOGIN": .string("guest"), "PASSWORD": .string("guest")])
        for count in 0..<whole.count {
            #expect(login("AMQPLAIN", Array(whole.prefix(count))) == malformed, "cut at \(count)")
        }
    }

    @Test("refuses mechanisms it did not offer", arguments: ["EXTERNAL", "plain", "", "ANONYMOUS"])
    func unknownMechanism(mechanism: String) {
        let outcome = login(mechanism, "\0guest\0guest")
        #expect(outcome == .refused(user: "", reason: "unknown mechanism"))
    }

    @Test("refuses guest from another machine, only after the right password")
    func notLoopback() {
        let right = login("PLAIN", "\0guest\0guest", isLoopback: false)
        #expect(
            right == .refused(user: "guest", reason: "user may only connect from this machine")
        )
        let wrong = login("PLAIN", "\0guest\0x", isLoopback: false)
        #expect(wrong == .refused(user: "guest", reason: "wrong password"))
    }

    private func login(
        _ mechanism: String,
        _ response: String,
        isLoopback: Bool = true
    ) -> LoginOutcome {
        login(mechanism, Array(response.utf8), isLoopback: isLoopback)
    }

    private func login(
        _ mechanism: String,
        _ response: [UInt8],
        isLoopback: Bool = true
    ) -> LoginOutcome {
        let peer = ConnectionPeer(
            host: "192.0.2.1",
            port: 40000,
            localHost: "192.0.2.2",
            localPort: 5672,
            isLoopback: isLoopback
        )
        return authentication.authenticate(
            mechanism: mechanism,
            response: response,
            peer: peer
        )
    }

    /// A table without its length.
    private func entries(_ table: FieldTable) -> [UInt8] {
        var writer = ByteWriter()
        table.encode(into: &writer)
        return Array(writer.bytes.dropFirst(4))
    }
}
