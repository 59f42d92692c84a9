import CLinux
import Glibc
import TestSupport
import Testing

/// A running brokerd, the one built beside the tests; killed when the test lets go of it.
final class Daemon {
    private let directory: TemporaryDirectory
    private let process: pid_t
    private let output: Int32
    private var error: Int32
    private var errorBuffer: [UInt8] = []
    private var status: Int32?

    /// Starts brokerd with these arguments and nothing else in its environment.
    ///
    /// - Parameters:
    ///   - arguments: Without the program's name.
    ///   - environment: All of it, but for the data directory.
    ///   - fileBlocksMax: The limit on the size of its files, in blocks of 512 octets.
    /// - Throws: What setting it up throws.
    init(
        _ arguments: [String],
        environment: [String: String] = [:],
        fileBlocksMax: Int? = nil
    ) throws {
        let outputPipe = try Daemon.channel()
        let errorPipe = try Daemon.channel()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, outputPipe.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errorPipe.write, STDERR_FILENO)
        var command = [try Daemon.path()] + arguments
        if let fileBlocksMax {
            let limited = "ulimit -f \(fileBlocksMax) && exec \"$0\" \"$@\""
            command = ["/bin/sh", "-c", limited] + command
        }
        let program = command[0]
        let directory = try TemporaryDirectory()
        var variables = environment
        // Never the machine's own data, nor another test's.
        if variables["BROKERD_DATA_DIR"] == nil { variables["BROKERD_DATA_DIR"] = directory.path }
        self.directory = directory
        var process = pid_t()
        let code = Daemon.withPointers(command) { arguments in
            Daemon.withPointers(variables.map { "\($0.key)=\($0.value)" }) { variables in
                posix_spawn(&process, program, &actions, nil, arguments, variables)
            }
        }
        close(outputPipe.write)
        close(errorPipe.write)
        try #require(code == 0, "cannot start \(program)")
        self.process = process
        output = outputPipe.read
        error = errorPipe.read
    }

    deinit {
        if status == nil {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(output)
        if error >= 0 { close(error) }
    }

    /// Starts brokerd on a port of the kernel's choice and waits until it is ready.
    static func ready(
        _ arguments: [String] = [],
        fileBlocksMax: Int? = nil
    ) throws -> (daemon: Daemon, port: UInt16) {
        let daemon = try Daemon(
            ["--listen", "127.0.0.1:0"] + arguments,
            fileBlocksMax: fileBlocksMax
        )
        let line = try #require(daemon.line(containing: " info ready "), "never ready")
        let port = line.split(separator: ":").last.flatMap { UInt16($0) }
        return (daemon, try #require(port, "\(line)"))
    }

    func send(_ signal: Int32) { kill(process, signal) }

    /// Waits for the end and gives the exit code, or minus the number of the signal it died of.
    func exitCode() -> Int32 {
        if status == nil {
            var status: Int32 = 0
            while waitpid(process, &status, 0) == -1, errno == EINTR {}
            self.status = status
        }
        let status = status ?? 0
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    }

    /// All of standard output, to its end.
    func outputText() -> String {
        var octets: [UInt8] = []
        while let more = Daemon.read(output) { octets += more }
        return String(decoding: octets, as: UTF8.self)
    }

    /// What is left of standard error, to its end.
    func errorText() -> String {
        while let more = Daemon.read(error) { errorBuffer += more }
        defer { errorBuffer = [] }
        return String(decoding: errorBuffer, as: UTF8.self)
    }

    /// The next line of standard error with `text` in it; those before it are dropped.
    func line(containing text: String) -> String? {
        while true {
            while let end = errorBuffer.firstIndex(of: 0x0a) {
                let line = String(decoding: errorBuffer[..<end], as: UTF8.self)
                errorBuffer.removeFirst(end + 1)
                if line.contains(text) { return line }
            }
            guard let more = Daemon.read(error) else { return nil }
            errorBuffer += more
        }
    }

    /// Stops reading standard error, as a log collector that has died.
    func closeError() {
        close(error)
        error = -1
    }

    private static func path() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        try #require(count > 0)
        let octets = buffer.prefix(count).map { UInt8(bitPattern: $0) }
        let folder = octets[...(octets.lastIndex(of: UInt8(ascii: "/")) ?? 0)]
        return String(decoding: folder, as: UTF8.self) + "brokerd"
    }

    /// Two connected ends that other programs started meanwhile do not inherit: one of those
    /// would keep the end of the text from being seen. (O_CLOEXEC is SOCK_CLOEXEC on Linux.)
    private static func channel() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    /// Waits for octets; `nil` at the end, or when none come for five minutes.
    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 300_000) == 1 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }

    private static func withPointers<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
