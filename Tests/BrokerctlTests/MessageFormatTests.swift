import BrokerClient
import Testing
import Wire

@testable import brokerctl

@Suite("Message format")
struct MessageFormatTests {
    private func received(
        _ body: [UInt8],
        _ properties: BasicProperties = .init()
    ) -> ReceivedMessage {
        ReceivedMessage(
            exchange: "logs",
            routingKey: "kern.info",
            isRedelivered: true,
            message: Message(body, properties: properties)
        )
    }

    private func text(_ format: MessageFormat, _ style: MessageFormat.TextStyle) -> String {
        var properties = BasicProperties()
        properties.contentType = "text/plain"
        properties.deliveryMode = 2
        properties.headers = ["n": .int32(5), "t": .table(["x": .void]), "b": .bool(false)]
        let bytes = format.bytes(of: received(Array("hi".utf8), properties), style: style)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("text shows the body, the key if wanted, or everything")
    func text() {
        #expect(text(.text, .body) == "hi\n")
        #expect(text(.text, .keyAndBody) == "kern.info  hi\n")
        let everything = text(.text, .everything)
        #expect(everything.contains("exchange: 'logs'  routing key: 'kern.info'  redelivered\n"))
        #expect(everything.contains("delivery_mode: 2\n"))
    }

    @Test("JSON has the fields of RabbitMQ's HTTP API, on one line for jsonl")
    func json() {
        #expect(
            text(.jsonl, .body)
                == #"{"exchange":"logs","routing_key":"kern.info","redelivered":true,"#
                + #""properties":{"content_type":"text/plain","headers":{"n":5,"t":{"x":null},"#
                + #""b":false},"delivery_mode":2},"payload_bytes":2,"payload_encoding":"string","#
                + #""payload":"hi"}"# + "\n"
        )
    }

    @Test("a body that is no text is base64 in JSON and untouched in raw")
    func binary() {
        let bytes: [UInt8] = [0xFF, 0x00, 0x0A]
        let json = MessageFormat.json(received(bytes)).text
        #expect(json.contains(#""payload_encoding":"base64","payload":"/wAK""#))
        #expect(MessageFormat.raw.bytes(of: received(bytes), style: .body) == bytes)
    }

    @Test("JSON output is one array, also of no messages")
    func array() {
        let format = MessageFormat.json
        #expect(
            format.opening(index: 0) + "1" + format.opening(index: 1) + "2"
                + format.closing(count: 2) == "[\n1,\n2\n]\n"
        )
        #expect(format.closing(count: 0) == "[]\n")
    }
}
