/// A virtual host and the one lock around it and all that belongs to it.
///
/// Whoever calls into the core holds this lock: reactors once for each received batch, the
/// flusher to account for what it sent, inspection for a slice at a time.
final class VirtualHostDomain: @unchecked Sendable {
    let lock = Lock()
    let virtualHost: VirtualHost

    init(_ virtualHost: VirtualHost) { self.virtualHost = virtualHost }
}

/// The virtual hosts of the server, by name.
final class VirtualHostRegistry: @unchecked Sendable {
    private let lock = Lock()
    private var domains: [[UInt8]: VirtualHostDomain] = [:]

    func domain(named name: [UInt8]) -> VirtualHostDomain? {
        lock.withLock { domains[name] }
    }

    /// Adds a virtual host under its name.
    func add(_ domain: VirtualHostDomain) {
        lock.withLock { domains[domain.virtualHost.state.name] = domain }
    }

    /// All of them, in order of their names.
    var all: [VirtualHostDomain] {
        lock.withLock {
            domains.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        }
    }
}
