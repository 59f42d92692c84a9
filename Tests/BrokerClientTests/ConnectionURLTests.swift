import BrokerClient
import Testing
import Wire

@Suite("Connection URL")
struct ConnectionURLTests {
    @Test("every part is read and percent-decoded")
    func everyPart() throws {
        let options = try ConnectionOptions(
            url: "amqp://us%40er:p%2Fw%3A@broker.example:5673/my%2Fvhost"
        )
        #expect(options.user == "us@er")
        #expect(options.password == "p/w:")
        #expect(options.host == "broker.example")
        #expect(options.port == 5673)
        #expect(options.virtualHost == "my/vhost")
    }

    @Test(
        "what is left out is the local broker as guest",
        arguments: ["amqp://", "amqp:///", "AMQP://127.0.0.1", "amqp://guest@127.0.0.1:5672/%2F"]
    )
    func defaults(_ url: String) throws {
        #expect(try ConnectionOptions(url: url) == ConnectionOptions())
    }

    @Test("an IPv6 address stands in brackets, also when it is shown")
    func internetProtocol6() throws {
        let options = try ConnectionOptions(url: "amqp://[::1]:5999")
        #expect(options.host == "::1")
        #expect(options.port == 5999)
        #expect(options.address == "[::1]:5999")
    }

    @Test("query parameters set the limits")
    func query() throws {
        let options = try ConnectionOptions(
            url: "amqp://h/v?heartbeat=5&frame_max=8192&channel_max=7&connection_timeout=1500"
        )
        #expect(options.heartbeatSeconds == 5)
        #expect(options.frameMax == 8192)
        #expect(options.channelMax == 7)
        #expect(options.timeout == .milliseconds(1500))
    }

    @Test(
        "a malformed URL is refused without repeating the password",
        arguments: [
            "localhost:5672", "http://secret@h", "amqps://u:secret@h", "amqp://u:secret@h:port",
            "amqp://u:secret@h:0", "amqp://u:secret%zz@h", "amqp://u:secret%f",
            "amqp://u:secret@[::1",
            "amqp://u:secret@h?heartbeat=x", "amqp://u:secret@h?unknown=1", "amqp://u:%FFsecret@h",
        ]
    )
    func malformed(_ url: String) throws {
        let error = try #require(throws: ConnectionURLError.self) {
            try ConnectionOptions(url: url)
        }
        #expect(!error.description.contains("secret"))
    }
}
