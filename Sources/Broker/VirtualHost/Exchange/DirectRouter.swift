import Wire

/// Routes to the bindings whose key is the routing key (AMQP 0-9-1 §3.1.3.1).
final class DirectRouter: Router {
    private var destinations: ByteKeyTable<DestinationSet>

    init(hash: ByteHash) { destinations = ByteKeyTable(hash: hash) }

    func add(_ binding: Binding) {
        ByteView.with(binding.bindingKey) { key in
            destinations.update(key, default: DestinationSet()) { $0.add(binding.destination) }
        }
    }

    func remove(_ binding: Binding) {
        ByteView.with(binding.bindingKey) { key in
            let isEmpty = destinations.update(key, default: DestinationSet()) { set in
                set.remove(binding.destination)
                return set.isEmpty
            }
            if isEmpty { destinations.remove(key) }
        }
    }

    func route(key: ByteView, headers: ByteView?, into destinations: inout [Destination]) {
        self.destinations.value(for: key)?.append(to: &destinations)
    }
}
