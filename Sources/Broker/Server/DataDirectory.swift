import Glibc

/// The directory the broker keeps its data in.
package enum DataDirectory {
    /// Where the data is kept unless a setting says otherwise.
    ///
    /// - Parameters:
    ///   - environment: For `XDG_STATE_HOME` and `HOME`.
    ///   - isRoot: Whether the process runs as root.
    /// - Returns: `/var/lib/brokerd` for root, else `brokerd` in the user's state directory.
    package static func defaultPath(environment: [String: String], isRoot: Bool) -> String {
        if isRoot { return "/var/lib/brokerd" }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return state + "/brokerd"
        }
        return (environment["HOME"] ?? "") + "/.local/state/brokerd"
    }

    /// Makes the directory if its parent exists, and checks that it can be used.
    ///
    /// - Parameters:
    ///   - path: Relative to the working directory, or absolute.
    ///   - makesParents: Whether missing parents are made, too.
    /// - Throws: One clause that says what is wrong with which path.
    package static func prepare(_ path: String, makesParents: Bool = false) throws(SystemError) {
        if makesParents {
            var parent = ""
            for part in path.split(separator: "/").dropLast() {
                parent += "/" + part
                if unsafe mkdir(parent, 0o755) != 0, ErrorNumber.last.rawValue != EEXIST {
                    throw SystemError("cannot use data directory \(parent)", .last)
                }
            }
        }
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
