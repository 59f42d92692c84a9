import Glibc

/// The process's standard output and error: data on the one, talk on the other.
struct Console: Sendable {
    /// Whether `--quiet` silenced everything but errors.
    var isQuiet = false

    /// Gives descriptors 0 to 2 to nothing where the caller closed them.
    ///
    /// Otherwise a connection gets such a number and is written to by mistake; now writing fails.
    static func reserveStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free number is this one.
            _ = open("/dev/null", O_RDONLY)
        }
    }

    /// Writes `bytes` to standard output at once, so that what was shown can be acknowledged.
    ///
    /// - Throws: `CommandFailure` (exit code 1) when the reader has gone away or the disk is full.
    func write(_ bytes: [UInt8]) throws(CommandFailure) {
        guard let code = Self.writeAll(bytes, to: STDOUT_FILENO) else { return }
        if code == EPIPE {
            throw CommandFailure(
                .failure,
                "standard output was closed by the program reading it before everything was written"
            )
        }
        throw CommandFailure(
            .failure,
            "cannot write to standard output: \(SystemError.text(code))"
        )
    }

    func write(_ text: String) throws(CommandFailure) {
        try write(Array(text.utf8))
    }

    /// A remark to the person at the terminal.
    func say(_ text: String) {
        if !isQuiet { Self.report(text) }
    }

    /// Replaces the line last written by this call on a terminal; elsewhere starts a new one.
    func progress(_ text: String) {
        guard !isQuiet else { return }
        Self.toStandardError(isatty(STDERR_FILENO) == 1 ? "\r\u{1B}[K\(text)" : "\(text)\n")
    }

    /// Ends a run of `progress` lines.
    func endProgress() {
        if !isQuiet, isatty(STDERR_FILENO) == 1 { Self.toStandardError("\n") }
    }

    /// Writes a line to standard error even when quiet.
    static func report(_ text: String) {
        toStandardError(text + "\n")
    }

    private static func toStandardError(_ text: String) {
        // Nobody is left to tell when standard error itself cannot be written.
        _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
    }

    /// Writes everything and returns `nil`, or returns the error number that prevented it.
    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var offset = 0
        while offset < bytes.count {
            let written = bytes[offset...].withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if written >= 0 {
                offset += written
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }
}

/// Error numbers of the system in words.
enum SystemError {
    static func text(_ code: Int32) -> String {
        guard let message = strerror(code) else { return "error \(code)" }
        return String(cString: message)
    }
}
