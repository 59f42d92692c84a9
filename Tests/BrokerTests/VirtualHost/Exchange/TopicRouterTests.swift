import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Topic router")
struct TopicRouterTests {
    struct Match: CustomTestStringConvertible, Sendable {
        let pattern: String
        let key: String
        let isMatch: Bool

        init(_ pattern: String, _ key: String, _ isMatch: Bool) {
            self.pattern = pattern
            self.key = key
            self.isMatch = isMatch
        }

        var testDescription: String { "'\(pattern)' \(isMatch ? "takes" : "leaves") '\(key)'" }
    }

    private let exchange = RoutingFixture(TopicRouter(hash: ByteHash(seed: 1)))

    @Test(
        "matches words, stars and hashes (AMQP 0-9-1 §3.1.3.3)",
        arguments: [
            Match("stock.*.nyse", "stock.ibm.nyse", true), Match("#", "", true),
            Match("a.#.b", "a.b", true), Match("*", "a.b", false), Match("*", "a", true),
            Match("", "", true), Match("", "a", false), Match("*", "", false),
            Match("#.", "", false), Match("#.", "a.", true), Match("a.*", "a.", true),
            Match("a.", "a.", true), Match("a.", "a", false), Match("*.*", ".", true),
            Match("*", ".", false), Match("#", ".", true), Match(".", ".", true),
            Match("a*", "ab", false), Match("a*", "a*", true), Match("##", "a.b", false),
            Match("##", "##", true), Match("#", "a.b.c", true), Match("a.#", "a", true),
            Match("a.#", "a.b.c", true), Match("a.#", "b.a", false), Match("#.a", "a", true),
            Match("#.a", "a.a", true), Match("#.a", "a.b", false), Match("#.#", "", true),
            Match("#.*", "", false), Match("#.*", "a", true), Match("*.#", "a.b.c", true),
            Match("*.#.*", "a", false), Match("*.#.*", "a.b", true), Match("a.#.#.b", "a.b", true),
            Match("#.a.#", "b.a.c", true), Match("#.a.#", "b.c", false),
            Match("a..b", "a..b", true), Match("a.*.b", "a..b", true), Match("a..b", "a.b", false),
        ]
    )
    func matches(_ example: Match) throws {
        _ = exchange.bind(1, example.pattern)
        #expect(try exchange.route(example.key).isEmpty != example.isMatch)
    }

    @Test("routes to every pattern that fits and no other")
    func severalPatterns() throws {
        let patterns = ["lazy.#", "*.orange.*", "*.*.rabbit", "lazy.*", "#.rabbit"]
        for (queue, pattern) in patterns.enumerated() { _ = exchange.bind(queue, pattern) }
        #expect(try exchange.route("quick.orange.rabbit") == exchange.queues(1, 2, 4))
        #expect(try exchange.route("lazy.pink.rabbit") == exchange.queues(0, 2, 4))
        #expect(try exchange.route("lazy.orange.male.rabbit") == exchange.queues(0, 4))
        #expect(try exchange.route("lazy.brown") == exchange.queues(0, 3))
        #expect(try exchange.route("quick.brown.fox").isEmpty)
    }

    @Test("unbinding one pattern leaves the other")
    func unbinds() throws {
        let open = exchange.bind(1, "a.#")
        _ = exchange.bind(1, "a.*")
        exchange.router.remove(open)
        #expect(try exchange.route("a.b") == exchange.queues(1))
        #expect(try exchange.route("a.b.c").isEmpty)
    }

    /// What the specification says, word by word.
    private static func fits(_ pattern: ArraySlice<String>, _ key: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return key.isEmpty }
        let rest = pattern.dropFirst()
        if first == "#" {
            return fits(rest, key) || (!key.isEmpty && fits(pattern, key.dropFirst()))
        }
        guard let word = key.first, first == "*" || first == word else { return false }
        return fits(rest, key.dropFirst())
    }

    private static func words(_ key: String) -> ArraySlice<String> {
        key.isEmpty
            ? [] : key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...]
    }

    private static func key(of alphabet: [String], _ seed: inout Seed) -> String {
        (0..<Int.random(in: 0...5, using: &seed))
            .map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &seed)] }
            .joined(separator: ".")
    }

    @Test(
        "agrees with the definition while bindings come and go",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func agreesWithTheDefinition(number: UInt64) throws {
        var seed = Seed(number)
        var bound: [(queue: Int, pattern: String, binding: Binding)] = []
        for _ in 0..<400 {
            if bound.count < 60, bound.isEmpty || !seed.oneIn(3) {
                let pattern = Self.key(of: ["a", "b", "", "*", "#", "#", "a*", "##"], &seed)
                let queue = Int.random(in: 0..<20, using: &seed)
                bound.append((queue, pattern, exchange.bind(queue, pattern)))
            } else {
                let index = Int.random(in: 0..<bound.count, using: &seed)
                exchange.router.remove(bound.remove(at: index).binding)
            }
            for _ in 0..<3 {
                let key = Self.key(of: ["a", "b", "", "c", "a*", "##"], &seed)
                let expected = bound.filter { Self.fits(Self.words($0.pattern), Self.words(key)) }
                let queues = expected.map { RoutingFixture<TopicRouter>.destination($0.queue) }
                #expect(try exchange.route(key) == Set(queues))
            }
        }
        for (_, _, binding) in bound { exchange.router.remove(binding) }
        #expect(exchange.router.nodeCount == 0)
        #expect(try exchange.route("a.b").isEmpty)
    }

    @Test("keeps no node that leads nowhere")
    func prunes() {
        let long = exchange.bind(1, "a.b.c.#.*")
        let short = exchange.bind(1, "a.b")
        #expect(exchange.router.nodeCount == 5)
        exchange.router.remove(long)
        #expect(exchange.router.nodeCount == 2)
        exchange.router.remove(short)
        #expect(exchange.router.nodeCount == 0)
    }

    @Test("matches keys of 255 octets word by word")
    func longestKey() throws {
        let key = [String](repeating: "w", count: 128).joined(separator: ".")
        #expect(key.utf8.count == 255)
        _ = exchange.bind(1, "#.w.*.w.#")
        _ = exchange.bind(2, [String](repeating: "*", count: 128).joined(separator: "."))
        _ = exchange.bind(3, [String](repeating: "*", count: 127).joined(separator: "."))
        #expect(try exchange.route(key) == exchange.queues(1, 2))
        _ = exchange.bind(4, [String](repeating: "*", count: 128).joined(separator: "."))
        #expect(try exchange.route(String(repeating: ".", count: 255)).isEmpty)
    }

    @Test("visits each node at most once per word, however many hashes a pattern has")
    func hashesDoNotExplode() throws {
        // Trying every split would take more steps than there are atoms.
        let pattern = [String](repeating: "#.a", count: 63).joined(separator: ".")
        _ = exchange.bind(1, pattern)
        _ = exchange.bind(2, [String](repeating: "#", count: 128).joined(separator: "."))
        let key = [String](repeating: "a", count: 127).joined(separator: ".")
        #expect(try exchange.route(key) == exchange.queues(1, 2))
        #expect(try exchange.route(key + ".b") == exchange.queues(2))
        #expect(try exchange.destinations(key).count == 2)
    }
}
