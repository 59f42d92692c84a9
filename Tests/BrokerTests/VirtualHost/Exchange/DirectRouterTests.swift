import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Direct router")
struct DirectRouterTests {
    private let exchange = RoutingFixture(DirectRouter(hash: ByteHash(seed: 1)))

    @Test("needs the whole key, its case and its length")
    func needsTheWholeKey() throws {
        _ = exchange.bind(1, "a.b")
        let hits = try ["a.b", "a", "a.b.c", "A.B", ""].map { try exchange.route($0).count }
        #expect(hits == [1, 0, 0, 0, 0])
    }

    @Test("takes wildcards literally")
    func takesWildcardsLiterally() throws {
        _ = exchange.bind(1, "a.*.#")
        #expect(try exchange.route("a.b.c").isEmpty)
        #expect(try exchange.route("a.*.#") == exchange.queues(1))
    }

    @Test("leads one key to many queues and many keys to one queue")
    func manyToMany() throws {
        for queue in 1...3 { _ = exchange.bind(queue, "k") }
        _ = exchange.bind(1, "")
        #expect(try exchange.route("k") == exchange.queues(1, 2, 3))
        #expect(try exchange.route("") == exchange.queues(1))
    }

    @Test("keeps a destination until its last binding under the key is gone")
    func countsBindings() throws {
        let first = exchange.bind(1, "k", ["a": .int32(1)])
        let second = exchange.bind(1, "k", ["a": .int32(2)])
        #expect(try exchange.destinations("k").count == 1)
        exchange.router.remove(first)
        #expect(try exchange.route("k") == exchange.queues(1))
        exchange.router.remove(second)
        #expect(try exchange.route("k").isEmpty)
    }
}
