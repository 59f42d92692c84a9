import CLinux
import Glibc
import Testing

@testable import Broker

@Suite("System calls", .timeLimit(.minutes(5)))
struct SyscallsTests {
    @Test("moves octets from one end of a connection to the other")
    func moves() throws {
        let pair = try SocketPair()
        #expect(send([1, 2, 3], to: pair.first.number) == .done(3))
        #expect(receive(from: pair.second.number) == .octets([1, 2, 3]))
    }

    @Test("says that it would have to wait for input")
    func wouldBlock() throws {
        let pair = try SocketPair()
        #expect(receive(from: pair.second.number) == .none(.wouldBlock))
    }

    @Test("takes the end of the stream for the peer's leaving")
    func endOfStream() throws {
        let pair = try SocketPair()
        #expect(send([9], to: pair.first.number) == .done(1))
        Syscalls.shutdownSending(pair.first.number)
        #expect(receive(from: pair.second.number) == .octets([9]))
        #expect(receive(from: pair.second.number) == .none(.closed))
    }

    @Test("takes a broken pipe for the peer's leaving, without a signal")
    func brokenPipe() throws {
        let pair = try SocketPair()
        let first = pair.closingSecond()
        #expect(send([1], to: first.number) == .closed)
    }

    @Test("sends parts in order and says how much did not fit")
    func parts() throws {
        let pair = try SocketPair()
        var first: [UInt8] = [1, 2]
        var second: [UInt8] = [3]
        let result = first.withUnsafeMutableBytes { first in
            second.withUnsafeMutableBytes { second in
                let parts = [
                    iovec(iov_base: first.baseAddress, iov_len: first.count),
                    iovec(iov_base: second.baseAddress, iov_len: second.count),
                ]
                return parts.withUnsafeBufferPointer {
                    Syscalls.send(pair.first.number, parts: $0)
                }
            }
        }
        #expect(result == .done(3))
        #expect(receive(from: pair.second.number) == .octets([1, 2, 3]))
    }

    @Test("fills the socket up and then says that it would have to wait")
    func fullSocket() throws {
        let pair = try SocketPair()
        let block = [UInt8](repeating: 7, count: 65536)
        var result = send(block, to: pair.first.number)
        while case .done(let count) = result {
            #expect(count > 0 && count <= block.count)
            result = send(block, to: pair.first.number)
        }
        #expect(result == .wouldBlock)
    }

    @Test("refuses an option that the socket does not have")
    func option() throws {
        let pair = try SocketPair()
        #expect(Syscalls.set(pair.first.number, .keepAlive) == nil)
        #expect(Syscalls.set(pair.first.number, .noDelay)?.rawValue == EOPNOTSUPP)
    }

    @Test("gives other random octets every time")
    func random() {
        var first = [UInt8](repeating: 0, count: 32)
        var second = first
        first.withUnsafeMutableBytes { Syscalls.fillRandom($0) }
        second.withUnsafeMutableBytes { Syscalls.fillRandom($0) }
        #expect(first != second)
    }

    @Test("calls errors by the system's names")
    func errorText() {
        let error = SystemError("cannot listen", ErrorNumber(rawValue: EADDRINUSE))
        #expect(error.description == "cannot listen: Address already in use")
    }

    @Test("traps when a descriptor is used that is not open")
    func trap() async {
        await #expect(processExitsWith: .failure) { _ = sendOctet(-1) }
    }

    @Test("closes a descriptor when its owner goes, unless it was released")
    func owner() throws {
        let pair = try SocketPair()
        let released = pair.closingSecond().release()
        #expect(fcntl(released, F_GETFD) != -1)
        #expect(send([1], to: released) == .closed)
        Syscalls.close(released)
    }
}

@Suite("Process resources")
struct ProcessResourcesTests {
    @Test("knows the processors and the resident memory")
    func figures() throws {
        #expect(ProcessResources.processorCount >= 1)
        #expect(try #require(ProcessResources.residentBytes) > 100_000)
    }

    @Test("raises the limit on descriptors as far as allowed")
    func descriptors() throws {
        let limit = try ProcessResources.raiseDescriptorLimit()
        #expect(limit >= 256)
        #expect(try ProcessResources.raiseDescriptorLimit() == limit)
    }
}

/// What a receive brought.
private enum Received: Equatable {
    case octets([UInt8])
    case none(IOResult)
}

private func send(_ octets: [UInt8], to descriptor: Int32) -> IOResult {
    octets.withUnsafeBytes { Syscalls.send(descriptor, $0) }
}

private func receive(from descriptor: Int32) -> Received {
    var buffer = [UInt8](repeating: 0, count: 64)
    let result = buffer.withUnsafeMutableBytes { Syscalls.receive(descriptor, into: $0) }
    guard case .done(let count) = result else { return .none(result) }
    return .octets(Array(buffer.prefix(count)))
}
