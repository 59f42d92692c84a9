import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    let isIPv6: Bool
    package let port: UInt16
    /// Upper half of an IPv6 address, in host order; 0 for IPv4.
    private let high: UInt64
    /// Lower half of an IPv6 address, or the IPv4 address, in host order.
    private let low: UInt64
    private let scope: UInt32

    /// Reads the kernel's form; an IPv4 address mapped into IPv6 (::ffff:127.0.0.1), as an IPv6
    /// wildcard listener reports it, counts as what it is.
    init(_ raw: clinux_address) {
        let isMapped = raw.high == 0 && raw.low >> 32 == 0xffff
        isIPv6 = Int32(raw.family) == AF_INET6 && !isMapped
        port = raw.port
        high = raw.high
        low = isMapped ? raw.low & 0xffff_ffff : raw.low
        scope = raw.scope
    }

    /// The addresses of a host name or of an address in text.
    ///
    /// - Parameters:
    ///   - host: A name, `127.0.0.1`, or `::1` without brackets.
    ///   - port: Taken over unchanged.
    /// - Returns: At least one address, at most 16, each once, in the resolver's order.
    /// - Throws: The resolver's reason.
    static func resolve(host: String, port: UInt16) throws(SystemError) -> [Self] {
        var found = [clinux_address](repeating: clinux_address(), count: 16)
        var error: Int32 = 0
        let count = unsafe found.withUnsafeMutableBufferPointer { buffer in
            unsafe clinux_resolve(host, port, buffer.baseAddress, Int32(buffer.count), &error)
        }
        if count == 0 {
            let reason = unsafe error == 0 ? "no address" : String(cString: gai_strerror(error))
            throw SystemError("cannot resolve host \"\(host)\"", reason: reason)
        }
        return found.prefix(Int(count)).map(Self.init).reduce(into: []) { unique, address in
            if !unique.contains(address) { unique.append(address) }
        }
    }

    /// Every address of the machine, IPv6 (which then takes IPv4 too) or only IPv4.
    static func wildcard(isIPv6: Bool, port: UInt16) -> Self {
        let family = UInt16(isIPv6 ? AF_INET6 : AF_INET)
        return Self(clinux_address(family: family, port: port, scope: 0, high: 0, low: 0))
    }

    /// The address a socket is bound to, or `nil` for a socket of another family.
    init?(localOf descriptor: Int32) {
        var raw = clinux_address()
        if unsafe clinux_local_address(descriptor, &raw) != 0 {
            Syscalls.trapIfOurMistake(.last)
            return nil
        }
        self.init(raw)
    }

    var raw: clinux_address {
        let family = UInt16(isIPv6 ? AF_INET6 : AF_INET)
        return clinux_address(family: family, port: port, scope: scope, high: high, low: low)
    }

    /// Whether only this machine can be at that end: 127.0.0.0/8 or ::1.
    package var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }

    /// Whether this stands for every address of the machine.
    var isWildcard: Bool { high == 0 && low == 0 }

    /// The address without its port: `127.0.0.1`, `::1`.
    package var host: String {
        var raw = raw
        return unsafe withUnsafeTemporaryAllocation(
            of: CChar.self,
            capacity: Int(INET6_ADDRSTRLEN)
        ) { text in
            guard let start = text.baseAddress else { return "" }
            unsafe clinux_address_text(&raw, start)
            return unsafe String(cString: start)
        }
    }

    /// Host and port: `127.0.0.1:5672`, `[::1]:5672`.
    package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
