import Glibc

/// The directory the broker keeps its data in.
package enum DataDirectory {
    /// Makes the directory if its parent exists, and checks that it can be used.
    ///
    /// - Parameter path: Relative to the working directory, or absolute.
    /// - Throws: One clause that says what is wrong with which path.
    package static func prepare(_ path: String) throws(SystemError) {
        let attempt = "cannot use data directory \(path)"
        if unsafe mkdir(path, 0o750) != 0, ErrorNumber.last.rawValue != EEXIST {
            throw SystemError(attempt, .last)
        }
        var information = stat()
        if unsafe stat(path, &information) != 0 { throw SystemError(attempt, .last) }
        guard information.st_mode & S_IFMT == S_IFDIR else {
            throw SystemError(attempt, ErrorNumber(rawValue: ENOTDIR))
        }
        if unsafe access(path, R_OK | W_OK | X_OK) != 0 { throw SystemError(attempt, .last) }
    }
}
