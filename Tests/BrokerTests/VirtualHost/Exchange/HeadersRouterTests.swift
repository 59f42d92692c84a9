import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Headers router")
struct HeadersRouterTests {
    struct Match: CustomTestStringConvertible, Sendable {
        let name: String
        let arguments: FieldTable
        let headers: FieldTable?
        let isMatch: Bool

        init(_ name: String, _ arguments: FieldTable, _ headers: FieldTable?, _ isMatch: Bool) {
            self.name = name
            self.arguments = arguments
            self.headers = headers
            self.isMatch = isMatch
        }

        var testDescription: String { name }
    }

    private let exchange = RoutingFixture(HeadersRouter(hash: ByteHash(seed: 1)))

    private static let modeExamples: [Match] = [
        Match("all equal", ["x-match": "all", "a": "1", "b": "2"], ["b": "2", "a": "1"], true),
        Match("all, one missing", ["x-match": "all", "a": "1", "b": "2"], ["a": "1"], false),
        Match("all, one different", ["a": "1", "b": "2"], ["a": "1", "b": "3"], false),
        Match("all, extra header", ["x-match": "all", "a": "1"], ["a": "1", "z": "9"], true),
        Match(
            "any, one equal",
            ["x-match": "any", "a": "1", "b": "2"],
            ["a": "0", "b": "2"],
            true
        ),
        Match("any, none equal", ["x-match": "any", "a": "1", "b": "2"], ["a": "2"], false),
        Match("any, no headers", ["x-match": "any", "a": "1"], [:], false),
        Match("all without conditions", ["x-match": "all"], ["a": "1"], true),
        Match("any without conditions", ["x-match": "any"], ["a": "1"], false),
        Match("no arguments, no headers", [:], nil, true),
        Match("all, no headers property", ["x-match": "all", "a": "1"], nil, false),
        Match("void means present", ["a": .void], ["a": "anything"], true),
        Match("void, absent", ["a": .void], ["b": "1"], false),
        Match("void and void", ["a": .void], ["a": .void], true),
        Match("value and void", ["a": "1"], ["a": .void], false),
        Match("any with void", ["x-match": "any", "a": .void, "b": "2"], ["a": .int32(5)], true),
        Match("all skips x-", ["x-match": "all", "x-a": "1", "b": "2"], ["b": "2"], true),
        Match("any skips x-", ["x-match": "any", "x-a": "1", "b": "2"], ["x-a": "1"], false),
        Match("all-with-x", ["x-match": "all-with-x", "x-a": "1"], ["x-a": "1"], true),
        Match("all-with-x, missing", ["x-match": "all-with-x", "x-a": "1"], ["a": "1"], false),
        Match("any-with-x", ["x-match": "any-with-x", "x-a": "1", "b": "2"], ["x-a": "1"], true),
        Match("any-with-x, none", ["x-match": "any-with-x", "x-a": "1"], ["x-a": "2"], false),
        Match(
            "x-match is no condition",
            ["x-match": "any-with-x"],
            ["x-match": "any-with-x"],
            false
        ),
        Match("case of the name", ["Key": "1"], ["key": "1"], false),
        Match(
            "nth entry against nth",
            ["a": "1", "a": "2"],
            ["a": "1", "b": "x", "a": "2"],
            true
        ),
        Match("first entry against first", ["a": "2"], ["a": "1", "a": "2"], false),
    ]

    @Test("x-match, x- names, void and absence as RabbitMQ has them", arguments: modeExamples)
    func modes(_ example: Match) throws { try check(example) }

    private static let valueExamples: [Match] = [
        Match("case", ["k": "A"], ["k": "a"], false),
        Match("prefix", ["k": "ab"], ["k": "a"], false),
        Match("empty string", ["k": ""], ["k": ""], true),
        Match("width", ["n": .int32(5)], ["n": .int64(5)], true),
        Match("signedness", ["n": .uint8(200)], ["n": .int16(200)], true),
        Match("negative", ["n": .int8(-1)], ["n": .int64(-1)], true),
        Match("negative and unsigned", ["n": .int8(-1)], ["n": .uint8(255)], false),
        Match("integer and double", ["n": .int32(5)], ["n": .double(5)], true),
        Match("integer and fraction", ["n": .int32(5)], ["n": .double(5.5)], false),
        Match("float and double", ["n": .float(0.5)], ["n": .double(0.5)], true),
        Match("rounded float and double", ["n": .float(0.1)], ["n": .double(0.1)], false),
        Match("zeros", ["n": .double(-0.0)], ["n": .double(0)], true),
        Match("timestamp and integer", ["n": .timestamp(7)], ["n": .int32(7)], true),
        Match("large timestamps", ["n": .timestamp(.max)], ["n": .int64(-1)], false),
        Match("large and double", ["n": .timestamp(1 << 63)], ["n": .double(0x1p63)], true),
        Match("integer and string", ["n": .int32(5)], ["n": "5"], false),
        Match("true and 1", ["n": .bool(true)], ["n": .int8(1)], false),
        Match("true and true", ["n": .bool(true)], ["n": .bool(true)], true),
        Match("true and false", ["n": .bool(true)], ["n": .bool(false)], false),
        Match("string and bytes", ["n": "x"], ["n": .byteArray([0x78])], true),
        Match(
            "decimals",
            ["n": .decimal(scale: 1, value: 5)],
            ["n": .decimal(scale: 1, value: 5)],
            true
        ),
        Match(
            "scale",
            ["n": .decimal(scale: 1, value: 50)],
            ["n": .decimal(scale: 0, value: 5)],
            false
        ),
        Match("tables", ["n": .table(["a": "b"])], ["n": .table(["a": "b"])], true),
        Match("tables differ", ["n": .table(["a": "b"])], ["n": .table(["a": "c"])], false),
        Match("nested width", ["n": .array([.int8(1)])], ["n": .array([.int16(1)])], false),
        Match("empty table and array", ["n": .table([:])], ["n": .array([])], true),
        Match("array and table", ["n": .array([.void])], ["n": .table(["": .void])], false),
    ]

    @Test("values compare as Erlang's terms do", arguments: valueExamples)
    func values(_ example: Match) throws {
        try check(example)
        // Equality is symmetric, so the roles may be exchanged.
        try check(Match(example.name, example.headers ?? [:], example.arguments, example.isMatch))
    }

    private func check(_ example: Match) throws {
        let exchange = RoutingFixture(HeadersRouter(hash: ByteHash(seed: 1)))
        let binding = exchange.bind(1, "some.key", example.arguments)
        let expected = example.isMatch ? exchange.queues(1) : []
        #expect(try exchange.route("", example.headers) == expected)
        #expect(try exchange.route("other.key", example.headers) == expected, "from the cache")
        exchange.router.remove(binding)
        #expect(try exchange.route("", example.headers).isEmpty)
    }

    @Test("refuses an unknown x-match with 406 and RabbitMQ's words")
    func refusesUnknownModes() throws {
        let value = #expect(throws: ProtocolError.self) {
            try HeadersRouter.validate(["x-match": "some"])
        }
        #expect(value?.code == .preconditionFailed)
        #expect(
            value?.text == "PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; "
                + "expected all, any, all-with-x, or any-with-x"
        )
        let type = #expect(throws: ProtocolError.self) {
            try HeadersRouter.validate(["x-match": .int32(1)])
        }
        #expect(type?.code == .preconditionFailed)
        for mode in ["all", "any", "all-with-x", "any-with-x"] {
            try HeadersRouter.validate(["x-match": .string(mode)])
        }
        try HeadersRouter.validate([:])
    }

    @Test("says that a table it cannot read is truncated")
    func refusesTruncatedHeaders() {
        _ = exchange.bind(1, "", ["a": "1"])
        _ = ByteView.with([1, 0x61, 0x53, 0, 0, 0, 9]) { entries in
            #expect(throws: WireError.truncated) {
                var destinations: [Destination] = []
                try exchange.router.route(key: .empty, headers: entries, into: &destinations)
            }
        }
        #expect(throws: Never.self) { try exchange.route("", ["a": "1"]) }
    }

    /// RabbitMQ's walk over sorted arguments and headers, entry by entry.
    private static func fits(_ arguments: FieldTable, _ headers: FieldTable) -> Bool {
        let mode = arguments["x-match"]?.text ?? "all"
        let isAll = mode.hasPrefix("all")
        var pattern = sorted(arguments)
        pattern.removeAll { entry in
            let name = entry.name.string
            return name == "x-match" || (name.hasPrefix("x-") && !mode.hasSuffix("-with-x"))
        }
        var data = sorted(headers)[...]
        var outcomes: [Bool] = []
        for entry in pattern {
            data = data.drop { $0.name.string < entry.name.string }
            guard let header = data.first, header.name == entry.name else {
                outcomes.append(false)
                continue
            }
            data = data.dropFirst()
            outcomes.append(entry.value == .void || isEqual(entry.value, header.value))
        }
        return isAll ? outcomes.allSatisfy { $0 } : outcomes.contains(true)
    }

    private static func sorted(_ table: FieldTable) -> [FieldTable.Entry] {
        // Swift's sort is stable in practice only, so the place decides between equal names.
        table.entries.enumerated().sorted {
            ($0.element.name.string, $0.offset) < ($1.element.name.string, $1.offset)
        }.map(\.element)
    }

    private static func isEqual(_ left: FieldValue, _ right: FieldValue) -> Bool {
        func number(_ value: FieldValue) -> Double? {
            if case .double(let double) = value { return double }
            return value.integer.map(Double.init)
        }
        if let left = number(left), let right = number(right) { return left == right }
        return left == right
    }

    private static func table(_ seed: inout Seed, withMode: Bool) -> FieldTable {
        let names: [ShortString] = ["a", "b", "c", "x-d"]
        let values: [FieldValue] = [
            "1", "2", .int32(1), .int64(1), .double(1), .double(1.5), .bool(true), .void, .int8(2),
        ]
        var entries: [FieldTable.Entry] = []
        if withMode, !seed.oneIn(4) {
            let modes = ["all", "any", "all-with-x", "any-with-x"]
            let mode = modes[Int.random(in: 0..<4, using: &seed)]
            entries.append(FieldTable.Entry(name: "x-match", value: .string(mode)))
        }
        for _ in 0..<Int.random(in: 0...4, using: &seed) {
            entries.append(
                FieldTable.Entry(
                    name: names[Int.random(in: 0..<names.count, using: &seed)],
                    value: values[Int.random(in: 0..<values.count, using: &seed)]
                )
            )
        }
        return FieldTable(entries)
    }

    @Test(
        "agrees with RabbitMQ's algorithm while bindings come and go",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func agreesWithTheDefinition(number: UInt64) throws {
        var seed = Seed(number)
        var bound: [(queue: Int, arguments: FieldTable, binding: Binding)] = []
        for _ in 0..<300 {
            if bound.count < 40, bound.isEmpty || !seed.oneIn(3) {
                let arguments = Self.table(&seed, withMode: true)
                let queue = Int.random(in: 0..<30, using: &seed)
                bound.append((queue, arguments, exchange.bind(queue, "", arguments)))
            } else {
                let index = Int.random(in: 0..<bound.count, using: &seed)
                exchange.router.remove(bound.remove(at: index).binding)
            }
            for _ in 0..<4 {
                let headers = Self.table(&seed, withMode: false)
                let expected = bound.filter { Self.fits($0.arguments, headers) }
                let queues = expected.map { RoutingFixture<HeadersRouter>.destination($0.queue) }
                #expect(try exchange.route("", headers) == Set(queues))
                #expect(try exchange.route("", headers) == Set(queues))
            }
        }
    }
}
