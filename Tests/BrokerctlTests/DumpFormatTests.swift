@testable import Broker
import Testing
import Wire

@testable import brokerctl

@Suite("Dump format")
struct DumpFormatTests {
    private func message(_ body: [UInt8]) -> JournalDump.Line {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        let content = JournalDump.Content(
            exchange: "",
            routingKey: "jobs",
            properties: properties,
            body: body
        )
        let place = JournalDump.Place(queue: "jobs", position: 3)
        let fact = JournalDump.Fact(name: "queues", value: .places([place]))
        return JournalDump.Line(lsn: 64, kind: "message", facts: [fact], content: content)
    }

    @Test("a record is one line, whatever is in it, and a long body is cut")
    func text() {
        #expect(
            DumpFormat.text(message(Array("a\nb\u{1B}".utf8)))
                == #"64 message exchange='' key='jobs' queues='jobs':3 body(4)=a\x0Ab\x1B"#
        )
        let long = DumpFormat.text(message([UInt8](repeating: 0x61, count: 1000)))
        #expect(long.hasSuffix("body(1000)=" + String(repeating: "a", count: 60) + "..."))
    }

    @Test("as JSON a message has its body whole, as text or in base64")
    func json() {
        #expect(
            DumpFormat.json(message(Array("hi".utf8)), virtualHost: "/").text
                == #"{"virtual_host":"/","lsn":64,"kind":"message","#
                + #""queues":[{"queue":"jobs","position":3}],"exchange":"","routing_key":"jobs","#
                + #""properties":{"delivery_mode":2},"payload_bytes":2,"#
                + #""payload_encoding":"string","payload":"hi"}"#
        )
        let binary = DumpFormat.json(message([0xff]), virtualHost: "/").text
        #expect(binary.hasSuffix(#""payload_encoding":"base64","payload":"/w=="}"#))
    }
}
