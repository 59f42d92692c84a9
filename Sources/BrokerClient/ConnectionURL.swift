import Wire

/// What is wrong with a connection URL; never repeats the URL, which may hold a password.
public struct ConnectionURLError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}

extension ConnectionOptions {
    /// Reads `amqp://user:password@host:port/vhost` (RabbitMQ's URI specification).
    ///
    /// Every part after the scheme may be left out. User, password and virtual host are
    /// percent-decoded. No path and the path "/" both mean virtual host "/", as most clients have
    /// it; strictly, RabbitMQ's specification makes the latter the empty name. The query
    /// parameters `heartbeat`, `frame_max`, `channel_max` and `connection_timeout` (milliseconds)
    /// are understood.
    public init(url: String) throws(ConnectionURLError) {
        self.init()
        var rest = url[...]
        guard let scheme = rest.firstRange(of: "://") else {
            throw ConnectionURLError(description: "the URL does not begin with amqp://")
        }
        switch rest[..<scheme.lowerBound].lowercased() {
        case "amqp": break
        case "amqps": throw ConnectionURLError(description: "TLS (amqps://) is not supported yet")
        default: throw ConnectionURLError(description: "the URL does not begin with amqp://")
        }
        rest = rest[scheme.upperBound...]
        if let query = rest.firstIndex(of: "?") {
            try readQuery(rest[rest.index(after: query)...])
            rest = rest[..<query]
        }
        if let slash = rest.firstIndex(of: "/") {
            let path = try Self.decoded(rest[rest.index(after: slash)...], part: "virtual host")
            guard let name = ShortString(path) else {
                throw ConnectionURLError(
                    description: "the URL's virtual host is longer than 255 octets"
                )
            }
            if !name.isEmpty { virtualHost = name }
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            try readUser(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        try readAddress(rest)
    }

    private mutating func readUser(_ text: Substring) throws(ConnectionURLError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        user = try Self.decoded(parts[0], part: "user name")
        if parts.count == 2 { password = try Self.decoded(parts[1], part: "password") }
    }

    private mutating func readAddress(_ text: Substring) throws(ConnectionURLError) {
        var text = text
        var name: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else {
                throw ConnectionURLError(description: "the URL's IPv6 address lacks its ]")
            }
            name = text[text.index(after: text.startIndex)..<end]
            text = text[text.index(after: end)...]
        } else {
            name = text.prefix { $0 != ":" }
            text = text.dropFirst(name.count)
        }
        if !name.isEmpty { host = try Self.decoded(name, part: "host") }
        guard !text.isEmpty else { return }
        guard text.first == ":", let number = UInt16(text.dropFirst()), number > 0 else {
            throw ConnectionURLError(
                description: "the URL's port is not a number from 1 to 65535"
            )
        }
        port = number
    }

    private mutating func readQuery(_ text: Substring) throws(ConnectionURLError) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = UInt32(parts[1]) else {
                throw ConnectionURLError(
                    description: "the URL's parameter \(parts[0]) is not a number"
                )
            }
            switch parts[0] {
            case "heartbeat": heartbeatSeconds = UInt16(clamping: value)
            case "frame_max": frameMax = max(UInt32(Frame.minMax), value)
            case "channel_max": channelMax = UInt16(clamping: value)
            case "connection_timeout": timeout = .milliseconds(Int(value))
            default:
                throw ConnectionURLError(
                    description: "the URL's parameter \(parts[0]) is not known"
                )
            }
        }
    }

    private static func decoded(
        _ text: Substring,
        part: String
    ) throws(ConnectionURLError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(text: rest.prefix(2)), radix: 16) else {
                throw ConnectionURLError(
                    description: "the URL's \(part) has a % that two hexadecimal digits must follow"
                )
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw ConnectionURLError(description: "the URL's \(part) is not UTF-8")
        }
        return decoded
    }
}

extension String {
    fileprivate init(text: Substring.UTF8View) {
        self = String(decoding: text, as: UTF8.self)
    }
}
