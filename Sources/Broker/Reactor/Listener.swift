import CLinux
import Glibc

/// A connection as it comes from a listener, on its way to a reactor.
///
/// Whoever takes it last owns the descriptor and closes it, usually by `FileDescriptor(owning:)`.
struct AcceptedSocket: Sendable {
    /// Open, not blocking, TCP_NODELAY set.
    let descriptor: Int32
    let peer: SocketAddress
    let local: SocketAddress
}

/// A listening socket.
final class Listener: Sendable {
    /// What one turn of accepting came to.
    enum Outcome: Equatable, Sendable {
        /// Everything that waited was accepted, or the turn's share of it.
        case accepted(Int)
        /// The process or the machine is out of descriptors or memory: this many connections
        /// were closed unheard.
        case exhausted(closed: Int, ErrorNumber)
    }

    /// Where it really listens, port 0 resolved.
    let address: SocketAddress
    private let descriptor: FileDescriptor

    /// Listens on one address.
    ///
    /// - Parameters:
    ///   - address: Port 0 lets the kernel choose.
    ///   - backlog: Connections that may wait to be accepted.
    /// - Throws: When the address is in use, not ours or not allowed.
    init(_ address: SocketAddress, backlog: Int) throws(SystemError) {
        let attempt = "cannot listen on \(address)"
        let number = clinux_stream_socket(address.isIPv6 ? AF_INET6 : AF_INET)
        if number < 0 { throw SystemError(attempt, .last) }
        let socket = FileDescriptor(owning: number)
        Syscalls.set(number, .reuseAddress)
        if address.isIPv6 { Syscalls.set(number, .onlyIPv6(!address.isWildcard)) }
        var raw = address.raw
        let isBound = unsafe clinux_bind(number, &raw) == 0
        if !isBound || listen(number, Int32(clamping: backlog)) != 0 {
            throw SystemError(attempt, .last)
        }
        self.address = SocketAddress(localOf: number) ?? address
        descriptor = socket
    }

    /// Listens on every address of a host.
    ///
    /// - Parameters:
    ///   - endpoint: Host name or address, or every address of the machine; and port.
    ///   - backlog: Connections that may wait to be accepted, per address.
    /// - Returns: One listener for each address of the host whose family this machine offers.
    /// - Throws: When an address cannot be had, or the host has none here.
    static func open(_ endpoint: Endpoint, backlog: Int) throws(SystemError) -> [Listener] {
        guard let host = endpoint.host else {
            let both = SocketAddress.wildcard(isIPv6: true, port: endpoint.port)
            let onlyIPv4 = SocketAddress.wildcard(isIPv6: false, port: endpoint.port)
            return [try first(of: [both, onlyIPv4], backlog: backlog)]
        }
        let addresses = try SocketAddress.resolve(host: host, port: endpoint.port)
        var listeners: [Listener] = []
        var skipped: SystemError?
        for address in addresses {
            do throws(SystemError) {
                listeners.append(try Listener(address, backlog: backlog))
            } catch {
                guard error.isMissingFamily && addresses.count > 1 else { throw error }
                skipped = skipped ?? error
            }
        }
        if let skipped, listeners.isEmpty { throw skipped }
        return listeners
    }

    private static func first(
        of addresses: [SocketAddress],
        backlog: Int
    )
        throws(SystemError) -> Listener
    {
        for address in addresses.dropLast() {
            do throws(SystemError) {
                return try Listener(address, backlog: backlog)
            } catch {
                guard error.isMissingFamily else { throw error }
            }
        }
        return try Listener(addresses[addresses.count - 1], backlog: backlog)
    }

    /// The number to watch, level-triggered.
    var number: Int32 { descriptor.number }

    /// Accepts what waits.
    ///
    /// - Parameters:
    ///   - countMax: The most connections to take now; the poller reports the rest again.
    ///   - spare: What to fall back on when descriptors run out; shared by all listeners.
    ///   - body: Takes over each accepted socket.
    /// - Returns: How many were accepted, or that there was no room for one.
    func accept(
        upTo countMax: Int,
        spare: inout SpareDescriptor,
        _ body: (AcceptedSocket) -> Void
    ) -> Outcome {
        for count in 0..<countMax {
            var peer = clinux_address()
            let number = Syscalls.retrying { unsafe clinux_accept(descriptor.number, &peer) }
            if number >= 0 {
                body(accepted(number, SocketAddress(peer)))
                continue
            }
            let error = ErrorNumber.last
            switch error.rawValue {
            case EAGAIN: return .accepted(count)
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                let closed = spare.closeWaiting(on: descriptor.number, upTo: countMax - count)
                return .exhausted(closed: closed, error)
            default:
                // The connection failed between arriving and being accepted (accept(2) lists
                // ECONNABORTED and the network's errors): the next one may be fine.
                Syscalls.trapIfOurMistake(error)
            }
        }
        return .accepted(countMax)
    }

    /// Refuses new connections from here on, those that wait included; cannot be undone.
    ///
    /// The descriptor stays open, since closing belongs to the owner: Linux ends the listening
    /// state of a socket that is shut down.
    func stop() { Syscalls.shutdownReceiving(descriptor.number) }

    private func accepted(_ number: Int32, _ peer: SocketAddress) -> AcceptedSocket {
        Syscalls.set(number, .noDelay)
        let local = address.isWildcard ? SocketAddress(localOf: number) ?? address : address
        return AcceptedSocket(descriptor: number, peer: peer, local: local)
    }
}

/// A descriptor held back for the moment there are no more.
///
/// Without it a full process could not even refuse: the waiting connection would stay in the
/// backlog, and a level-triggered listener would report it again at once, for ever.
struct SpareDescriptor: ~Copyable {
    private var descriptor: FileDescriptor?

    init() { descriptor = Self.openNull() }

    /// Closes up to `countMax` waiting connections by lending them the spare descriptor.
    ///
    /// - Parameters:
    ///   - listener: The listening descriptor.
    ///   - countMax: The most connections to close now.
    /// - Returns: How many were closed; 0 also when the spare itself was lost, and then the
    ///   caller has to look away from the listener for a while.
    mutating func closeWaiting(on listener: Int32, upTo countMax: Int) -> Int {
        var closed = 0
        while closed < countMax {
            descriptor = nil
            var peer = clinux_address()
            let number = Syscalls.retrying { unsafe clinux_accept(listener, &peer) }
            if number >= 0 {
                Syscalls.close(number)
                closed += 1
            }
            descriptor = Self.openNull()
            if number < 0 || descriptor == nil { break }
        }
        return closed
    }

    /// Takes a descriptor again if the spare was lost and there are some now.
    mutating func restore() {
        if descriptor == nil { descriptor = Self.openNull() }
    }

    private static func openNull() -> FileDescriptor? {
        let number = clinux_open_null()
        return number < 0 ? nil : FileDescriptor(owning: number)
    }
}

extension SystemError {
    /// Whether the machine lacks the address's family, as with `localhost` without IPv6.
    fileprivate var isMissingFamily: Bool {
        number?.rawValue == EAFNOSUPPORT || number?.rawValue == EADDRNOTAVAIL
    }
}
