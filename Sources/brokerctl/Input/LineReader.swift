import Glibc

/// Reads a file or standard input, as a whole or by lines.
struct LineReader {
    /// An open file, closed when nobody reads it any more.
    private final class File: Sendable {
        let descriptor: Int32

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        deinit {
            if descriptor > STDIN_FILENO { close(descriptor) }
        }
    }

    /// `nil` when the text was given.
    private let file: File?
    private let name: String
    private var buffer: [UInt8] = []
    /// Where the unread part of `buffer` starts.
    private var start = 0
    private var isAtEnd = false
    /// Longest line read into memory: RabbitMQ's largest message.
    static let lineBytesMax = 512 << 20

    /// Opens `path`, or standard input for `-`.
    ///
    /// - Throws: `CommandFailure` (exit code 1) naming the file and the system's reason.
    init(path: String) throws(CommandFailure) {
        if path == "-" {
            file = File(descriptor: STDIN_FILENO)
            name = "standard input"
            return
        }
        name = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.failure, "cannot read \(path): \(SystemError.text(errno))")
        }
        file = File(descriptor: descriptor)
    }

    /// Reads from memory.
    init(text: String) {
        file = nil
        name = "the argument"
        buffer = Array(text.utf8)
    }

    /// Everything up to the end of the input.
    mutating func readAll() throws(CommandFailure) -> [UInt8] {
        while try fill() {}
        let content = Array(buffer[start...])
        start = buffer.count
        return content
    }

    /// The next line without its line feed, or `nil` at the end.
    mutating func nextLine() throws(CommandFailure) -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[start..<end])
                start = end + 1
                return line
            }
            searched = buffer.count
            guard searched - start <= Self.lineBytesMax else {
                throw CommandFailure(.failure, "\(name) has a line longer than a message may be")
            }
            let unread = searched - start
            guard try fill() else { break }
            searched = start + unread
        }
        guard start < buffer.count else { return nil }
        let line = Array(buffer[start...])
        start = buffer.count
        return line
    }

    /// Reads what is there, after moving the unread part to the front.
    ///
    /// - Returns: Whether anything was read.
    private mutating func fill() throws(CommandFailure) -> Bool {
        guard !isAtEnd, let file else { return false }
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        let chunkBytes = 65536
        let used = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: chunkBytes))
        var count = -1
        repeat {
            count = buffer.withUnsafeMutableBytes {
                read(file.descriptor, $0.baseAddress?.advanced(by: used), chunkBytes)
            }
        } while count < 0 && errno == EINTR
        let code = errno
        buffer.removeLast(chunkBytes - max(0, count))
        guard count >= 0 else {
            throw CommandFailure(.failure, "cannot read \(name): \(SystemError.text(code))")
        }
        isAtEnd = count == 0
        return count > 0
    }
}
