import CLinux
import Glibc
import Testing

@testable import Broker

/// Two connected stream sockets on this machine, not blocking.
struct SocketPair: ~Copyable {
    let first: FileDescriptor
    let second: FileDescriptor

    init() throws {
        var numbers: [Int32] = [-1, -1]
        // Not to be inherited by programs that other tests start; O_CLOEXEC is SOCK_CLOEXEC.
        let type = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC
        let result = socketpair(AF_UNIX, type, 0, &numbers)
        try #require(result == 0)
        for number in numbers {
            try #require(fcntl(number, F_SETFL, O_NONBLOCK) == 0)
        }
        first = FileDescriptor(owning: numbers[0])
        second = FileDescriptor(owning: numbers[1])
    }

    /// The first end; the second closes.
    consuming func closingSecond() -> FileDescriptor { first }
}
