import FoundationEssentials

/// The checked-out tree these tests were compiled from.
enum Repository {
    /// Every text file a person edits, in the order of their paths.
    static func files() throws -> [SourceFile] { try contents.get() }

    private static let contents = Result { try read() }
    private static let roots = ["Sources", "Tests", "docs", "scripts", ".ci"]
    private static let tops = ["Package.swift", "README.md", "CHANGELOG.md", "LICENSE"]
    private static let unread = ["__pycache__", ".pytest_cache", ".build"]

    /// Where this checkout lies.
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast(3).joined(separator: "/")

    private static func read() throws -> [SourceFile] {
        let manager = FileManager.default
        var paths = tops
        for folder in roots where manager.fileExists(atPath: "\(root)/\(folder)") {
            let inside = try manager.subpathsOfDirectory(atPath: "\(root)/\(folder)")
            paths += inside.map { "\(folder)/\($0)" }
        }
        return paths.sorted().compactMap { path in
            let parts = path.split(separator: "/").map(String.init)
            guard !parts.contains(where: unread.contains),
                let data = manager.contents(atPath: "\(root)/\(path)"),
                let text = String(bytes: data, encoding: .utf8)
            else { return nil }
            return SourceFile(path: path, text: text)
        }
    }
}
