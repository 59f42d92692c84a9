import Wire

/// What a binding leads to.
enum Destination: Hashable {
    case queue(Queue)
    case exchange(Exchange)

    /// Kind and name in one, the same after a restart.
    var identity: [UInt8] {
        switch self {
        case .queue(let queue): [UInt8(ascii: "q")] + queue.state.name
        case .exchange(let exchange): [UInt8(ascii: "e")] + exchange.state.name
        }
    }
}

/// One arrow from an exchange to a queue or to another exchange (RabbitMQ: exchange.bind).
///
/// Identity is source, destination, binding key and arguments together: binding twice is one
/// binding, binding with other arguments is another.
final class Binding: Hashable {
    let source: Exchange
    let destination: Destination
    let bindingKey: [UInt8]
    let arguments: FieldTable
    /// Where it stands in its source's list, and in its destination's.
    fileprivate var placeAtSource = 0
    fileprivate var placeAtDestination = 0

    init(source: Exchange, destination: Destination, bindingKey: [UInt8], arguments: FieldTable) {
        self.source = source
        self.destination = destination
        self.bindingKey = bindingKey
        self.arguments = arguments
    }

    static func == (left: Binding, right: Binding) -> Bool {
        left.source == right.source && left.destination == right.destination
            && left.bindingKey == right.bindingKey && left.arguments == right.arguments
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(source)
        hasher.combine(destination)
        hasher.combine(bindingKey)
        hasher.combine(arguments)
    }
}

/// The bindings at one end, from which each can be taken in one step, however many there are.
struct BindingList {
    enum End {
        case source
        case destination
    }

    private let end: End
    /// In the order they came, until one is taken out: then the last one fills its place.
    private(set) var all: [Binding] = []

    init(at end: End) { self.end = end }

    var count: Int { all.count }
    var isEmpty: Bool { all.isEmpty }

    mutating func append(_ binding: Binding) {
        setPlace(of: binding, all.count)
        all.append(binding)
    }

    mutating func remove(_ binding: Binding) {
        let place = end == .source ? binding.placeAtSource : binding.placeAtDestination
        guard place < all.count, all[place] === binding, let last = all.popLast(),
            last !== binding
        else { return }
        all[place] = last
        setPlace(of: last, place)
    }

    /// Empties the list.
    ///
    /// - Returns: What was in it.
    mutating func takeAll() -> [Binding] {
        let taken = all
        all = []
        return taken
    }

    private func setPlace(of binding: Binding, _ place: Int) {
        switch end {
        case .source: binding.placeAtSource = place
        case .destination: binding.placeAtDestination = place
        }
    }
}
