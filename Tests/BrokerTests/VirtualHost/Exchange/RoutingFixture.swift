import TestSupport
import Wire

@testable import Broker

/// Bindings of one exchange to numbered queues, and the router under test.
///
/// Routers compare handles and never look behind them, so the queues here are bare addresses.
struct RoutingFixture<Tested: Router> {
    let router: Tested
    private let exchange = unsafeBitCast(UnsafeRawPointer(bitPattern: 64), to: Exchange.self)

    init(_ router: Tested) { self.router = router }

    static func destination(_ queue: Int) -> Destination {
        .queue(unsafeBitCast(UnsafeRawPointer(bitPattern: 4_096 + queue * 64), to: Queue.self))
    }

    func bind(_ queue: Int, _ key: String = "", _ arguments: FieldTable = [:]) -> Binding {
        let binding = Binding(
            source: exchange,
            destination: Self.destination(queue),
            bindingKey: Array(key.utf8),
            arguments: arguments
        )
        router.add(binding)
        return binding
    }

    /// The queues a message goes to, each once.
    func route(_ key: String = "", _ headers: FieldTable? = nil) throws -> Set<Destination> {
        Set(try destinations(key, headers))
    }

    /// The destinations a message goes to, as the router names them.
    func destinations(_ key: String, _ headers: FieldTable? = nil) throws -> [Destination] {
        var destinations: [Destination] = []
        try ByteView.with(Array(key.utf8)) { key in
            guard let headers else {
                try router.route(key: key, headers: nil, into: &destinations)
                return
            }
            var writer = ByteWriter()
            writer.writeTable(headers)
            try ByteView.with(writer.bytes) { table in
                let entries = table.slice(from: 4, count: table.count - 4)
                try router.route(key: key, headers: entries, into: &destinations)
            }
        }
        return destinations
    }

    func queues(_ numbers: Int...) -> Set<Destination> {
        var destinations: Set<Destination> = []
        for number in numbers { destinations.insert(Self.destination(number)) }
        return destinations
    }
}
