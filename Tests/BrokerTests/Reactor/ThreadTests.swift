import CLinux
import Testing

@testable import Broker

@Suite("Threads and locks", .timeLimit(.minutes(5)))
struct ThreadTests {
    @Test("a thread has run when it is joined, under its name")
    func name() throws {
        let seen = Box("")
        let thread = try Thread(name: "brokerd-io-0-and-more") {
            let comm = FileDescriptor(owning: clinux_open_read("/proc/thread-self/comm"))
            var buffer = [UInt8](repeating: 0, count: 64)
            let result = buffer.withUnsafeMutableBytes { Syscalls.read(comm.number, into: $0) }
            if case .done(let count) = result {
                let name = String(decoding: buffer.prefix(count), as: UTF8.self)
                seen.update { $0 = name }
            }
        }
        thread.join()
        #expect(seen.value == "brokerd-io-0-an\n")
    }

    @Test("a lock lets one thread in at a time")
    func exclusion() throws {
        let counter = Box(0)
        let work: @Sendable () -> Void = {
            for _ in 0..<20_000 { counter.update { $0 += 1 } }
        }
        let first = try Thread(name: "first", body: work)
        let second = try Thread(name: "second", body: work)
        first.join()
        second.join()
        #expect(counter.value == 40_000)
    }

    @Test("a lock is let go when its holder throws")
    func throwing() {
        let lock = Lock()
        #expect(throws: CancellationError.self) {
            try lock.withLock { throw CancellationError() }
        }
        lock.withLock {}
    }
}

/// A value that threads share under a lock.
private final class Box<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var stored: Value

    init(_ value: Value) { stored = value }

    var value: Value { lock.withLock { stored } }

    func update(_ body: (inout Value) -> Void) { lock.withLock { body(&stored) } }
}
