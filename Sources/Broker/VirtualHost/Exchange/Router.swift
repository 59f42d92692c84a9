import Wire

/// Picks the destinations of a message: what distinguishes the types of exchanges.
///
/// A router keeps only what it needs to route; the list of bindings lives elsewhere. Each binding
/// is added once and removed once, as the same object. Routing may name a destination more than
/// once (the caller keeps one) and names them in an order that depends on nothing but the calls
/// before.
protocol Router: AnyObject {
    /// Whether the destinations depend on nothing but the routing key and the bindings.
    ///
    /// Then callers may remember them until a binding comes or goes.
    static var isCacheable: Bool { get }

    /// Throws when the exchange cannot be bound with these arguments.
    static func validate(_ arguments: FieldTable) throws(ProtocolError)

    /// Takes `binding` into account, which `validate` has let through.
    func add(_ binding: Binding)

    /// Forgets `binding`, which was added before.
    func remove(_ binding: Binding)

    /// Appends the destinations of a message to `destinations`.
    ///
    /// - Parameters:
    ///   - key: The message's routing key.
    ///   - headers: The entries of its headers table, without the table's length; nil when the
    ///     message has no headers property.
    ///   - destinations: Where to append.
    /// - Throws: What is wrong with `headers`, when they had to be read.
    func route(
        key: ByteView,
        headers: ByteView?,
        into destinations: inout [Destination]
    ) throws(WireError)
}

extension Router {
    static var isCacheable: Bool { true }

    static func validate(_ arguments: FieldTable) throws(ProtocolError) {}
}
