import CLinux

/// The configuration file: lines of `key = value`, comments from `#`.
///
///     # brokerd.conf
///     listeners.tcp.1 = 127.0.0.1:5672
///     log.level = debug       # a comment
///     max_message_size = 16MiB
///
/// Keys are those of rabbitmq.conf where the setting is the same. Everything after the `=` is the
/// value, without the blanks around it; a `#` begins a comment at the start of a line and after a
/// blank.
enum SettingsFile {
    /// Largest file accepted, in octets.
    static let sizeMax = 1 << 20

    /// One line that sets something.
    struct Entry: Equatable {
        let key: String
        let value: String
        /// Counts from 1.
        let line: Int
    }

    /// Cuts a file into its entries.
    ///
    /// - Parameters:
    ///   - text: All of it.
    ///   - name: What errors call it.
    /// - Returns: The entries in their order; keys are not judged.
    /// - Throws: For a line that is neither an entry nor a comment.
    static func parse(_ text: String, name: String) throws(SettingsError) -> [Entry] {
        var entries: [Entry] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let content = trimmed(withoutComment(line))
            if content.isEmpty { continue }
            guard let equals = content.firstIndex(of: "="), equals != content.startIndex else {
                throw SettingsError(
                    .file,
                    "\(name):\(index + 1): \"\(content.prefix(80))\" is not of the form key = value"
                )
            }
            let key = trimmed(content[..<equals])
            let value = trimmed(content[content.index(after: equals)...])
            entries.append(Entry(key: String(key), value: String(value), line: index + 1))
        }
        return entries
    }

    /// Reads a file of at most `sizeMax` octets of UTF-8.
    ///
    /// - Parameter path: Relative to the working directory, or absolute.
    /// - Returns: All of it.
    /// - Throws: When it cannot be read, is too large or is not text.
    static func read(_ path: String) throws(SystemError) -> String {
        let attempt = "cannot read \(path)"
        let number = unsafe clinux_open_read(path)
        if number < 0 { throw SystemError(attempt, .last) }
        let file = FileDescriptor(owning: number)
        var octets = [UInt8](repeating: 0, count: sizeMax + 1)
        var count = 0
        reading: while count < octets.count {
            let result = unsafe octets.withUnsafeMutableBytes { buffer in
                unsafe Syscalls.read(file.number, into: .init(rebasing: buffer[count...]))
            }
            switch result {
            case .done(let read): count += read
            case .closed: break reading
            case .wouldBlock: throw SystemError(attempt, reason: "it is not a file")
            case .failed(let error): throw SystemError(attempt, error)
            }
        }
        if count > sizeMax {
            throw SystemError(attempt, reason: "it is larger than \(sizeMax) bytes")
        }
        guard let text = String(validating: octets.prefix(count), as: UTF8.self) else {
            throw SystemError(attempt, reason: "it is not UTF-8 text")
        }
        return text
    }

    private static func withoutComment(_ line: Substring) -> Substring {
        var previous: Character = " "
        for index in line.indices {
            if line[index] == "#" && isBlank(previous) { return line[..<index] }
            previous = line[index]
        }
        return line
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }

    private static func isBlank(_ character: Character) -> Bool {
        character == " " || character == "\t"
    }
}
