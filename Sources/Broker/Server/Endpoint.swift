/// Where to listen: a host, or every address of the machine, and a port.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address without brackets; `nil` for every address of the machine.
    package let host: String?
    /// 0 lets the kernel choose.
    package let port: UInt16

    package init(host: String?, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, `[IPV6]:PORT`, or `PORT` alone for every address (as RabbitMQ's
    /// `listeners.tcp`); `nil` for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else {
            guard let port = UInt16(decimal: text) else { return nil }
            self.init(host: nil, port: port)
            return
        }
        guard let port = UInt16(decimal: text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { "[]/ \t".contains($0) }) else { return nil }
        self.init(host: String(host), port: port)
    }

    package var description: String {
        guard let host else { return "\(port)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension FixedWidthInteger {
    /// Reads plain decimal digits: no sign, no blanks.
    init?(decimal text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        self.init(String(text))
    }
}
