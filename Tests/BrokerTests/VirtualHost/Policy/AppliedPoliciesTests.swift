import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("What policies and arguments come to")
struct AppliedPoliciesTests {
    private func applied(_ user: FieldTable, _ bounds: FieldTable) throws -> AppliedPolicies {
        AppliedPolicies(
            policy: user.isEmpty ? nil : try Policy(PolicyRecord("u", "", user)),
            operatorPolicy: bounds.isEmpty
                ? nil : try Policy(PolicyRecord("o", "", bounds, kind: .operator))
        )
    }

    @Test("of a policy's and an operator policy's limit the lower counts; others stand by side")
    func operatorPolicy() throws {
        let both = try applied(
            [
                "max-length": .int64(8), "message-ttl": .int64(100),
                "overflow": .string("reject-publish"),
            ],
            ["max-length": .int64(9), "message-ttl": .int64(50), "expires": .int64(60_000)]
        )
        #expect(
            both.definition == [
                "expires": .int64(60_000), "max-length": .int64(8), "message-ttl": .int64(50),
                "overflow": .string("reject-publish"),
            ]
        )
        let alone = try applied([:], ["max-length": .int64(9)])
        #expect(alone.definition == ["max-length": .int64(9)])
        #expect(AppliedPolicies.none.definition.isEmpty)
    }

    @Test("of an argument and a limit the lower counts, of any other setting the argument")
    func arguments() throws {
        let policies = try applied(
            [
                "max-length": .int64(2), "message-ttl": .int64(3_000),
                "overflow": .string("drop-head"), "dead-letter-exchange": .string("policy"),
                "alternate-exchange": .string("x"),
            ],
            [:]
        )
        let merged = policies.arguments(
            over: [
                "x-max-length": .int32(5), "x-message-ttl": .int16(100),
                "x-overflow": .string("reject-publish"),
                "x-dead-letter-exchange": .string("argument"),
            ],
            of: .classic
        )
        #expect(
            merged == [
                "x-max-length": .int64(2), "x-message-ttl": .int16(100),
                "x-overflow": .string("reject-publish"),
                "x-dead-letter-exchange": .string("argument"),
            ]
        )
        #expect(policies.arguments(over: [:], of: .classic)["x-overflow"] == .string("drop-head"))
        #expect(policies.arguments(over: [:], of: .classic)["x-alternate-exchange"] == nil)
    }

    @Test("the overflow of a quorum queue is the policy's")
    func quorumOverflow() throws {
        let policies = try applied(["overflow": .string("drop-head")], [:])
        let declared: FieldTable = ["x-overflow": .string("reject-publish")]
        #expect(
            policies.arguments(over: declared, of: .quorum)["x-overflow"] == .string("drop-head")
        )
    }

    @Test("the settings of a stream are the policy's, limits too")
    func stream() throws {
        let policies = try applied(
            ["max-length-bytes": .int64(900), "max-age": .string("1h")],
            ["max-length-bytes": .int64(800)]
        )
        let declare = QueueDeclare(
            queue: "s",
            durable: true,
            arguments: [
                "x-queue-type": .string("stream"), "x-max-length-bytes": .int64(5),
                "x-max-age": .string("5s"),
            ]
        )
        let settings = try QueueSettings(declare, under: policies)
        #expect(settings.readyBytesMax == 800)
        #expect(settings.ageMax == .seconds(3_600))
    }

    @Test("an argument names the alternate exchange, and only without one the policy")
    func alternateExchange() throws {
        let policies = try applied(["alternate-exchange": .string("p")], [:])
        #expect(policies.alternateExchange(over: [:]) == "p")
        #expect(policies.alternateExchange(over: ["alternate-exchange": .string("a")]) == "a")
        #expect(AppliedPolicies.none.alternateExchange(over: [:]) == nil)
    }

    @Test("settings of a queue keep its own arguments, also for comparing")
    func settings() throws {
        let policies = try applied(
            ["max-length": .int64(2), "message-ttl": .int64(1 << 40), "expires": .int64(.max)],
            [:]
        )
        let declare = QueueDeclare(queue: "q", arguments: ["x-max-length": .int32(5)])
        let settings = try QueueSettings(declare, under: policies)
        #expect(settings.readyCountMax == 2)
        #expect(settings.timeToLive == .milliseconds(1 << 40))
        #expect(settings.unusedTimeMax != nil)
        #expect(settings.arguments == declare.arguments)
        #expect(settings.under(.none, name: [0x71]).readyCountMax == 5)
        #expect(settings.under(.none, name: [0x71]).timeToLive == nil)
    }
}
