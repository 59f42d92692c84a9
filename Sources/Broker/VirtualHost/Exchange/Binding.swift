import Wire

/// What a binding leads to.
enum Destination: Hashable {
    case queue(Queue)
    case exchange(Exchange)
}

/// One arrow from an exchange to a queue or to another exchange (RabbitMQ: exchange.bind).
///
/// Identity is source, destination, binding key and arguments together: binding twice is one
/// binding, binding with other arguments is another.
final class Binding {
    let source: Exchange
    let destination: Destination
    let bindingKey: [UInt8]
    let arguments: FieldTable

    init(source: Exchange, destination: Destination, bindingKey: [UInt8], arguments: FieldTable) {
        self.source = source
        self.destination = destination
        self.bindingKey = bindingKey
        self.arguments = arguments
    }
}
