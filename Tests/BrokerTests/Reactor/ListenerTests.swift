import CLinux
import Glibc
import Testing

@testable import Broker

@Suite("Listener", .timeLimit(.minutes(5)))
struct ListenerTests {
    @Test("takes a port of the kernel's choice and accepts from it")
    func accepts() throws {
        let listener = try #require(
            try Listener.open(Endpoint(host: "127.0.0.1", port: 0), backlog: 8).first
        )
        #expect(listener.address.port != 0)
        let client = try Client(to: listener.address)
        let accepted = try #require(try acceptOne(listener))
        let server = FileDescriptor(owning: accepted.descriptor)

        #expect(accepted.local == listener.address)
        #expect(accepted.peer == SocketAddress(localOf: client.descriptor.number))
        #expect(accepted.peer.isLoopback)
        #expect(sendOctet(server.number) == .done(1))
    }

    @Test("leaves what exceeds the turn's share for the next turn")
    func bounded() throws {
        let listener = try Listener(.wildcard(isIPv6: false, port: 0), backlog: 8)
        let target = try #require(
            try SocketAddress.resolve(host: "127.0.0.1", port: listener.address.port).first
        )
        let poller = try EpollPoller()
        try poller.add(listener.number, PollToken(slot: 0, registration: 0), trigger: .level)
        let clients = try (0..<3).map { _ in try Client(to: target) }
        defer { withExtendedLifetime(clients) {} }
        var spare = SpareDescriptor()

        var locals: [SocketAddress] = []
        for expected in [2, 1] {
            #expect(poller.wait(timeout: .seconds(10)) == 1)
            let outcome = listener.accept(upTo: 2, spare: &spare) { socket in
                locals.append(socket.local)
                Syscalls.close(socket.descriptor)
            }
            #expect(outcome == .accepted(expected))
        }
        #expect(locals == [target, target, target])
    }

    @Test("says where it cannot listen, and why")
    func addressInUse() throws {
        let listener = try Listener(.wildcard(isIPv6: false, port: 0), backlog: 1)
        let taken = Endpoint(host: "127.0.0.1", port: listener.address.port)
        #expect {
            _ = try Listener.open(taken, backlog: 1)
        } throws: { error in
            "\(error)" == "cannot listen on \(taken): Address already in use"
        }
    }

    @Test("listens on every address of a host name")
    func hostName() throws {
        let listeners = try Listener.open(Endpoint(host: "localhost", port: 0), backlog: 1)
        #expect(!listeners.isEmpty)
        let areLoopback = listeners.allSatisfy { $0.address.isLoopback }
        #expect(areLoopback)
    }

    @Test("says that a host has no address")
    func unknownHost() {
        #expect {
            _ = try Listener.open(Endpoint(host: "host.invalid", port: 0), backlog: 1)
        } throws: { error in
            "\(error)".hasPrefix("cannot resolve host \"host.invalid\": ")
        }
    }

    @Test("closes waiting connections with the spare descriptor, and has it again")
    func spare() throws {
        let listener = try Listener(.wildcard(isIPv6: false, port: 0), backlog: 8)
        let target = try #require(
            try SocketAddress.resolve(host: "127.0.0.1", port: listener.address.port).first
        )
        let clients = try (0..<2).map { _ in try Client(to: target) }
        defer { withExtendedLifetime(clients) {} }
        var spare = SpareDescriptor()
        #expect(spare.closeWaiting(on: listener.number, upTo: 1) == 1)
        #expect(spare.closeWaiting(on: listener.number, upTo: 5) == 1)
        #expect(spare.closeWaiting(on: listener.number, upTo: 5) == 0)
    }

    /// Waits for one connection.
    private func acceptOne(_ listener: Listener) throws -> AcceptedSocket? {
        let poller = try EpollPoller()
        try poller.add(listener.number, PollToken(slot: 0, registration: 0), trigger: .level)
        #expect(poller.wait(timeout: .seconds(10)) == 1)
        var spare = SpareDescriptor()
        var taken: AcceptedSocket?
        _ = listener.accept(upTo: 1, spare: &spare) { taken = $0 }
        return taken
    }
}

@Suite("Socket addresses")
struct SocketAddressTests {
    @Test(
        "are written as people write them",
        arguments: [
            ("127.0.0.1", "127.0.0.1:5672"), ("::1", "[::1]:5672"), ("::", "[::]:5672"),
            ("::ffff:10.1.2.3", "10.1.2.3:5672"), ("2001:db8::7", "[2001:db8::7]:5672"),
        ]
    )
    func text(host: String, expected: String) throws {
        #expect(try SocketAddress.resolve(host: host, port: 5672).map(\.description) == [expected])
    }

    @Test(
        "tell loopback from the rest",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true),
            ("128.0.0.1", false), ("0.0.0.0", false), ("::", false), ("::2", false),
            ("::7f00:1", false), ("fe80::1", false),
        ]
    )
    func loopback(host: String, expected: Bool) throws {
        #expect(try SocketAddress.resolve(host: host, port: 0).map(\.isLoopback) == [expected])
    }
}

/// A connection to a listener on this machine; the kernel answers without the listener's help.
private final class Client {
    let descriptor: FileDescriptor

    init(to address: SocketAddress) throws {
        descriptor = FileDescriptor(owning: clinux_stream_socket(AF_INET))
        var raw = address.raw
        try #require(clinux_connect(descriptor.number, &raw) == 0 || errno == EINPROGRESS)
    }
}
