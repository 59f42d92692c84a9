import Wire

/// Routes by the message's headers and the bindings' arguments (AMQP 0-9-1 §3.1.3.4).
final class HeadersRouter: Router {
    static var isCacheable: Bool { false }

    // Behind a handle, because each access to a class's own variable is checked when it happens.
    private let patterns: Handle<HeaderPatterns>

    init(hash: ByteHash) { patterns = Handle(HeaderPatterns(hash: hash)) }

    deinit { patterns.destroy() }

    static func validate(_ arguments: FieldTable) throws(ProtocolError) {
        guard let match = arguments["x-match"] else { return }
        guard case .longString(let octets) = match else {
            throw ProtocolError(
                .preconditionFailed,
                "Invalid x-match field type \(match.type.errorName); expected longstr"
            )
        }
        if HeaderPatterns.mode(octets) == nil {
            throw ProtocolError(
                .preconditionFailed,
                "Invalid x-match field value <<\"\(String(decoding: octets, as: UTF8.self))\">>; "
                    + "expected all, any, all-with-x, or any-with-x"
            )
        }
    }

    func add(_ binding: Binding) { patterns.state.add(binding) }

    func remove(_ binding: Binding) { patterns.state.remove(binding) }

    func route(
        key: ByteView,
        headers: ByteView?,
        into destinations: inout [Destination]
    ) throws(WireError) {
        try patterns.state.route(headers: headers, into: &destinations)
    }
}
