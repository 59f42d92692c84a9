import CLinux
import Glibc
import Testing
import Wire

/// A client that says exactly what it is told to, and nothing on its own.
final class RawClient {
    private var descriptor: Int32
    private var decoder = FrameDecoder()

    /// Connects without a word; `nil` when the connection is refused.
    init?(port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafeBytes(of: &address) { bytes in
            connect(
                descriptor,
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(bytes.count)
            )
        }
        if result != 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// A client that has logged in.
    static func opened(port: UInt16) throws -> RawClient {
        let client = try #require(RawClient(port: port), "connection refused")
        try client.open()
        return client
    }

    /// Logs in and opens the virtual host, all in one go, and waits for connection.open-ok.
    private func open() throws {
        var encoder = FrameEncoder()
        let login = Array("\0guest\0guest".utf8)
        encoder.appendMethod(ConnectionStartOk(clientProperties: [:], response: login), channel: 0)
        encoder.appendMethod(
            ConnectionTuneOk(channelMax: 10, frameMax: 131_072, heartbeat: 0),
            channel: 0
        )
        encoder.appendMethod(ConnectionOpen(), channel: 0)
        let octets = ProtocolHeader.bytes + encoder.bytes
        try #require(send(descriptor, octets, octets.count, 0) == octets.count)
        while try #require(try nextMethod()).id != ConnectionOpenOk.id {}
    }

    /// Sends a method.
    func tell(_ method: some MethodArguments, on channel: UInt16 = 1) throws {
        var encoder = FrameEncoder()
        encoder.appendMethod(method, channel: channel)
        let octets = encoder.bytes
        try #require(send(descriptor, octets, octets.count, 0) == octets.count)
    }

    /// Waits for the next method; `nil` when the broker closes or says nothing for five minutes.
    func nextMethod() throws -> Method? {
        while true {
            if let frame = try decoder.next(frameMax: 131_072) {
                guard frame.type == .method else { continue }
                return try ByteView.with(frame.payload) { view throws(WireError) in
                    try Method.decode(view)
                }
            }
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, 300_000) == 1 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            decoder.append(Array(buffer.prefix(count)))
        }
    }

    /// Says that it has seen connection.close, and closes.
    func leave() {
        var encoder = FrameEncoder()
        encoder.appendMethod(ConnectionCloseOk(), channel: 0)
        _ = send(descriptor, encoder.bytes, encoder.bytes.count, 0)
        close(descriptor)
        descriptor = -1
    }
}
