import TestSupport
import Testing
import Wire

@testable import Broker

/// Texts as RabbitMQ 3.10.8 answers.
@Suite("Policies")
struct PolicyTests {
    private func reason(_ definition: FieldTable, _ kind: Policy.Kind = .user) -> String? {
        do throws(PolicyError) {
            _ = try Policy(PolicyRecord("p", "^q", definition, kind: kind))
            return nil
        } catch {
            let lines = error.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == 4 && lines[0] == "Validation failed")
            return lines.count == 4 ? String(lines[2]) : error.text
        }
    }

    static let refusals: [(FieldTable, String)] = [
        ([:], "no policy provided"),
        (["foo": .int64(1)], #"[{<<"foo">>,1}] are not recognised policy settings"#),
        (
            ["max-priority": .int64(1), "bar": .string("z")],
            #"[{<<"bar">>,<<"z">>},{<<"max-priority">>,1}] are not recognised policy settings"#
        ),
        (["max-length": .string("x")], #"<<"x">> is not a valid maximum length"#),
        (["max-length": .double(1.5)], "1.5 is not a valid maximum length"),
        (["max-length": .bool(true)], "true is not a valid maximum length"),
        (["max-length": .void], "null is not a valid maximum length"),
        (["max-length": .array([.int64(1)])], "[1] is not a valid maximum length"),
        (
            ["max-length": .table(["a": .int64(1)])],
            #"#{<<"a">> => 1} is not a valid maximum length"#
        ),
        (["max-length": .string("é\"\n")], #"<<"é\"\n">> is not a valid maximum length"#),
        (
            ["max-length": .int64(-1), "message-ttl": .int64(-1)],
            "-1 is not a valid maximum length"
        ),
        (["max-length": .int64(-1), "foo": .int64(1)], "-1 is not a valid maximum length"),
        (["message-ttl": .int64(-1)], "-1 is not a valid message TTL"),
        (["expires": .int64(0)], "0 is not a valid queue expiry"),
        (["max-length-bytes": .int64(-1)], "-1 is not a valid maximum length in bytes"),
        (["max-in-memory-length": .int64(-1)], "-1 is not a valid maximum memory in bytes"),
        (["delivery-limit": .int64(-1)], "-1 is not a valid delivery limit"),
        (["overflow": .string("x")], #"<<"x">> is not a valid overflow value"#),
        (["queue-mode": .string("x")], #"<<"x">> is not a valid queue-mode value"#),
        (["dead-letter-exchange": .int64(5)], "5 is not a valid dead letter exchange name"),
        (["dead-letter-routing-key": .int64(1)], "1 is not a valid dead letter routing key"),
        (["dead-letter-strategy": .string("x")], #"<<"x">> is not a valid dead letter strategy"#),
        (["alternate-exchange": .int64(1)], "1 is not a valid alternate exchange name"),
        (["max-age": .string("1x")], #"<<"1x">> is not a valid max age"#),
        (["max-age": .string("h")], #"<<"h">> is not a valid max age"#),
        (
            ["stream-max-segment-size-bytes": .int64(1 << 40)],
            "1099511627776 is not a valid segment size"
        ),
        (["ha-mode": .string("x")], #"<<"x">> is not a valid ha-mode value"#),
        (["ha-mode": .string("exactly")], #"ha-mode="exactly" takes an integer, none given"#),
        (
            ["ha-mode": .string("exactly"), "ha-params": .int64(0)],
            #"ha-mode="exactly" takes an integer, 0 given"#
        ),
        (["ha-mode": .string("nodes")], #"ha-mode="nodes" takes a list, none given"#),
        (
            ["ha-mode": .string("nodes"), "ha-params": .array([])],
            #"ha-mode="nodes" list must be non-empty"#
        ),
        (
            ["ha-mode": .string("nodes"), "ha-params": .array([.int64(1)])],
            #"ha-mode="nodes" takes a list of strings, [1] was not a string"#
        ),
        (
            ["ha-mode": .string("all"), "ha-params": .int64(1)],
            #"ha-mode="all" does not take parameters"#
        ),
        (
            ["ha-params": .int64(2)],
            "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
        ),
    ]

    @Test(
        "with wrong or unknown settings are refused in RabbitMQ's words",
        arguments: refusals.indices
    )
    func refused(index: Int) {
        #expect(reason(Self.refusals[index].0) == Self.refusals[index].1)
    }

    @Test(
        "have all settings that RabbitMQ's have",
        arguments: [
            ["alternate-exchange": .string("x")], ["consumer-timeout": .int64(1)],
            ["dead-letter-exchange": .string("")], ["dead-letter-routing-key": .string("x")],
            ["dead-letter-strategy": .string("at-least-once")], ["message-ttl": .int64(0)],
            ["expires": .int64(1 << 33)], ["max-length": .int64(.max)],
            ["max-length-bytes": .int64(0)], ["max-in-memory-length": .int64(0)],
            ["max-in-memory-bytes": .int64(0)], ["queue-mode": .string("lazy")],
            ["queue-version": .int64(2)], ["overflow": .string("reject-publish-dlx")],
            ["delivery-limit": .int64(0)], ["max-age": .string("7D")],
            ["stream-max-segment-size-bytes": .int64(1000)], ["initial-cluster-size": .int64(1)],
            ["queue-leader-locator": .string("balanced")], ["ha-mode": .string("all")],
            ["ha-mode": .string("exactly"), "ha-params": .int64(2)],
            ["ha-mode": .string("nodes"), "ha-params": .array([.string("rabbit@a")])],
            ["queue-master-locator": .string("min-masters")],
        ] as [FieldTable]
    )
    func accepted(definition: FieldTable) {
        #expect(reason(definition) == nil)
    }

    @Test("of operators set limits only")
    func operatorKeys() {
        let limits: [ShortString] = [
            "message-ttl", "expires", "max-length", "max-length-bytes", "max-in-memory-length",
            "max-in-memory-bytes", "delivery-limit",
        ]
        for key in limits { #expect(reason([key: .int64(1)], .operator) == nil) }
        #expect(
            reason(["overflow": .string("drop-head")], .operator)
                == #"[{<<"overflow">>,<<"drop-head">>}] are not recognised policy settings"#
        )
        #expect(reason(["consumer-timeout": .int64(1)], .operator) != nil)
    }

    @Test("with a pattern that is none are refused with PCRE's words")
    func pattern() {
        #expect(throws: PolicyError.invalidPattern(.init(reason: "missing )", offset: 4))) {
            try Policy(PolicyRecord("p", "pol(", ["max-length": .int64(1)]))
        }
    }

    @Test(
        "apply to what they are meant for",
        arguments: [
            (.all, true, true, true), (.queues, true, true, false),
            (.exchanges, false, false, true),
            (.classicQueues, true, false, false), (.quorumQueues, false, true, false),
            (.streams, false, false, false),
        ] as [(Policy.Target, Bool, Bool, Bool)]
    )
    func target(target: Policy.Target, classic: Bool, quorum: Bool, exchange: Bool) throws {
        let policy = try Policy(PolicyRecord("p", "^q", ["max-length": .int64(1)], target: target))
        let name = Array("q1".utf8)
        #expect(policy.applies(toQueue: name, type: .classic) == classic)
        #expect(policy.applies(toQueue: name, type: .quorum) == quorum)
        #expect(policy.applies(toExchange: name) == exchange)
        #expect(!policy.applies(toQueue: [0x61], type: .classic))
        #expect(!policy.applies(toExchange: [0x61]))
    }

    @Test("with a setting that a type of queue does not have do not apply to it at all")
    func unsupported() throws {
        func types(_ key: ShortString, _ value: FieldValue) throws -> [Bool] {
            let definition: FieldTable = [key: value, "max-length": .int64(5)]
            let policy = try Policy(PolicyRecord("p", "", definition))
            return [QueueType.classic, .quorum].map { policy.applies(toQueue: [0x71], type: $0) }
        }
        #expect(try types("queue-mode", .string("lazy")) == [true, false])
        #expect(try types("ha-mode", .string("all")) == [true, false])
        #expect(try types("max-in-memory-length", .int64(1)) == [true, true])
        #expect(try types("delivery-limit", .int64(3)) == [false, true])
        #expect(try types("consumer-timeout", .int64(1)) == [true, true])
        let age = try Policy(PolicyRecord("p", "", ["max-age": .string("1h")]))
        #expect(!age.applies(toQueue: [0x71], type: .classic))
        #expect(!age.applies(toQueue: [0x71], type: .quorum))
        #expect(age.applies(toQueue: [0x71], type: .stream))
        #expect(try types("alternate-exchange", .string("x")) == [true, true])
    }
}

@Suite("Which policy counts")
struct PolicyTableTests {
    private func match(_ records: [PolicyRecord]) throws -> [String?] {
        var table = PolicyTable()
        for record in records { table.set(try Policy(record)) }
        let applied = table.match(queue: Array("q".utf8), type: .classic)
        return [applied.policy, applied.operatorPolicy].map { $0?.record.name.string }
    }

    private let one: FieldTable = ["max-length": .int64(1)]

    @Test("the one with the highest priority does, of each kind")
    func priority() throws {
        #expect(
            try match([
                PolicyRecord("a", "q", one, priority: 2),
                PolicyRecord("b", "q", one, priority: 2.5),
                PolicyRecord("c", "q", one, priority: -1),
                PolicyRecord("d", "r", one, priority: 9),
                PolicyRecord("e", "q", one, kind: .operator),
                PolicyRecord("f", "q", one, priority: -1, kind: .operator),
            ]) == ["b", "e"]
        )
    }

    @Test("of several with one priority the first by name does, whatever the order they came in")
    func ties() throws {
        let records = ["m", "z", "a", "k"].map {
            PolicyRecord(ShortString(shortening: $0), "q", one)
        }
        #expect(try match(records) == ["a", nil])
        #expect(try match(records.reversed()) == ["a", nil])
    }

    @Test("one set again is there once, as it was set last")
    func again() throws {
        #expect(
            try match([
                PolicyRecord("a", "q", one, priority: 5), PolicyRecord("b", "q", one),
                PolicyRecord("a", "q", one, priority: -5),
            ]) == ["b", nil]
        )
    }

    @Test("there is a bound on how many there are, and one can still be replaced there")
    func bound() throws {
        var limits = Limits()
        limits.policyCountMax = 2
        try DialogueBroker.play(limits: limits) { broker in
            try broker.set(PolicyRecord("a", "q", one))
            try broker.set(PolicyRecord("a", "q", one, kind: .operator))
            #expect(throws: PolicyError.self) { try broker.set(PolicyRecord("c", "q", one)) }
            try broker.set(PolicyRecord("a", "r", one))
            broker.clearPolicy("a")
            try broker.set(PolicyRecord("c", "q", one))
        }
    }
}
