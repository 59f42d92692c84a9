import FoundationEssentials

/// A directory of a test's own, removed with what is in it when the test lets go of it.
package final class TemporaryDirectory {
    package let path: String

    /// Makes it where the system keeps what is temporary.
    package init() throws {
        let manager = FileManager.default
        path = "\(manager.temporaryDirectory.path)/brokerd-test-\(UUID().uuidString)"
        try manager.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            preconditionFailure("cannot remove \(path): \(error)")
        }
    }

    /// Makes a file with some text in it; its path.
    package func file(_ name: String, _ text: String) throws -> String {
        let path = "\(path)/\(name)"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }
}
