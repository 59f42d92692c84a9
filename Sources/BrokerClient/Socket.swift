import CLinux
import Glibc

/// A connected TCP socket in blocking mode, closed when the last reference to it goes.
final class Socket: Sendable {
    /// What a read brought.
    enum Input: Equatable {
        case bytes(Int)
        case end
        case timedOut
        case failed(String)
    }

    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Tries the addresses of `host` in the resolver's order.
    ///
    /// - Parameters:
    ///   - host: Name or address.
    ///   - port: TCP port.
    ///   - deadline: On the monotonic clock, for all addresses together.
    /// - Returns: The connected socket.
    /// - Throws: `.unreachable` with the reason of the last address tried.
    static func connect(
        host: String,
        port: UInt16,
        deadline: UInt64
    ) throws(ClientError) -> Socket {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw .unreachable(
                "cannot resolve host '\(host)': \(String(cString: gai_strerror(code)))"
            )
        }
        defer { freeaddrinfo(list) }
        var reason = "no address"
        var next = list
        while let address = next?.pointee {
            do {
                return Socket(descriptor: try open(address, deadline: deadline))
            } catch {
                reason = error.reason
            }
            next = address.ai_next
        }
        let shown = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        throw .unreachable("cannot connect to \(shown): \(reason)")
    }

    /// Why one address did not answer.
    private struct Refusal: Error {
        let reason: String
    }

    private static func open(
        _ address: addrinfo,
        deadline: UInt64
    ) throws(Refusal) -> Int32 {
        let kind = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.ai_family, kind, address.ai_protocol)
        guard descriptor >= 0 else { throw Refusal(reason: errorText(errno)) }
        do throws(Refusal) {
            try finishConnecting(descriptor, address, deadline: deadline)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        return descriptor
    }

    private static func finishConnecting(
        _ descriptor: Int32,
        _ address: addrinfo,
        deadline: UInt64
    ) throws(Refusal) {
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return }
        guard errno == EINPROGRESS || errno == EINTR else {
            throw Refusal(reason: errorText(errno))
        }
        guard wait(descriptor, for: POLLOUT, until: deadline) else {
            throw Refusal(reason: "no answer in time")
        }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else { throw Refusal(reason: errorText(code)) }
    }

    /// Waits until `descriptor` is ready or `deadline` passes; ready includes failed.
    private static func wait(
        _ descriptor: Int32,
        for event: Int32,
        until deadline: UInt64?
    ) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while true {
            var milliseconds: Int32 = -1
            if let deadline {
                let now = MonotonicClock.now
                let left = deadline > now ? (deadline - now + 999_999) / 1_000_000 : 0
                milliseconds = Int32(clamping: left)
            }
            let count = poll(&entry, 1, milliseconds)
            if count > 0 { return true }
            if count == 0, let deadline, MonotonicClock.now >= deadline { return false }
        }
    }

    /// Reads what there is, waiting for the first octet.
    ///
    /// - Parameters:
    ///   - buffer: Filled from its start.
    ///   - deadline: On the monotonic clock; `nil` waits for ever.
    /// - Returns: How many octets came, or why none did.
    func read(into buffer: UnsafeMutableRawBufferPointer, deadline: UInt64?) -> Input {
        while true {
            if deadline != nil, !Self.wait(descriptor, for: POLLIN, until: deadline) {
                return .timedOut
            }
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno != EINTR, errno != EAGAIN { return .failed(Self.errorText(errno)) }
        }
    }

    /// Sends everything, waiting for room as long as it takes.
    ///
    /// - Returns: `nil`, or the system's reason when the connection is gone.
    func write(_ bytes: [UInt8]) -> String? {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                offset += count
            } else if errno != EINTR {
                return Self.errorText(errno)
            }
        }
        return nil
    }

    /// Ends both directions, which wakes whoever reads or writes.
    func shutDown() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private static func errorText(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
