import Testing
import Wire

@testable import Broker

@Suite("Policies over management")
struct ManagementPoliciesTests {
    private let broker = InspectedBroker(sliceCountMax: 2)

    private func put(_ target: String, _ body: String) -> (status: Int, body: String) {
        let response = broker.ask("PUT /api/\(target)", body: body)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    private let policy =
        #"{"vhost":"/","name":"p","pattern":"^q","apply-to":"queues","#
        + #""definition":{"max-length":3},"priority":2}"#

    @Test("are set, shown, replaced and cleared with RabbitMQ's paths and statuses")
    func life() {
        #expect(put("policies/%2F/p", policy) == (201, ""))
        #expect(put("policies/%2F/p", policy) == (204, ""))
        #expect(broker.text("GET /api/policies/%2F/p") == policy)
        #expect(broker.text("GET /api/policies") == "[\(policy)]")
        #expect(broker.text("GET /api/policies/%2F") == "[\(policy)]")
        #expect(broker.text("GET /api/operator-policies") == "[]")
        #expect(broker.ask("GET /api/operator-policies/%2F/p").status == 404)
        #expect(broker.ask("DELETE /api/policies/%2F/p") == .noContent)
        #expect(broker.ask("DELETE /api/policies/%2F/p").status == 404)
        #expect(broker.ask("GET /api/policies/%2F/p").status == 404)
        #expect(broker.ask("GET /api/policies/nowhere").status == 404)
        #expect(
            put("policies/nowhere/p", policy)
                == (404, #"{"error":"not_found","reason":"vhost_not_found"}"#)
        )
        #expect(broker.ask("PUT /api/policies").status == 405)
    }

    @Test("apply to everything unless the request says otherwise")
    func defaults() {
        #expect(
            put("policies/%2F/p", #"{"pattern":"a","definition":{"max-length":1}}"#).status == 201
        )
        #expect(
            broker.text("GET /api/policies/%2F/p?columns=apply-to,priority")
                == #"{"apply-to":"all","priority":0}"#
        )
    }

    @Test("are shown with the queues and exchanges they apply to, in every slice")
    func shown() {
        let client = broker.connect()
        broker.send(ChannelOpen(), client)
        for number in 1...5 {
            broker.send(QueueDeclare(queue: ShortString(shortening: "q\(number)")), client)
        }
        _ = put("policies/%2F/p", policy)
        _ = put(
            "operator-policies/%2F/o",
            #"{"pattern":"","definition":{"max-length":2,"expires":60000}}"#
        )
        _ = put("policies/%2F/x", #"{"pattern":"topic","definition":{"alternate-exchange":"y"}}"#)
        let columns = "?columns=policy,operator_policy,effective_policy_definition"
        for number in 1...5 {
            #expect(
                broker.text("GET /api/queues/%2F/q\(number)\(columns)")
                    == #"{"policy":"p","operator_policy":"o","#
                    + #""effective_policy_definition":{"expires":60000,"max-length":2}}"#
            )
        }
        #expect(
            broker.text("GET /api/exchanges/%2F/amq.topic?columns=policy") == #"{"policy":"x"}"#
        )
        #expect(broker.ask("DELETE /api/policies/%2F/p") == .noContent)
        #expect(broker.ask("DELETE /api/operator-policies/%2F/o") == .noContent)
        #expect(
            broker.text("GET /api/queues/%2F/q3\(columns)")
                == #"{"policy":null,"operator_policy":null,"effective_policy_definition":{}}"#
        )
    }

    static let refusals: [(String, String)] = [
        ("", "[{key_missing,pattern},{key_missing,definition}]"), ("x", "not_json"),
        ("[]", "not_json"), (#"{"pattern":"a"}"#, "[{key_missing,definition}]"),
        (#"{"definition":{"max-length":1}}"#, "[{key_missing,pattern}]"),
        (
            #"{"pattern":1,"definition":{"max-length":1}}"#,
            #"Validation failed\n\npattern should be a binary but was 1\n"#
        ),
        (
            #"{"pattern":"a","definition":{"max-length":1},"priority":"x"}"#,
            #"Validation failed\n\npriority should be a number, actually was <<\"x\">>\n"#
        ),
        (#"{"pattern":"a","definition":{}}"#, #"Validation failed\n\nno policy provided\n"#),
        (
            #"{"pattern":"a(","definition":{"max-length":1}}"#,
            #"Validation failed\n\npattern should be regular expression but is invalid: "#
                + #"{\"missing )\",2}\n"#
        ),
    ]

    @Test("that make no sense are refused in RabbitMQ's words", arguments: refusals.indices)
    func refused(index: Int) {
        let (body, reason) = Self.refusals[index]
        #expect(
            put("policies/%2F/p", body) == (400, #"{"error":"bad_request","reason":"\#(reason)"}"#)
        )
        #expect(broker.text("GET /api/policies") == "[]")
    }

    @Test(
        "of other shapes are refused with a reason",
        arguments: [
            #"{"pattern":"a","definition":[]}"#, #"{"pattern":"a","definition":"x"}"#,
            #"{"pattern":"a","definition":{"max-length":1},"apply-to":"x"}"#,
            #"{"pattern":"a","definition":{"max-length":1},"apply-to":1}"#,
            #"{"pattern":"a","definition":{"max-length":1},"priority":null}"#,
            #"{"pattern":"a","definition":{"max-length":1},"x":""#
                + String(repeating: "x", count: 70_000) + "\"}",
        ]
    )
    func shapes(body: String) {
        let answer = put("policies/%2F/p", body)
        #expect(answer.status == 400 && answer.body.contains("\"reason\":\""))
    }
}
