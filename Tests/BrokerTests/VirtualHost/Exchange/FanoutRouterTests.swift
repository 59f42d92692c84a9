import TestSupport
import Testing
import Wire

@testable import Broker

@Suite("Fanout router")
struct FanoutRouterTests {
    private let exchange = RoutingFixture(FanoutRouter())

    @Test("ignores the key of binding and message", arguments: ["", "other", "bound"])
    func ignoresKeys(key: String) throws {
        _ = exchange.bind(1, "bound")
        #expect(try exchange.route(key) == exchange.queues(1))
    }

    @Test(
        "holds exactly the bound queues while many come and go",
        arguments: 1...4 as ClosedRange<UInt64>
    )
    func followsBindings(seed: UInt64) throws {
        var seed = Seed(seed)
        var bound: [(Int, Binding)] = []
        for _ in 0..<600 {
            // Up to about 60 different queues: below and above the size that gets an index.
            if bound.isEmpty || !seed.oneIn(3), bound.count < 100 {
                let queue = Int.random(in: 0..<60, using: &seed)
                bound.append((queue, exchange.bind(queue)))
            } else {
                let index = Int.random(in: 0..<bound.count, using: &seed)
                exchange.router.remove(bound.remove(at: index).1)
                if seed.oneIn(20) {
                    for (_, binding) in bound { exchange.router.remove(binding) }
                    bound = []
                }
            }
            let destinations = try exchange.destinations("")
            let expected = Set(bound.map { RoutingFixture<FanoutRouter>.destination($0.0) })
            #expect(Set(destinations) == expected)
            #expect(destinations.count == expected.count)
        }
    }

    @Test("names the queues in the same order after the same calls")
    func isDeterministic() throws {
        let other = RoutingFixture(FanoutRouter())
        for fixture in [exchange, other] {
            let bindings = (0..<50).map { fixture.bind($0) }
            for index in stride(from: 0, to: 50, by: 7) { fixture.router.remove(bindings[index]) }
        }
        #expect(try exchange.destinations("") == other.destinations(""))
    }
}
