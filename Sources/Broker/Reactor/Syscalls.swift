import CLinux
import Glibc

/// What moving bytes through a descriptor came to.
enum IOResult: Equatable, Sendable {
    /// This many octets were moved, at least one unless none were asked for.
    case done(Int)
    /// Nothing can be moved now; the poller tells when.
    case wouldBlock
    /// The peer is gone: end of stream, reset or broken pipe.
    case closed
    /// The connection is unusable for another reason (timed out, network down).
    case failed(ErrorNumber)
}

/// The system calls of the reactors: typed results, interruptions retried.
///
/// An errno that can only be a mistake of ours (a bad descriptor, a bad pointer) traps: carrying
/// on could read or write somebody else's connection.
enum Syscalls {
    /// Receives into `buffer`, which is not empty, what is there, without waiting.
    static func receive(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer
    )
        -> IOResult
    {
        let count = retrying {
            unsafe clinux_receive(descriptor, buffer.baseAddress, buffer.count)
        }
        if count == 0 { return .closed }
        return moved(count)
    }

    /// Sends the start of `buffer`, as much as fits into the socket, without SIGPIPE.
    static func send(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> IOResult {
        moved(retrying { unsafe clinux_send(descriptor, buffer.baseAddress, buffer.count) })
    }

    /// Sends `parts` in order, as much as fits into the socket, without SIGPIPE.
    ///
    /// - Parameters:
    ///   - descriptor: A connected stream socket.
    ///   - parts: At most 1,024 (the kernel's IOV_MAX); more is a mistake of ours.
    /// - Returns: The number of octets sent, over all parts.
    static func send(_ descriptor: Int32, parts: UnsafeBufferPointer<iovec>) -> IOResult {
        precondition(parts.count <= 1024, "the kernel takes at most 1024 parts per call")
        return moved(
            retrying { unsafe clinux_send_vector(descriptor, parts.baseAddress, parts.count) }
        )
    }

    /// Writes `buffer` to a file, pipe or terminal.
    static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> IOResult {
        moved(retrying { unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count) })
    }

    /// Reads from a file or pipe into `buffer`, which is not empty; the end is `.closed`.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        let count = retrying {
            unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        }
        if count == 0 { return .closed }
        return moved(count)
    }

    /// Closes `descriptor`; its number may be reused at once.
    ///
    /// Not retried when interrupted: Linux has released the number by then. Which errors a
    /// delayed write could report here does not matter for sockets.
    static func close(_ descriptor: Int32) {
        if Glibc.close(descriptor) != 0 { trapIfOurMistake(.last) }
    }

    /// Ends the sending direction, so that the peer reads what is queued and then the end.
    static func shutdownSending(_ descriptor: Int32) {
        if Glibc.shutdown(descriptor, Int32(SHUT_WR)) != 0 { trapIfOurMistake(.last) }
    }

    /// Ends the receiving direction; a listening socket stops listening.
    static func shutdownReceiving(_ descriptor: Int32) {
        if Glibc.shutdown(descriptor, Int32(SHUT_RD)) != 0 { trapIfOurMistake(.last) }
    }

    /// Sets an integer socket option.
    ///
    /// - Parameters:
    ///   - descriptor: A socket.
    ///   - option: Level, name and value.
    /// - Returns: The error, or `nil` when the option is set.
    @discardableResult
    static func set(_ descriptor: Int32, _ option: SocketOption) -> ErrorNumber? {
        let (level, name, value) = option.arguments
        if clinux_set_option(descriptor, level, name, value) == 0 { return nil }
        trapIfOurMistake(.last)
        return .last
    }

    /// Fills `buffer` with random octets from the kernel.
    static func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = retrying { unsafe getrandom(rest.baseAddress, rest.count, 0) }
            precondition(count >= 0, "the kernel has no random numbers: \(ErrorNumber.last)")
            filled += count
        }
    }

    /// Repeats a call while signals interrupt it.
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result != -1 || ErrorNumber.last.rawValue != EINTR { return result }
        }
    }

    /// Stops the process for errors that only a bug here can cause.
    static func trapIfOurMistake(_ error: ErrorNumber) {
        switch error.rawValue {
        case EBADF, EFAULT, ENOTSOCK: preconditionFailure("system call misused: \(error)")
        default: return
        }
    }

    private static func moved(_ count: Int) -> IOResult {
        if count >= 0 { return .done(count) }
        let error = ErrorNumber.last
        switch error.rawValue {
        case EAGAIN: return .wouldBlock
        case ECONNRESET, EPIPE: return .closed
        default:
            trapIfOurMistake(error)
            return .failed(error)
        }
    }
}

/// The socket options the broker sets.
enum SocketOption: Equatable, Sendable {
    /// Small frames leave at once instead of waiting for an acknowledgement (TCP_NODELAY).
    case noDelay
    /// The kernel probes silent peers (SO_KEEPALIVE).
    case keepAlive
    /// A restarted broker may listen again while old connections linger (SO_REUSEADDR).
    case reuseAddress
    /// Size of the kernel's send buffer in octets (SO_SNDBUF; the kernel doubles it).
    case sendBuffer(bytes: Int32)
    /// Size of the kernel's receive buffer in octets (SO_RCVBUF; the kernel doubles it).
    case receiveBuffer(bytes: Int32)
    /// Whether an IPv6 wildcard leaves IPv4 alone (IPV6_V6ONLY).
    case onlyIPv6(Bool)

    fileprivate var arguments: (level: Int32, name: Int32, value: Int32) {
        switch self {
        case .noDelay: (Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        case .keepAlive: (SOL_SOCKET, SO_KEEPALIVE, 1)
        case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR, 1)
        case .sendBuffer(let bytes): (SOL_SOCKET, SO_SNDBUF, bytes)
        case .receiveBuffer(let bytes): (SOL_SOCKET, SO_RCVBUF, bytes)
        case .onlyIPv6(let only): (Int32(IPPROTO_IPV6), Int32(IPV6_V6ONLY), only ? 1 : 0)
        }
    }
}
