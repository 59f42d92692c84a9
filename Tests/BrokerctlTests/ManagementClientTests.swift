import Testing
import Wire

@testable import brokerctl

@Suite("Management client")
struct ManagementClientTests {
    @Test(
        "names are percent-encoded in a path",
        arguments: [
            ("/", "%2F"), ("jobs", "jobs"), ("a b/ü", "a%20b%2F%C3%BC"), ("~._-", "~._-"), ("", ""),
        ] as [(ShortString, String)]
    )
    func encodes(_ name: ShortString, _ encoded: String) {
        #expect(ManagementClient.encoded(name) == encoded)
    }

    @Test("a queue is shown from RabbitMQ's fields, missing ones left blank")
    func queues() throws {
        let text = #"""
            [{"name":"jobs","vhost":"/","durable":true,"auto_delete":false,"exclusive":false,
              "arguments":{"x-max-length":10},"messages_ready":1200,"messages_unacknowledged":3,
              "consumers":2,"memory":20480,"unknown":{"a":[1]},
              "message_stats":{"publish":5,"publish_details":{"rate":12.5}}},
             {"name":"bare"}]
            """#
        let queues = try ManagementClient.decode(Array(text.utf8), as: [QueueRecord].self)
        #expect(
            QueueCommands.table(of: queues).text == """
                NAME  READY  UNACKED  CONSUMERS      IN  OUT  ACK    MEMORY  FEATURES
                jobs  1,200        3          2  12.5/s  0/s  0/s  20.0 KiB  durable, arguments
                bare                                0/s  0/s  0/s

                """
        )
    }

    @Test("arguments of any JSON kind are shown on one line in the order of their names")
    func arguments() throws {
        let text = #"{"b":[1,{"c":null}],"a":"x","d":2.5,"e":true}"#
        let table = try ManagementClient.decode(Array(text.utf8), as: [String: JSONRecord].self)
        #expect(JSONRecord.line(table) == #"a=x b=[1,{"c":null}] d=2.5 e=true"#)
    }

    @Test("a reply that is no JSON is a failure")
    func garbage() {
        #expect(throws: CommandFailure.self) {
            try ManagementClient.decode(Array("<html>".utf8), as: [QueueRecord].self)
        }
    }
}
