import Wire

/// Routes to every binding, whatever the routing key (AMQP 0-9-1 §3.1.3.2).
final class FanoutRouter: Router {
    private var destinations = DestinationSet()

    func add(_ binding: Binding) { destinations.add(binding.destination) }

    func remove(_ binding: Binding) { destinations.remove(binding.destination) }

    func route(key: ByteView, headers: ByteView?, into destinations: inout [Destination]) {
        self.destinations.append(to: &destinations)
    }
}
